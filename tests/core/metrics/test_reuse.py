"""Original and reference are measured once for all runs of a request, and the numbers are those of measuring them anew.

A first run, SSD on class 3, is computed once; each test begins in a copy of its home.
"""

import json
import shutil
import sqlite3

import pytest
import torch

from core import pipeline
from core.data.registry import load_dataset
from core.domain.requests.registry import parse_request
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.metrics import evaluate, relearning
from core.storage.home import Home, open_home
from core.training import run_setup
from tests.attributes import one_epoch

SHELVES = describe()
LEFT_ALONE = ("original", "reference")
THREES = (load_dataset("digits").train.labels == 3).nonzero().flatten().tolist()
PREDICT, RELEARN = evaluate.predict, relearning._relearn


def briefly(patch):
    """One epoch, two splits of the attack, three steps of relearning."""
    one_epoch(patch)
    patch.setattr("core.metrics.relearning.LIMIT", 3)


def outcome(method, forget, at, reference=True, seed=0, weights="", **settings):
    """The run, computed in that home."""
    request = parse_request(forget)
    spec = make_spec(SHELVES, "digits", "small_cnn", request, method, settings, reference=reference, seed=seed, weights=weights)
    return pipeline.run(spec, at, lambda *_: None)


@pytest.fixture(scope="session")
def began(made_once):
    """A folder with the `home` of SSD on class 3, and what it measured."""

    def fill(folder):
        with pytest.MonkeyPatch.context() as patch:
            briefly(patch)
            told = outcome("ssd", "class:3", open_home(folder / "home"))
        torch.set_deterministic_debug_mode("default")
        rows = [(m.model, m.metric, m.value, m.reason) for m in told.measurements]
        (folder / "measured.json").write_text(json.dumps(rows))

    return made_once("found-home", fill)


@pytest.fixture
def first(began, home):
    """The home holds the first run's networks and what was found of them; the measurements by model and metric."""
    shutil.rmtree(home.root)
    shutil.copytree(began / "home", home.root)
    rows = json.loads((began / "measured.json").read_text())
    return {(model, metric): (value, reason) for model, metric, value, reason in rows}


@pytest.fixture
def compute(home, monkeypatch):
    """(method, request, home, ...) -> measurements by model and metric; `asked`: how many networks were asked for answers by
    the last run; `files`: what it stored, by name.
    """
    briefly(monkeypatch)
    calls = []
    monkeypatch.setattr(evaluate, "predict", lambda *about: calls.append(1) or PREDICT(*about))

    def run(method="ssd", forget="class:3", at=home, **about):
        calls.clear()
        told = outcome(method, forget, at, **about)
        run.asked = len(calls) // 2  # each on the training and on the test set
        run.files = {name: file for name, file in told.artifacts.items() if name != "costs"}  # named by their content
        return {(m.model, m.metric): (m.value, m.reason) for m in told.measurements}

    yield run
    torch.set_deterministic_debug_mode("default")


UNTRAINED = 2  # predictions of an untrained network, on forget and test images
SHARED = 15 + UNTRAINED  # results of a first run: seven of the original, those and grafts of the reference


def kept(home, kind="result"):
    """The files kept under this kind."""
    with sqlite3.connect(home.database) as db:
        return [home.artifacts_folder / file for (file,) in db.execute("select file from kept where kind like ?", (f"{kind}/%",))]


def test_a_second_method_asks_only_its_own_network_and_gets_the_numbers_of_a_fresh_home(first, compute, home, tmp_path):
    second = compute("finetune", epochs=1)
    assert compute.asked == 1
    files = compute.files
    alone = compute("finetune", at=open_home(tmp_path / "other"), epochs=1)
    assert compute.asked == 3
    assert second == alone
    assert files == compute.files, "the tables and the answers that pages look at are the same too"
    same = {key: value for key, value in first.items() if key[0] in LEFT_ALONE}
    assert same.items() <= second.items()
    assert any(reason for _, reason in same.values()), "reasons against a number are among what is shared"
    assert (len(kept(home)), len(kept(home, "answers"))) == (SHARED, 2)


@pytest.mark.parametrize("about, asked", [
    ({"forget": "class:4"}, 2),  # the original is the same
    ({"forget": f"samples:{','.join(map(str, THREES))}"}, 1),  # other words, which metrics read, and the same networks
    ({"forget": "samples:1,2,3"}, 2),
    ({"forget": "mislabelled:0.1"}, 3),  # another original too
    ({"reference": False}, 1),
    ({"seed": 1}, 3),
])  # fmt: skip
def test_what_differs_is_found_apart(first, compute, home, tmp_path, about, asked):
    told = compute(**about)
    assert compute.asked == asked
    assert len(kept(home)) >= SHARED  # without a reference the original's are the same
    assert told == compute(at=open_home(tmp_path / "other"), **about)


def test_another_network_under_the_same_name_is_measured_anew(first, compute, home, monkeypatch):
    """A damaged original that is trained again need not become the same: by another number of threads its weights differ."""
    with sqlite3.connect(home.database) as db:
        db.execute("delete from kept where kind = 'original'")
    fit = run_setup.fit
    monkeypatch.setattr(run_setup, "fit", lambda *about, **how: nudged(fit(*about, **how)))
    again = compute()
    assert compute.asked == 2
    assert again["original", "parameter_distance_to_reference"] != first["original", "parameter_distance_to_reference"]
    assert len(kept(home)) == 2 * SHARED - UNTRAINED, "those of the reference are held against another original"


def nudged(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * parameter.abs().mean())
    return model


def test_what_is_damaged_is_found_again(first, compute, home):
    results, (one, other) = sorted(kept(home)), kept(home, "answers")
    for file, asked in ((results[0], 1), (results[-1], 1), (one, 2), (other, 2)):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        assert compute() == first
        assert compute.asked == asked
        assert file.read_bytes() == whole
        file.unlink()
        assert compute() == first
        assert file.read_bytes() == whole


def test_what_a_run_did_not_measure_the_next_one_adds(compute, monkeypatch):
    whole, tables = dict(evaluate.METRICS), dict(evaluate.TABLES)
    slow = {"relearn_steps", "anamnesis_index"}
    monkeypatch.setattr(evaluate, "METRICS", {key: metric for key, metric in whole.items() if key not in slow})
    monkeypatch.setattr(evaluate, "TABLES", {key: table for key, table in tables.items() if key != "relearn"})
    compute()
    monkeypatch.setattr(evaluate, "METRICS", whole)
    monkeypatch.setattr(evaluate, "TABLES", tables)
    counted = []
    monkeypatch.setattr(relearning, "_relearn", lambda evidence, model: counted.append(model) or RELEARN(evidence, model))
    compute()
    assert sorted(counted) == ["original", "reference", "unlearned"]
    compute(alpha=2.0)
    assert counted[3:] == ["unlearned"]


def test_what_another_version_found_is_forgotten(first, compute, home):
    with sqlite3.connect(home.database) as db:
        db.execute("update kept set kind = replace(kind, '@', '@older'), key = 'older' || key where kind like '%@%'")
    compute()
    assert compute.asked == 3
    with sqlite3.connect(home.database) as db:
        assert db.execute("select count(*) from kept where key like 'older%'").fetchone() == (0,)


@pytest.mark.parametrize("forget", ["class:3", "random:0.1"])
def test_of_a_costly_network_a_later_run_passes_images_through_its_own_alone(compute, monkeypatch, forget):
    monkeypatch.setattr("core.metrics.evaluated_images.OPERATIONS", 1.0)
    monkeypatch.setattr("core.metrics.evaluated_images.FEWEST", 50)
    passes, observe = [], evaluate.predict_and_observe
    monkeypatch.setattr(evaluate, "predict_and_observe", lambda *about: passes.append(1) or observe(*about))
    compute("original", forget=forget)
    assert len(passes) == 6  # three networks on training and test images
    passes.clear()
    compute("finetune", forget=forget, epochs=1)
    assert len(passes) == 2


def test_what_a_draw_of_the_images_gave_is_not_taken_for_what_all_of_them_give(first, compute, home, tmp_path):
    """Its evaluation is made whole on the page; the home of `first` evaluated all images at once."""
    fresh = open_home(tmp_path / "other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.metrics.evaluated_images.OPERATIONS", 1.0)
        patch.setattr("core.metrics.evaluated_images.FEWEST", 50)
        drawn = compute(at=fresh)
    assert drawn != first
    assert compute(at=fresh) == first


def test_what_a_shortened_relearning_gave_is_not_taken_for_the_whole(first, compute, home, tmp_path):
    """All images are evaluated both times."""
    fresh = open_home(tmp_path / "other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.metrics.relearning.OPERATIONS", 1.0)
        patch.setattr("core.metrics.layer_grafting.OPERATIONS", 1.0)
        short = compute(at=fresh)
    reason = short["reference", "relearn_steps"][1]
    assert reason.startswith("Not learnt back in 1 steps")
    assert first["reference", "relearn_steps"][1].startswith("Not learnt back in 3 steps")
    whole = compute(at=fresh)
    assert whole == first


@pytest.mark.parametrize("after", ["prepare", "train", "precompute", "evaluate"])
def test_code_that_changes_while_a_run_computes_is_given_none_of_its_files(compute, home, monkeypatch, began, after):
    does = getattr(pipeline, after)

    def changed(*about):
        told = does(*about)
        for version in ("shared_version", "training_version"):
            monkeypatch.setattr(f"core.domain.code_version.{version}", lambda *_: "newer")
            monkeypatch.setattr(f"core.training.run_setup.{version}", lambda *_: "newer")
        return told

    monkeypatch.setattr(pipeline, after, changed)
    compute()
    assert len(names(home)) == 7 + SHARED, "two networks, their curves and answers, a statistic, and the results of both"
    assert names(home) == names(Home(began / "home"))


def names(home):
    with sqlite3.connect(f"file:{home.database}?mode=ro", uri=True) as db:
        return sorted(db.execute("select key, kind from kept"))
