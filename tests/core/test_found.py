"""Original and reference are measured once for all runs of a request, and the numbers are those of measuring them anew."""

from dataclasses import replace
import sqlite3

import pytest
import torch

from core import evaluation, pipeline
from core.asking import make_spec
from core.describe import describe
from core.domain import ForgetRequest
from core.metrics import relearning
from core.presets import PRESETS
from core.store.home import open_home

SHELVES = describe()
LEFT_ALONE = ("original", "reference")
PREDICT, RELEARN = evaluation.predict, relearning._relearn


@pytest.fixture
def compute(home, monkeypatch):
    """One epoch, two splits of the attack: (method, request, home, ...) -> measurements by model and metric; `asked`: how many
    networks were asked for answers since the last run.
    """
    preset = PRESETS["digits", "small_cnn"]
    monkeypatch.setitem(PRESETS, ("digits", "small_cnn"), replace(preset, recipe=replace(preset.recipe, epochs=1)))
    monkeypatch.setattr("core.metrics.membership.SPLITS", 2)
    monkeypatch.setattr("core.metrics.relearning.LIMIT", 3)
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cpu")
    calls = []
    monkeypatch.setattr(evaluation, "predict", lambda *about: calls.append(1) or PREDICT(*about))

    def run(method="ssd", forget="class:3", at=home, reference=True, **settings):
        calls.clear()
        spec = make_spec(SHELVES, "digits", "small_cnn", ForgetRequest.parse(forget), method, settings, reference=reference)
        told = pipeline.run(spec, at, lambda *_: None)
        run.asked = len(calls) // 2  # each on the training and on the test set
        return {(m.model, m.metric): (m.value, m.reason) for m in told.measurements}

    yield run
    torch.set_deterministic_debug_mode("default")


def files(home):
    with sqlite3.connect(home.database) as db:
        return [home.artifacts_folder / file for (file,) in db.execute("select file from kept where kind like 'found@%'")]


def test_a_second_method_asks_only_its_own_network_and_gets_the_numbers_of_a_fresh_home(compute, home, tmp_path):
    first = compute()
    assert compute.asked == 3
    second = compute("finetune", epochs=1)
    assert compute.asked == 1
    alone = compute("finetune", at=open_home(tmp_path / "other"), epochs=1)
    assert compute.asked == 3
    assert second == alone
    same = {key: value for key, value in first.items() if key[0] in LEFT_ALONE}
    assert same.items() <= second.items()
    assert any(reason for _, reason in same.values()), "reasons against a number are among what is shared"
    assert len(files(home)) == 1


def test_another_request_another_wording_and_no_reference_are_found_apart(compute, home):
    compute()
    for about in ({"forget": "class:4"}, {"forget": "samples:1,2,3"}, {"reference": False}):
        compute(**about)
        assert compute.asked == (3 if about.get("reference", True) else 2)
    assert len(files(home)) == 4


def test_what_is_damaged_is_found_again(compute, home):
    first = compute()
    (file,) = files(home)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert compute() == first
    assert compute.asked == 3
    assert file.read_bytes() == whole
    file.unlink()
    assert compute() == first
    assert compute.asked == 3


def test_what_a_run_did_not_measure_the_next_one_adds(compute, monkeypatch, home):
    whole, tables = dict(evaluation.METRICS), dict(evaluation.TABLES)
    slow = {"relearn_steps", "anamnesis_index"}
    monkeypatch.setattr(evaluation, "METRICS", {key: metric for key, metric in whole.items() if key not in slow})
    monkeypatch.setattr(evaluation, "TABLES", {key: table for key, table in tables.items() if key != "relearn"})
    compute()
    monkeypatch.setattr(evaluation, "METRICS", whole)
    monkeypatch.setattr(evaluation, "TABLES", tables)
    counted = []
    monkeypatch.setattr(relearning, "_relearn", lambda evidence, model: counted.append(model) or RELEARN(evidence, model))
    compute()
    assert sorted(counted) == ["original", "reference", "unlearned"]
    assert compute.asked == 1
    compute(alpha=2.0)
    assert counted[3:] == ["unlearned"]


def test_what_another_version_found_is_forgotten(compute, home):
    compute()
    with sqlite3.connect(home.database) as db:
        db.execute("update kept set kind = 'found@older', key = 'older' where kind like 'found@%'")
    compute()
    assert compute.asked == 3
    with sqlite3.connect(home.database) as db:
        assert db.execute("select count(*) from kept where key = 'older'").fetchone() == (0,)
