"""Every page of a run opens on a network from outside that is no chain, and shows its figure or says what is lacking."""

import json
from pathlib import Path

import pytest

from core.analysis.registry import LOOKS, QUESTIONS
from core.export import examples
from core.extensions.load import load_extensions
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.dashboard.conftest import html_text

PAGES = ("result", "inside", "parameters", "saliency", "map", "privacy", "compare", "runs", "unlearn")
BRANCHING = '''
"""Two ways that are added, functions between modules, no Normalise, and the last layer defined first."""

import torch
from torch import nn
import torch.nn.functional as F

from core.domain.info import ModelInfo

INFO = ModelInfo("branching", "Branching", "Two ways that are added.")


class Branching(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.answer = nn.Linear(24, len(data.classes))
        self.hidden = nn.Linear(64, 24)
        self.first = nn.Conv2d(data.channels, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.short = nn.Conv2d(data.channels, 16, 1)
        self.join = nn.Identity()

    def forward(self, x):
        x = self.join(F.relu(self.norm(self.first(x)) + self.short(x)))
        x = F.adaptive_avg_pool2d(x, 2).flatten(1)
        return self.answer(F.relu(self.hidden(x), inplace=True))


def build(data):
    return Branching(data)
'''

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def branching(tmp_path_factory, python_m_core):
    """A home in which SSD has run on digits with the network; the run's id."""
    root = tmp_path_factory.mktemp("branching") / "home"
    (root / "extensions").mkdir(parents=True)
    (root / "extensions" / "branching.py").write_text(BRANCHING)
    said = python_m_core(root, "run", "--dataset", "digits", "--model", "branching", "--forget", "class:3", "--method", "ssd", "--json")
    assert said.returncode == 0, said.stderr
    examples.remember(Home(root), {})  # no page may bring them in beside the one run
    return root, json.loads(said.stdout)["id"]


@pytest.fixture(autouse=True)
def on_the_shelf(branching, monkeypatch):
    """As the engine's process has it; gone afterwards."""
    monkeypatch.setenv("FORGETSCOPE_HOME", str(branching[0]))
    load_extensions()
    yield
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", str(Path(branching[0], "nothing")))
    assert load_extensions() == ()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_on_it(open_app, branching, page):
    root, run = branching
    at = open_app(root, f"views/{page}.py", run=run, model="branching")  # raises where an exception came up
    assert not at.error
    assert "is not a chain" not in html_text(at) + " ".join(one.value for one in (*at.markdown, *at.warning, *at.info))


def test_all_that_a_run_measures_of_layers_is_there(branching):
    root, run = branching
    with ResultStore(Home(root).database) as store:
        found = {(one.metric, one.model): one.value for one in store.measurements(run)}
    for metric in ("probe_accuracy", "graft_forget_accuracy", "cka_forget_to_reference", "cka_retain_to_reference"):
        assert 0 <= found[metric, "unlearned"] <= 1


def test_its_maps_and_its_features_can_be_asked_for(branching):
    home, run = Home(branching[0]), branching[1]
    offer = QUESTIONS["saliency_offer"](home, run)
    assert offer["layer"] == "join"
    image = {"set": "test_retain", "place": 3}
    found = QUESTIONS["saliency"](home, run, image=image, target="own", how="grad_cam", settings={})
    assert all(shown["map"].shape == (8, 8) and abs(shown["map"]).max() > 0 for shown in found["models"].values())
    placed = LOOKS["map"](home, run, lambda *_: None, count=200, seed=0, projection="pca", turn=True)
    assert placed["positions/unlearned"].shape == placed["positions/reference"].shape == (len(placed["set"]), 2)
