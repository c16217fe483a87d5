"""The functions of `core.api`: what they return is what the home holds; what is wrong is told in one sentence."""

import json
import os
from pathlib import Path
import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch

from core.api import NotDone, RunResult, asking, compare, explain, judge, load, run, study
from core.data.registry import load_dataset
from core.domain.errors import WrongInput
from core.domain.requests.samples import SamplesRequest
from core.domain.run import RunStatus
from core.jobs.catalogue import catalogue
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.planted import plant, spec

ROOT = Path(__file__).resolve().parents[3]
NOTEBOOK = ROOT / "assets" / "guide" / "python-api.ipynb"


@pytest.fixture(scope="module")
def finished(first_run):
    """A real run: SSD on digits, class 3."""
    home, said = first_run
    return RunResult(json.loads(said.stdout)["id"], home)


@pytest.fixture
def shelves(home, catalogue_folder):
    from core.domain.code_version import catalogue_version

    shutil.copytree(catalogue_folder, home.root / "catalogue" / catalogue_version())
    return catalogue(home.root)


def test_importing_it_takes_no_torch():
    code = "import sys, core.api; sys.exit('torch' in sys.modules or 'streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_networks_of_a_run_are_those_whose_numbers_it_tells(finished):
    test = load_dataset("digits").test
    of_class = (test.labels == 3).nonzero()[:, 0]
    for name in ("original", "unlearned", "reference"):
        model = finished.network(name)
        with torch.no_grad():
            right = (model(test.subset(of_class).pixels()).argmax(1) == 3).double().mean().item()
        assert finished.metrics.loc["test_forget_accuracy", name] == pytest.approx(right)
        assert finished.per_class().loc["3", name] == pytest.approx(right)
    with pytest.raises(WrongInput, match="has no second model; it has original, unlearned, reference"):
        finished.network("second")
    with pytest.raises(WrongInput, match="no accuracies by class of a split 'validation'; there are test and train"):
        finished.per_class("validation")


def test_a_notebook_shows_the_verdict_and_bars_by_class(finished):
    html = finished._repr_html_()
    assert html.startswith("<div")
    assert finished.first_screen.lead in html
    assert finished.verdict == f"{finished.first_screen.lead}. {finished.first_screen.sentence}"
    assert html.count("3 (forgotten)") == 1
    shares = finished.per_class()
    assert html.count("height:.5em;background:") == shares.notna().sum().sum() == 30
    assert f"width:{100 * shares.loc['5', 'unlearned']:.1f}%" in html
    assert "<script" not in html
    assert repr(finished) == f"<Run {finished.id}: ssd, class:3 of digits, seed 0>"


def test_what_is_recorded_and_taken_along_is_the_run(finished, tmp_path, monkeypatch):
    dampening = finished.recorded()["dampening/classifier.weight"]
    original, unlearned = (finished.network(name).get_parameter("classifier.weight").detach().numpy() for name in ("original", "unlearned"))
    np.testing.assert_allclose(original * dampening, unlearned, rtol=1e-6)
    assert "<!doctype html>" in finished.save_html(tmp_path / "run.html").read_text()
    with pytest.raises(WrongInput, match=r"run\.html is there already"):
        finished.save_html(tmp_path / "run.html")
    bundle = finished.save_bundle(tmp_path / "run.zip")
    brought = load(bundle, home=tmp_path / "other")
    assert brought.home.root == tmp_path / "other"
    assert brought.id != finished.id or brought.home != finished.home
    assert brought.metrics.equals(finished.metrics)


def test_runs_stand_side_by_side(finished):
    side = compare(finished, finished)
    assert list(side.table.index) == [finished.id]
    assert side.table.loc[finished.id, "test_forget_accuracy"] == finished.metrics.loc["test_forget_accuracy", "unlearned"]
    assert finished.id in side._repr_html_()
    with pytest.raises(WrongInput, match="runs or studies of one home, one at least"):
        compare()


def test_what_was_planted_is_loaded_and_what_is_not_done_is_not(home, shelves):
    done, other = plant(home, spec("ssd")), plant(home, spec("finetune"))
    assert load(done).metrics.loc["test_forget_accuracy"].notna().all()
    waits = spec("ssd", seed=5)
    with ResultStore(home.database) as store:
        store.add(waits)
    with pytest.raises(WrongInput, match=f"Run {waits.id} is queued; only a finished run can be loaded"):
        load(waits.id)
    with pytest.raises(WrongInput, match="no run"):
        load("123456789012")
    two = compare(done, other)
    assert list(two.table["method"]) == ["ssd", "finetune"]
    assert two.answer


def test_saliency_is_told_by_network(finished, monkeypatch):
    maps = explain(finished, 1, of="test_forget", how="grad_cam", target="true")
    assert maps.image.shape == (8, 8, 1)
    assert set(maps.maps) == {"original", "unlearned", "reference"}
    assert all(one.shape == (8, 8) and np.isfinite(one).all() for one in maps.maps.values())
    assert (maps.label, set(maps.targets.values())) == ("3", {"3"})
    assert maps.answers["original"] == "3"
    html = maps._repr_html_()
    assert html.count("data:image/png;base64,") == 4
    with pytest.raises(WrongInput, match="no set 'training'; there are forget, retain"):
        explain(finished, of="training")
    with pytest.raises(WrongInput, match="has 36, counted from 0"):
        explain(finished, 36, of="test_forget")


def test_what_is_asked_is_what_the_command_line_asks(home, shelves, monkeypatch):
    asked = []

    def ended(home, run_ids, say):
        with ResultStore(home.database) as store:
            store.request_cancel(run_ids[0])
            store.reconcile()
            asked.append(store.existing(run_ids[0]))
        return asked[-1:]

    monkeypatch.setattr(asking, "follow_all", ended)
    monkeypatch.setattr(asking.submit, "ensure_supervisor", lambda *_: None)
    with pytest.raises(NotDone, match="is cancelled"):
        run("digits", "small_cnn", [5, 7], "ssd", settings={"alpha": 2.0}, seed=4, reference=False, without=("membership",))
    made = asked[0].spec
    assert made.request == SamplesRequest((5, 7))
    assert (made.params["alpha"], made.seed, made.reference) == (2.0, 4, False)
    assert asked[0].status == RunStatus.CANCELLED
    for call, sentence in (
        (lambda: run("digits", "small_cnn", "class:3", "magic"), "magic"),
        (lambda: run("digits", "small_cnn", "class:12", "ssd"), "12"),
        (lambda: run("digits", "small_cnn", "class:3", "ssd", settings={"alpha": -1}), "alpha"),
        (lambda: judge(5, {}, dataset="digits", model="small_cnn", forget="class:3"), "a file, a network or its state dict, but are a int"),
        (lambda: judge({"w": 1}, {}, dataset="digits", model="small_cnn", forget="class:3"), "its state dict of tensors"),
        (lambda: study({"dataset": "digits"}), "model"),
    ):
        with pytest.raises(WrongInput, match=sentence):
            call()


def test_the_notebook_of_the_guide_runs(first_run, tmp_path):
    from nbclient import NotebookClient

    shutil.copytree(first_run[0].root, tmp_path / "home")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    places = {"FORGETSCOPE_HOME": tmp_path / "home", "PYTHONPATH": ROOT, "IPYTHONDIR": tmp_path / "ipython"}
    NotebookClient(notebook, timeout=80, kernel_name="python3").execute(env=os.environ | {name: str(at) for name, at in places.items()})
    shown = [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "execute_result"]
    pages = [out.data["text/html"] for out in shown if "text/html" in out.data]
    assert "3 (forgotten)" in pages[0]
    assert any("data:image/png" in page for page in pages)
    with ResultStore(open_home(tmp_path / "home").database) as store:
        assert {one.spec.method for one in store.runs()} >= {"ssd", "finetune", "unlearned_elsewhere"}
