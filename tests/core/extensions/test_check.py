"""What an extension is asked before it is trusted, on sound ones and on some that break the contract in one way each."""

import json
import shutil

import pytest

from core.domain.errors import WrongInput
from core.extensions import check as module
from core.extensions.begin import begin
from core.extensions.check import Broken, Checked, check
from core.methods.registry import METHODS

METHOD = """
from dataclasses import dataclass
import torch
from core.methods.base import UnlearningMethod
{more}
@dataclass(frozen=True)
class Mine(UnlearningMethod):
    key, title, about, uses, kinds = "mine", "Mine", "Does something.", frozenset(), frozenset({{"class"}})
    def passes(self, train_count, forget_count, recipe): return 0.0
    def unlearn(self, model, splits, run):
        with torch.no_grad():
            {does}
        run.progress(1.0, "done")
        return model
"""
NOT_SOUND = {  # what it does -> (what it is asked, what is said)
    "model.classifier.bias += torch.rand(10)": ("the same seed gives the same network", "The same seed gave other weights the second time"),
    "len(splits.retain)": ("unlearns, reading what it declares", "PermissionError: .*declared uses=.*but read 'retain'"),
    "model.classifier.bias[0] = float('nan')": ("unlearns, reading what it declares", "weights in classifier.bias that are not finite"),
}
MODEL = """
import torch
from torch import nn
from core.domain.info import ModelInfo
INFO = ModelInfo("mine", "Mine", "Mine.")
class Net(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.hidden = nn.Linear(data.channels * data.height * data.width, 4)
        self.last = nn.Linear(4, len(data.classes))
        {more}
    def forward(self, x):
        h = self.hidden(x.flatten(1)).relu()
        return {gives}
def build(data): return Net(data)
"""
FLAWED = {  # (in its making, what it gives) -> (what it is asked, what is said)
    ("", "self.last(h)[:, :3]"): ("colour images of 32x32", r"^It gives \(4, 3\) where \(4, 10\) is wanted\.$"),
    ("", "self.last(h - h.mean(0))"): ("colour images of 32x32", "an image's logits depend on the others of its batch"),
    ("", "self.last(h) + torch.rand(1)"): ("colour images of 32x32", "gives other logits the second time"),
    ("self.idle = nn.Linear(2, 2)", "self.last(h)"): ("every parameter feels a gradient", r"no gradient: idle\.weight, idle\.bias\.$"),
    ("import os; self.last.bias.data.fill_(int.from_bytes(os.urandom(3)))", "self.last(h)"):
        ("the same seed builds the same weights", "builds other weights the second time"),
    ("", "self.last(h) + x.mean()"): ("a last layer, for maps of features and what reads it", "No linear layer of this network gives its"),
    ("", "self.last(h) + 0 * x.mean()"): ("layer groups, for probes, grafting and CKA", "No layer of a Net gives all that what follows"),
    ("", "self.last(h)"): ("a grid of channels, for Grad-CAM", "Grad-CAM needs a layer whose output is a grid of channels; none"),
}  # fmt: skip


@pytest.fixture
def trained(first_run, tmp_path):
    """A home with the networks that a run on digits trains."""
    shutil.copytree(first_run[0].root, tmp_path / "home")
    return tmp_path / "home"


def test_the_method_that_one_begins_with_keeps_the_contract(tmp_path, trained):
    file, _ = begin("method", "my_method", tmp_path)
    found = check(file, trained)
    assert [one.said for one in found if not one.passed] == []
    assert {one.key for one in found} == {"method my_method"}
    assert len(found) == 5
    assert "my_method" not in METHODS


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["metric", "model", "dataset"])
def test_so_does_each_other_kind(tmp_path, trained, kind):
    file, _ = begin(kind, f"my_{kind}", tmp_path)
    assert [one.what for one in check(file, trained) if not one.passed] == ["a grid of channels, for Grad-CAM"] * (kind == "model")


@pytest.mark.parametrize("does", NOT_SOUND)
def test_a_method_that_breaks_it_fails_where_it_does(tmp_path, trained, does):
    (tmp_path / "mine.py").write_text(METHOD.format(more="", does=does))
    failed = {one.what: one for one in check(tmp_path / "mine.py", trained) if not one.passed}
    what, said = NOT_SOUND[does]
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(failed[what].said)
    assert failed[what].needed


@pytest.mark.parametrize("flaw", FLAWED, ids=[what for what, _ in FLAWED.values()])
def test_a_network_that_breaks_it_fails_where_it_does(tmp_path, monkeypatch, flaw):
    def not_now(*_, **__):
        raise Broken("Not asked here.")

    monkeypatch.setattr(module, "_whole_run", not_now)
    (tmp_path / "mine.py").write_text(MODEL.format(more=flaw[0], gives=flaw[1]))
    failed = {one.what: one for one in check(tmp_path / "mine.py", tmp_path / "home") if not one.passed}
    what, said = FLAWED[flaw]
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(failed[what].said)
    assert failed[what].needed == (not what.endswith(("CKA", "reads it", "Grad-CAM"))), "pages say what they lack; the rest works"


def test_what_is_no_extension_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(WrongInput, match=r"notes\.txt is no extension: a file NAME\.py, or a folder with an __init__\.py"):
        check(tmp_path / "notes.txt")
    with pytest.raises(WrongInput, match=r"^It declares no method, metric, network, dataset, forget request or explainer\.$"):
        check(tmp_path / "empty.py")


def test_a_method_and_a_metric_of_ones_own_run_like_any_other(tmp_path, trained, python_m_core):
    """From files outside the checkout to numbers; the run's networks are those that were there before."""
    for kind in ("method", "metric"):
        begin(kind, f"my_{kind}", trained / "extensions")
    words = ("--dataset", "digits", "--model", "small_cnn", "--forget", "class:3", "--method", "my_method", "--json")
    said = python_m_core(trained, "run", *words)
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    assert told["seconds"]["train"] == told["seconds"]["reference"] == 0, "an extension made a network invalid"
    assert told["metrics"]["test_forget_accuracy"] == 0  # a row of the other sign answers for nothing
    assert 0 <= told["metrics"]["my_metric"] <= 1


def test_the_commands_begin_list_and_check(tmp_path, home, in_process, monkeypatch):
    folder = home.root / "extensions"
    status, out, _ = in_process("new", "model", "my_model")
    assert (status, out.split()) == (0, [str(folder / "my_model.py"), str(folder / "test_my_model.py")])
    status, out, _ = in_process("list", "extensions")
    assert status == 0
    assert "model my_model" in out
    answers = [Checked("model mine", "shapes", True), Checked("model mine", "chain", False, "No.", False)]
    monkeypatch.setattr(module, "check", lambda _: answers)
    status, out, _ = in_process("check", folder / "my_model.py")
    assert (status, out) == (0, "holds  model mine               shapes\nlacks  model mine               chain: No.\n")
    monkeypatch.setattr(module, "check", lambda _: [Checked("model mine", "shapes", False, "Wrong.")])
    assert in_process("check", folder / "my_model.py")[0] == 1
    status, _, err = in_process("new", "model", "my_model")
    assert status == 2
    assert "my_model.py is there already; choose another name." in err
