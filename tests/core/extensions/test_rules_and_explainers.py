"""Forget requests by a rule of a user's own, and explainers of a user's own: from the file to the run and the map."""

from dataclasses import replace
import itertools
import json

import pytest
import torch
from torch import nn

from core.analysis.saliency.explain import Settings, explain, passes
from core.analysis.saliency.explainers import EXPLAINERS, Explainer
from core.data.registry import load_dataset
from core.data.splits import split
from core.domain.errors import WrongInput
from core.domain.requests.registry import KINDS, parse_request, request_from
from core.domain.requests.selected import Rule, SelectedRequest, Selection, applied
from core.domain.run import RunSpec
from core.extensions.begin import begin
from core.extensions.check import check
from core.extensions.load import load_extensions
from core.jobs.catalogue import Catalogue
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe

ODD = Selection("Odd ones", "digits", (1, 3, 5), "mine")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", str(tmp_path))
    yield tmp_path
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", str(tmp_path / "nothing"))
    assert load_extensions() == ()


@pytest.fixture(scope="module")
def shelves():
    return describe()


@pytest.fixture
def rules(monkeypatch):
    monkeypatch.setattr(SelectedRequest, "sets", {"odd": ODD})


def test_a_request_by_a_rule_is_its_members_and_needs_the_rule_no_more(rules, shelves, monkeypatch):
    digits = shelves.datasets["digits"]
    request = parse_request("selected:odd", digits)
    assert (request.indices, request.count(digits)) == ((1, 3, 5), 3)
    assert request.text == f"selected:odd@{ODD.digest}"
    assert request.words(digits) == "3 images of the rule odd"
    assert KINDS["selected"].offered(digits)
    assert not KINDS["selected"].offered(next(data for key, data in shelves.datasets.items() if key != "digits"))
    spec = make_spec(shelves, "digits", "small_cnn", request, "finetune", {})
    assert split(load_dataset("digits"), request).forgotten.nonzero().flatten().tolist() == [1, 3, 5]
    monkeypatch.setattr(SelectedRequest, "sets", {})
    assert RunSpec.from_json(spec.to_json()) == spec
    assert request_from(json.loads(spec.to_json())["request"]).indices == (1, 3, 5)
    gone = parse_request(request.text)
    assert (gone.text, gone.words(None)) == (request.text, "the images of the rule odd")
    with pytest.raises(WrongInput, match="There is no rule 'odd' for a forget request; there are: none"):
        parse_request("selected:odd", digits)


def test_a_rule_that_names_others_makes_another_request(rules, shelves, monkeypatch):
    digits = shelves.datasets["digits"]
    before = parse_request("selected:odd", digits)
    monkeypatch.setattr(SelectedRequest, "sets", {"odd": replace(ODD, members=(1, 3, 7))})
    assert parse_request("selected:odd", digits).text != before.text
    with pytest.raises(WrongInput, match=f"names other images than it did: .* now, not {ODD.digest}"):
        parse_request(before.text, digits)


def test_a_rule_for_another_dataset_is_refused(rules, shelves):
    with pytest.raises(WrongInput, match=r"The rule odd is for digits, and [a-z0-9_]+ is another dataset"):
        parse_request("selected:odd").check(next(data for key, data in shelves.datasets.items() if key != "digits"))


@pytest.mark.parametrize(("given", "said"), [
    ([], "it named none"), (range(10), "not all; it named 10 indices"), ([-1, 2], "from -1 to 2"), ([2, 10], "from 2 to 10"),
    (itertools.count(), "not all"), (itertools.repeat(10), "from 10 to 10"), (["a"], "must name indices"), (None, "must name indices"),
])  # fmt: skip
def test_a_rule_names_some_indices_or_says_why_not(given, said):
    with pytest.raises(WrongInput, match=said):
        applied(Rule("mine", "Mine", "digits", lambda data: given), None, 10)


def test_a_rule_may_give_indices_in_any_form():
    assert applied(Rule("mine", "Mine", "digits", lambda data: torch.tensor([4, 2, 4])), None, 10).members == (2, 4)


def test_the_catalogue_holds_what_a_rule_names_and_leaves_out_one_that_fails(folder):
    begin("request", "faint", folder)
    shelves = Catalogue.from_json(describe().to_json())
    found = shelves.selections["faint"]
    pixels = load_dataset("digits").train.pixels()
    ink = pixels.flatten(1).mean(1)
    assert len(found.members) == round(0.05 * len(pixels))
    assert ink[list(found.members)].max() <= ink[[i for i in range(len(ink)) if i not in set(found.members)]].min()
    file = folder / "faint.py"
    file.write_text(file.read_text().replace("return ink", "return 1 / 0 or ink"))
    network = "from core.domain.info import ModelInfo\nINFO = ModelInfo('mine', 'Mine', 'Mine.')\nbuild = print\n"
    file.write_text(f"{file.read_text()}\n{network}")
    shelves = describe()
    (broken,) = shelves.extensions
    assert (broken.keys, broken.error) == (("model mine",), "")
    assert broken.notes == ("ZeroDivisionError: division by zero, in the rule faint",)
    assert "mine" in shelves.models, "the rest of it is there"
    assert not shelves.selections
    file.write_text(file.read_text().replace('"digits"', '"no_such_set"'))
    (elsewhere,) = describe().extensions
    assert (elsewhere.error, describe().selections) == ("", {}), "its dataset is not here: it is not offered"


@pytest.mark.parametrize("kind", ["request", "explainer"])
def test_what_is_begun_keeps_the_contract(folder, kind):
    file, _ = begin(kind, "mine", folder)
    found = check(file)
    assert found
    assert all(one.passed for one in found), found


class Linear(nn.Module):
    """Logits w_c . x."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(8.0).reshape(2, 1, 2, 2))

    def forward(self, x):
        return torch.einsum("nchw,kchw->nk", x, self.weight)


def gradient(model, images, targets):
    images = images.requires_grad_()
    (found,) = torch.autograd.grad(model(images).gather(1, targets[:, None]).sum(), images)
    return found


def test_an_explainer_of_ones_own_gives_its_map_and_can_be_smoothed(monkeypatch):
    monkeypatch.setitem(EXPLAINERS, "mine", Explainer("mine", "Mine", "Gradient.", "", explain=gradient, passes=7))
    model, x = Linear().eval(), torch.rand(2, 1, 2, 2)
    found = explain(model, x, torch.tensor([1, 0]), "mine").map
    assert torch.equal(found, model.weight.detach()[[1, 0]]), "a linear network's gradient is its weights"
    smooth = explain(model, x, torch.tensor([1, 0]), "mine", Settings(smooth=4)).map
    assert torch.allclose(smooth, found), "which no noise changes"
    assert (passes("mine", Settings(), (1, 2, 2)), passes("mine", Settings(smooth=4), (1, 2, 2))) == (7, 28)
    assert EXPLAINERS["mine"].offered(model)["explain"] is None, "a page gets plain data"
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(("broken", "said"), [
    (lambda m, x, t: x[:1], r"gave \(1, 1, 2, 2\) where a finite map"), (lambda m, x, t: 1 / 0, "ZeroDivisionError"),
    (lambda m, x, t: x * float("nan"), "finite map"), (lambda m, x, t: None, "gave NoneType"),
])  # fmt: skip
def test_an_explainer_that_fails_says_so_in_one_sentence(monkeypatch, broken, said):
    monkeypatch.setitem(EXPLAINERS, "mine", Explainer("mine", "Mine", "Broken.", "", explain=broken))
    with pytest.raises(WrongInput, match=said):
        explain(Linear().eval(), torch.rand(2, 1, 2, 2), torch.tensor([1, 0]), "mine")
