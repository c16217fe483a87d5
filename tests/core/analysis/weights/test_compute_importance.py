"""Importances of a run that stored none: computed later, equal to closed forms, kept, and taken by the explorer."""

from dataclasses import replace
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.analysis.finished_run import open_models
from core.analysis.stored_results import Analysis, arrays, key_of
from core.analysis.weights import compute_importance as room
from core.analysis.weights.accuracy_over_alpha import alphas
from core.analysis.weights.compute_importance import importance
from core.analysis.weights.importance_summary import importance_view
from core.analysis.weights.ssd_what_if import load
from core.domain.errors import WrongInput
from core.jobs.background import progress, start
from core.pipeline import prepare
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache
from core.training.precomputed import ImportanceStatistic
from tests.planted import plant, spec

BIAS = "classifier.bias"


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """(home, id) of a run whose method needs no importances."""
    home = open_home(tmp_path_factory.mktemp("looked") / "home")
    yield home, plant(home, spec("finetune"))
    load.cache_clear()


def logits_of(opened, examples):
    with torch.no_grad():
        return opened.model("original")(examples.pixels()).double()


def test_the_fisher_of_the_last_bias_is_the_mean_squared_error_of_the_probabilities(planted):
    told = []
    made = importance(*planted, lambda share, note: told.append((share, note)), estimator="per_sample")
    opened = open_models(*planted)
    for prefix, examples in (("forget", opened.splits.forget), ("all", opened.splits.train)):
        errors = logits_of(opened, examples).softmax(1) - F.one_hot(examples.labels, 10)  # d cross-entropy / d bias
        assert made[f"{prefix}/{BIAS}"] == pytest.approx(errors.square().mean(0).numpy(), rel=1e-4, abs=1e-9)
    assert "per_sample" in made
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == pytest.approx(1)
    assert told[0][1].endswith("on the forget set")
    assert told[-1][1].endswith("on all training data")


def test_label_free_importance_is_the_size_of_the_mean_gradient_of_the_logits_length(planted):
    made = importance(*planted, lambda *_: None, estimator="label_free", batch_size=64)
    opened = open_models(*planted)
    z = logits_of(opened, opened.splits.forget)
    z = z[z.argmax(1).argsort(stable=True)]  # sorted by the model's own answers, in batches of 64
    wanted = torch.stack([(2 * part).mean(0).abs() for part in z.split(64)]).mean(0)
    assert made[f"forget/{BIAS}"] == pytest.approx(wanted.numpy(), rel=1e-4)
    assert "per_sample" not in made


def test_only_importances_of_the_original_that_runs_would_begin_with_are_shared_with_them(tmp_path, monkeypatch):
    home = open_home(tmp_path / "home")
    run_id = plant(home, spec("finetune"))
    opened = open_models(home, run_id)
    with ResultStore(home.database) as store:
        job = prepare(opened.run.spec, ArtifactCache(store, Artifacts(home.artifacts_folder)))
        key = job.statistic_key(ImportanceStatistic("batch", 500).key)
        steps = [("", "cpu", False), ("unlearned", "cpu", False), ("original", "cuda", False), ("original", "cpu", True)]
        for kept, device, wanted in steps:
            if kept:
                store.keep(job.original_key, "original", opened.files[kept], 1.0)
            elsewhere = replace(opened, run=replace(opened.run, device=device))
            monkeypatch.setattr(room, "open_models", lambda *_, run=elsewhere: run)
            importance(home, run_id, lambda *_: None, estimator="batch", batch_size=500)
            assert job.cache.has(key) == wanted, (kept, device)


def test_a_batch_of_no_size_is_one_of_the_size_that_ssd_takes(planted):
    made, wanted = (importance(*planted, lambda *_: None, estimator="batch", batch_size=size) for size in (0, 64))
    assert made.keys() == wanted.keys()
    assert all(np.array_equal(made[name], wanted[name]) for name in wanted)


def test_an_estimator_that_is_none_is_refused(planted):
    with pytest.raises(WrongInput, match="importance must be per_sample or batch or label_free; got 'astrology'"):
        importance(*planted, lambda *_: None, estimator="astrology")


def test_the_look_is_computed_by_a_process_kept_and_explored(planted):
    home, run_id = planted
    look = Analysis("importance", run_id, {"estimator": "per_sample", "batch_size": 0})
    start(home, look)
    end = time.monotonic() + 90
    while (now := progress(home, look)).status == "running" and time.monotonic() < end:
        time.sleep(0.05)
    assert now.status == "done", now.error
    key = key_of(home, look)
    made, view = arrays(home, look), importance_view(home, run_id, key)
    layer = next(layer for layer in view["layers"] if layer["layer"] == BIAS)
    assert layer["forget"] == pytest.approx(float(made[f"forget/{BIAS}"].mean()), rel=1e-5)
    assert view["ceiling"] == pytest.approx(1437 / 147)
    curve = alphas(home, run_id, lambda *_: None, lambda_=1.0, importance=key)
    assert len(curve["alpha"]) == len(curve["accuracy/forget"]) == 25
    assert np.all((curve["accuracy/retain"] >= 0) & (curve["accuracy/retain"] <= 1))
    assert int(curve["images/forget"]) == 147
