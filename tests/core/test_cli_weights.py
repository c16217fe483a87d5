"""`run --weights FILE`: what fits is run and told, what does not ends with one line and nothing queued."""

import json
from pathlib import Path
import shutil

import pytest

from core.store.home import Home
from core.store.results import ResultStore
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
