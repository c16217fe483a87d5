"""A run that stored none of its networks: whatever looks into them says so in a sentence."""

import numpy as np
import pytest

from core.analysis.method_steps import MOMENTS, SKETCH, TRAJECTORY, path_at, plane
from core.analysis.registry import LOOKS
from core.analysis.weights.compute_importance import importance
from core.domain.errors import WrongInput
from core.storage.home import open_home
from tests.planted import plant, spec

NOTHING = np.zeros((1, 5), np.float32)
RECORDED = {"step/conv1.weight": NOTHING, MOMENTS: NOTHING[0, :1], SKETCH: NOTHING, TRAJECTORY: NOTHING}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """(home, id) of a run that left what it recorded, and its reference alone."""
    home = open_home(tmp_path_factory.mktemp("gone") / "home")
    return home, plant(home, spec("finetune"), files={"recorded": RECORDED, "original": None, "unlearned": None})


@pytest.mark.parametrize(
    "ask",
    [
        lambda home, run_id: importance(home, run_id, lambda *_: None, estimator="per_sample"),
        lambda home, run_id: LOOKS["map"](home, run_id, lambda *_: None, projection="pca", count=300, seed=0, turn=True),
        lambda home, run_id: path_at(home, run_id, 1.0),
        plane,
    ],
    ids=["importance", "map", "path", "plane"],
)
def test_the_original_that_is_missed_is_named(planted, ask):
    with pytest.raises(WrongInput, match=r"has no original model; it has reference\.$"):
        ask(*planted)


def test_where_no_network_is_there_it_has_none(tmp_path):
    home = open_home(tmp_path / "home")
    run_id = plant(home, spec("finetune"), files={"original": None, "unlearned": None, "reference": None})
    with pytest.raises(WrongInput, match=r"has no original model; it has none\.$"):
        importance(home, run_id, lambda *_: None, estimator="per_sample")
