"""A network that was unlearned elsewhere: judged as the run that made it, from files that anybody could have."""

from dataclasses import replace

import pytest
import torch

from core import pipeline
from core.cli import judge
from core.cli import run as run_command_line
from core.domain.errors import WrongInput
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.methods.judged import METHOD, brought, params_of
from core.domain.presets import preset_for
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.export.report.repeat import run_command
from core.jobs import judged_run
from core.jobs.planned_work import planned_work
from core.jobs.validation import NO_FLOOR, again, floor_spec, judged_spec, make_spec, why_no_floor
from core.jobs.write_catalogue import describe
from core.reports.run_report import own_weights
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.related_runs import beside
from core.storage.runs import ResultStore
from core.training.cache import to_tensors
from core.training.uploaded_weights.stored_weights import store_weights
from tests.planted import plant

SHELVES = describe()
ASKED = (SHELVES, "digits", "small_cnn", parse_request("class:3"))
A, B, C = ("a" * 64, "file"), ("b" * 64, "file"), ("c" * 64, "raw")


@pytest.fixture
def quick(monkeypatch):
    """One epoch of training, and what the pipeline sets given back."""
    preset = preset_for("digits", "small_cnn")
    monkeypatch.setattr("core.training.run_setup.preset_for", lambda *_: replace(preset, recipe=replace(preset.recipe, epochs=1)))
    monkeypatch.setattr("core.metrics.membership_inference.SPLITS", 2)
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cpu")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    yield
    torch.set_deterministic_debug_mode("default")


def quiet(*_):
    """No progress."""


def numbers(outcome):
    return {(m.metric, m.model): m.value for m in outcome.measurements}


def alike(one, other):
    """Every number of both, to 1e-6, and none where there is none."""
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert other[key] == (None if value is None else pytest.approx(value, abs=1e-6, rel=1e-6, nan_ok=True)), key


def test_a_network_that_our_own_ssd_made_has_the_numbers_of_the_ssd_run(tmp_path, monkeypatch, quick):
    """In another home, from three files, the reference once brought, once trained there and once left out."""
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "here"))
    here = open_home()
    ssd = pipeline.run(make_spec(*ASKED, "ssd", {}), here, quiet)
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "there"))
    there = open_home()
    weights = {}
    for name in ("original", "unlearned", "reference"):
        state = to_tensors(Artifacts(here.artifacts_folder).get_arrays(ssd.artifacts[name]))
        torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / f"{name}.pth")
        stored = store_weights(there, "digits", "small_cnn", str(tmp_path / f"{name}.pth"))
        weights[name] = (str(stored["weights"]), "file")
    two = {"original": weights["original"], "unlearned": weights["unlearned"]}
    whole = judged_run.run(judged_spec(*ASKED, **two, brought=weights["reference"]), there, quiet)
    alike(numbers(whole), numbers(ssd))
    assert {model for _, model in numbers(ssd)} == set(weights)
    assert {name: whole.artifacts[name] for name in weights} == {name: ssd.artifacts[name] for name in weights}
    made_here = {"recorded", "training", *(name for name in ssd.artifacts if name.startswith("statistic/"))}
    assert set(ssd.artifacts) - set(whole.artifacts) <= made_here
    assert whole.speedup is None
    assert whole.seconds["unlearn"] == whole.seconds["train"] == whole.seconds["reference"] == 0.0
    trained = judged_run.run(judged_spec(*ASKED, **two), there, quiet)
    alike(numbers(trained), numbers(ssd))
    assert trained.seconds["reference"] > 0
    curves = Artifacts(there.artifacts_folder).get_table(trained.artifacts["training"])
    assert curves["model"].tolist() == ["reference"], "one epoch of the one network that was trained here"
    bare = judged_run.run(judged_spec(*ASKED, **two, reference=False), there, quiet)
    assert "reference" not in bare.artifacts
    assert not [model for _, model in numbers(bare) if model == "reference"]
    assert numbers(bare)["test_forget_accuracy", "unlearned"] == numbers(ssd)["test_forget_accuracy", "unlearned"]
    with pytest.raises(WrongInput, match="gone or damaged"):
        judged_run.run(judged_spec(*ASKED, original=two["original"], unlearned=("0" * 64, "")), there, quiet)


def test_every_file_is_part_of_what_makes_the_run_that_run():
    specs = [
        judged_spec(*ASKED, original=A, unlearned=B), judged_spec(*ASKED, original=A, unlearned=C),
        judged_spec(*ASKED, original=C, unlearned=B),
        judged_spec(*ASKED, original=A, unlearned=B, brought=C), judged_spec(*ASKED, original=A, unlearned=B, reference=False),
    ]  # fmt: skip
    assert len({spec.id for spec in specs}) == 5
    assert all(RunSpec.from_json(spec.to_json()) == spec for spec in specs)
    assert all(again(spec, SHELVES, reference=spec.reference) == spec for spec in specs)
    assert brought(specs[3]) == {"unlearned": B, "reference": C}
    assert params_of(("b", "")) == {"unlearned": "b"}
    assert brought(make_spec(*ASKED, "ssd", {})) == {}
    assert {spec.engine.partition("-")[0] for spec in specs} == {make_spec(*ASKED, "ssd", {}).engine.partition("-")[0]}


def test_it_is_said_where_each_network_comes_from():
    start = "The original and the unlearned network were made elsewhere and brought; "
    told = [own_weights(judged_spec(*ASKED, original=A, unlearned=B, **about)) for about in ({}, {"brought": C}, {"reference": False})]
    assert all(sentence.startswith(start) for sentence in told)
    assert "the reference was trained here by the recipe" in told[0]
    assert "the reference was brought, too." in told[1]
    assert "a reference was left out" in told[2]


def test_a_second_reference_stands_beside_one_that_was_trained_here_alone(tmp_path):
    home = open_home(tmp_path / "home")
    trained, carried, bare = (
        judged_spec(*ASKED, original=A, unlearned=B, **about) for about in ({}, {"brought": C}, {"reference": False})
    )  # fmt: skip
    assert why_no_floor(trained) == ""
    assert why_no_floor(carried) == NO_FLOOR
    assert "this run has none" in why_no_floor(bare)
    floor = plant(home, floor_spec(trained, SHELVES))
    assert floor == floor_spec(carried, SHELVES).id, "the same network"
    with ResultStore(home.database) as store:
        found = beside(store, trained).floor
        assert found
        assert found.id == floor
        assert beside(store, carried).floor is None, "by another recipe than the reference"


def test_its_command_asks_for_the_same_files():
    said = " ".join(run_command(judged_spec(*ASKED, original=C, unlearned=B, brought=C)).replace("\\\n", "").split())
    assert said == (
        "python -m core judge --original WEIGHTS_FILE --unlearned UNLEARNED_FILE --reference REFERENCE_FILE --dataset digits --model "
        "small_cnn --forget class:3 --seed 0 --normalisation raw"
    )
    assert run_command(judged_spec(*ASKED, original=A, unlearned=B), floor=True).endswith("--seed 0 --floor")
    assert "--no-reference" in run_command(judged_spec(*ASKED, original=A, unlearned=B, reference=False))


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(WrongInput, match="was trained elsewhere"):
        judged_spec(SHELVES, "digits", "small_cnn", parse_request("mislabelled:0.05"), original=("", ""), unlearned=B)
    with pytest.raises(WrongInput, match="names no unlearned network"):
        judged_run.run(RunSpec("digits", "small_cnn", parse_request("class:3"), METHOD), None, quiet)
    for without in ({"brought": C}, {"reference": False}):
        with pytest.raises(WrongInput, match="this run trains nothing, so leave the recipe out"):
            judged_spec(*ASKED, original=A, unlearned=B, recipe={"epochs": 3}, **without)


def test_the_reference_that_is_trained_here_may_have_a_recipe_of_the_users_own():
    spec = judged_spec(*ASKED, original=A, unlearned=B, recipe={"epochs": "3"})
    assert spec.recipe == {"epochs": 3}
    assert again(spec, SHELVES, reference=True) == spec
    assert "--recipe epochs=3" in run_command(spec)
    assert "(3 epochs of sgd" in own_weights(spec)


def test_its_work_is_reckoned_without_an_unlearning(home, quick, monkeypatch):
    one = {"seconds": 1.0, "operations": 1e6, "bytes": 1.0, "weights": 1.0}
    monkeypatch.setattr("core.jobs.planned_work._measured", lambda *_: one)
    passes = planned_work(home, "digits", "small_cnn", METHOD, params_of(B), "class:3")["passes"]
    assert passes["unlearn"] == passes["precompute"] == 0
    assert passes["evaluate"] > 0


def test_the_command_brings_the_files_and_asks_for_one_run(home, in_process, monkeypatch, tmp_path):
    """With what is said of the files planted, and nothing run."""
    said = {"count": 38_378, "notes": [], "untried": "Not tried."}
    carried = {"o.pth": False, "u.pth": True, "r.pth": False}
    monkeypatch.setattr(
        run_command_line, "own_weights",
        lambda _, dataset, model, path: said | {"weights": path[-5] * 64, "carried": carried[path[-5:]]},
    )  # fmt: skip
    asked = []
    monkeypatch.setattr(judge.submit, "submit", lambda _, spec, **about: asked.append(spec) or spec.id)
    monkeypatch.setattr(judge, "follow_all", lambda *_: (_ for _ in ()).throw(WrongInput("No further.")))
    words = ("judge", "--dataset", "digits", "--model", "small_cnn", "--forget", "class:3", "--original", tmp_path / "o.pth",
             "--unlearned", tmp_path / "u.pth")  # fmt: skip
    assert in_process(*words, "--floor", "--reference", tmp_path / "r.pth")[::2] == (2, NO_FLOOR + "\n")
    assert "leave out --floor or --no-reference" in in_process(*words, "--floor", "--no-reference")[2]
    assert not asked
    for more in ((), ("--reference", tmp_path / "r.pth"), ("--no-reference",), ("--normalisation", "raw", "--seed", "4")):
        status, _, told = in_process(*words, *more)
        assert (status, told.splitlines()[-1]) == (2, "No further.")
    assert [spec.weights for spec in asked] == ["o" * 64] * 4
    assert [brought(spec) for spec in asked] == [
        {"unlearned": ("u" * 64, "file")}, {"unlearned": ("u" * 64, "file"), "reference": ("r" * 64, "dataset")},
        {"unlearned": ("u" * 64, "file")}, {"unlearned": ("u" * 64, "raw")},
    ]  # fmt: skip
    assert [(spec.reference, spec.seed) for spec in asked] == [(True, 0), (True, 0), (False, 0), (True, 4)]
    assert {spec.method for spec in asked} == {METHOD}
    in_process(*words, "--floor")
    judged, floor = asked[4:]
    assert floor == floor_spec(judged, SHELVES)
    assert (floor.method, floor.weights, floor.seed) == (SECOND_REFERENCE_METHOD, "o" * 64, 0)
    status, _, told = in_process(*words, "--no-reference", "--reference", "r.pth")
    assert (status, len(asked)) == (2, 6)
    assert "give one of them" in told
