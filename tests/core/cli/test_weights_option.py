"""`run --weights FILE`: what fits is run and told, what does not ends with one line and nothing queued."""

import json
from pathlib import Path
import shutil

import pytest

from core.cli import run
from core.domain.errors import WrongInput
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.conftest import DIGITS_RUN


@pytest.fixture(scope="module")
def here(first_run, tmp_path_factory):
    """A copy of the shared home, and the weights of its original as a file of the user's."""
    home = Home(Path(shutil.copytree(first_run[0].root, tmp_path_factory.mktemp("weights") / "home")))
    with ResultStore(home.database) as store:
        file = store.artifacts(store.runs()[0].id)["original"]
    mine = home.root.parent / "mine.safetensors"
    shutil.copy(home.artifacts_folder / file, mine)
    return home, mine


def test_a_run_with_own_weights_says_that_they_fit_and_that_the_reference_was_trained(
    here, first_run, python_m_core, in_process, monkeypatch
):
    home, mine = here
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    said = python_m_core(home.root, *DIGITS_RUN, "--weights", str(mine))
    assert said.returncode == 0, said.stderr
    assert said.stderr.splitlines()[0] == "mine.safetensors fits: 38,378 weights"
    report, before = json.loads(said.stdout), json.loads(first_run[1].stdout)
    assert report["id"] != before["id"]
    assert report["seconds"]["train"] == report["seconds"]["reference"] == 0
    assert report["original"] == before["original"], "they are the very weights that were trained there"
    assert report["metrics"] == before["metrics"]
    told = "The original's weights were uploaded; the reference was trained here by the recipe"
    assert report["own_weights"].startswith(told)
    assert before["own_weights"] == ""
    assert f"\n{told}" in in_process("show", report["id"])[1]
    status, shown, _ = in_process("show", before["id"])
    assert status == 0
    assert "were uploaded" not in shown


@pytest.mark.parametrize(
    "name, words", [("none.pth", "none.pth to take weights from"), ("notes.txt", "got 'notes.txt'"), ("junk.pt", "could not be read")]
)
def test_weights_that_do_not_fit_end_with_2_and_one_line(here, in_process, monkeypatch, name, words):
    home, mine = here
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    if name != "none.pth":
        (mine.parent / name).write_text("hello")
    with ResultStore(home.database) as store:
        before = len(store.runs())
    status, out, err = in_process(*DIGITS_RUN, "--weights", str(mine.parent / name))
    assert (status, out) == (2, "")
    assert words in err.splitlines()[-1]
    assert "Traceback" not in err
    with ResultStore(home.database) as store:
        assert len(store.runs()) == before


def test_how_weights_are_read_is_said_of_weights_alone(in_process):
    words = ("run", "--dataset", "digits", "--model", "small_cnn", "--forget", "class:3", "--method", "ssd")
    for option in (("--normalisation", "raw"), ("--class-order", "text"), ("--accept-mapping",)):
        status, _, told = in_process(*words, *option)
        assert status == 2
        assert told.strip().endswith("say how --weights are read; give --weights, too.")


def test_the_command_tells_what_was_tried_and_runs_as_it_was_asked(in_process, home, monkeypatch, tmp_path):
    """With what is said of a file planted, and nothing run."""
    rows = {"dataset": (0.9, 0.2), "raw": (1.0, 0.3)}  # right as they stand here: nine of ten, all; sorted as text: fewer
    orders = [{"name": "", "order": []}, {"name": "matched", "order": [1, 0, *range(2, 10)]}]
    tried = [{"key": key, "title": key.upper(), "likely": "", "orders": [o | {"train": v[i], "test": v[i]} for i, o in enumerate(orders)]}
             for key, v in rows.items()]  # fmt: skip
    said = {"weights": "ab" * 32, "count": 38_378, "notes": ["A note."], "carried": False, "images": [1437, 360]}
    said |= {"best": "raw", "tried": tried}
    asked = []
    monkeypatch.setattr(run, "own_weights", lambda *_: said)
    monkeypatch.setattr(run.submit, "ensure_supervisor", lambda _: None)
    monkeypatch.setattr(run.submit, "submit", lambda _, spec, **about: asked.append(spec) or spec.id)
    monkeypatch.setattr(run, "follow_all", lambda *_: (_ for _ in ()).throw(WrongInput("No further.")))
    words = (*DIGITS_RUN, "--weights", tmp_path / "mine.pth")
    for option, read_as in (
        ((), "raw"), (("--normalisation", "dataset"), "dataset"), (("--class-order", "matched"), "raw matched 1,0,2,3,4,5,6,7,8,9"),
    ):  # fmt: skip
        _, _, told = in_process(*words, *option)
        assert asked[-1].weights_as == read_as
        assert told.splitlines()[:2] == ["mine.pth fits: 38,378 weights", "A note."]
        best = "of 2 ways tried, this one is right most often. Read so it is right on 100 % of 1,437 training images"
        assert (best in told) == (read_as == "raw")
        assert ("With the normalisation raw (RAW)" in told) == (read_as == "dataset")
        assert ("probably its classes stand in the former" in told) == ("matched" in read_as)
    assert len({spec.id for spec in asked}) == 3
    _, _, told = in_process(*words, "--normalisation", "imagenet")
    assert told.strip() == "These weights can be read with the normalisations dataset, raw; got 'imagenet'."


def test_names_that_were_matched_by_order_and_shape_are_printed_and_taken_only_when_that_is_accepted(
    in_process, home, monkeypatch, tmp_path
):
    said = {"weights": "ab" * 32, "count": 38_378, "notes": [], "carried": False, "untried": "Not tried.",
            "mapping": [["features1.weight", "conv1.weight", "16x1x3x3"]]}  # fmt: skip
    asked = []
    monkeypatch.setattr(run, "own_weights", lambda *_: said)
    monkeypatch.setattr(run.submit, "ensure_supervisor", lambda _: None)
    monkeypatch.setattr(run.submit, "submit", lambda _, spec, **about: asked.append(spec) or spec.id)
    monkeypatch.setattr(run, "follow_all", lambda *_: (_ for _ in ()).throw(WrongInput("No further.")))
    words = (*DIGITS_RUN, "--weights", tmp_path / "mine.pth")
    status, _, told = in_process(*words)
    assert (status, asked) == (2, [])
    assert told.splitlines()[0] == "features1.weight -> conv1.weight  16x1x3x3"
    assert "matched by order and shape alone" in told
    assert told.strip().endswith("give --accept-mapping if that is right.")
    _, _, told = in_process(*words, "--accept-mapping")
    assert [spec.weights for spec in asked] == ["ab" * 32]
    assert told.splitlines()[:2] == ["features1.weight -> conv1.weight  16x1x3x3", "mine.pth fits: 38,378 weights"]
