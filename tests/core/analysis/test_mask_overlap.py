"""How many slices ARU's two directions of noise share: on a finished run, against both worked out apart."""

import numpy as np
import pytest
import torch

from core.analysis import mask_overlap as module
from core.analysis.mask_overlap import mask_overlap
from core.domain.errors import WrongInput
from core.methods.aru import ARU
from core.training.context import derived_seed
from tests.core.analysis.opened_by_hand import ByHand

SETTINGS = {"attack_steps": 2, "radius": 0.2, "attack_rate": 0.1, "epochs": 0, "share": 0.3}


class Finished(ByHand):
    """Of the tiny data, in place of the one pixel."""

    def __init__(self, tiny, recorded, method="aru", **params):
        super().__init__({"original": tiny.original()}, recorded, SETTINGS | params)
        vars(self.run.spec).update(method=method, dataset="tiny", model="small_cnn", seed=5, recipe={})
        self.splits, self.fresh = tiny.splits(), tiny.build


def run_of(tiny, direction):
    """What a run of seed 5 records: the masks, and the differences."""
    method, context = ARU(**SETTINGS, direction=direction), tiny.context(seed=derived_seed(5, "unlearn"))
    method.unlearn(tiny.original(), tiny.splits().only(method.uses), context)
    return context.recorded


@pytest.mark.parametrize(("direction", "other"), [("minimise", "maximise"), ("maximise", "minimise")])
def test_it_is_the_share_of_the_runs_mask_that_a_run_of_the_other_direction_masks_too(tiny, home, monkeypatch, direction, other):
    own, opposite = run_of(tiny, direction), run_of(tiny, other)
    monkeypatch.setattr(module, "open_models", lambda *_: Finished(tiny, own, direction=direction))
    found = mask_overlap(home, "byhand", lambda *_: None)
    assert list(found) == ["conv1.weight", "conv2.weight"]
    for name, share in found.items():
        mine, theirs = (recorded[f"aru_mask/{name}"].bool() for recorded in (own, opposite))
        assert float(share) == pytest.approx(float((mine & theirs).sum() / mine.sum()))
    assert 0 < found["conv2.weight"] < 1


def test_of_a_share_of_nothing_there_is_no_overlap(tiny, home, monkeypatch):
    monkeypatch.setattr(module, "open_models", lambda *_: Finished(tiny, run_of(tiny, "minimise"), share=0.0))
    assert all(np.isnan(share) for share in mask_overlap(home, "byhand", lambda *_: None).values())


@pytest.mark.parametrize("recorded", [{}, {"dampening/conv1.weight": torch.zeros(1)}])
def test_a_run_of_another_method_has_none(tiny, home, monkeypatch, recorded):
    monkeypatch.setattr(module, "open_models", lambda *_: Finished(tiny, recorded, "ssd"))
    with pytest.raises(WrongInput, match="only Attack-and-Reset does"):
        mask_overlap(home, "byhand", lambda *_: None)
