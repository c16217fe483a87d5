"""Integrated Gradients whose steps stand where the way bends: right on a bend worked by hand, and where Captum's rule ends up."""

from itertools import islice, pairwise

import pytest
import torch
from torch import nn

from core.attribution.explain import Settings, explain
from core.attribution.path import COARSE, chunk, improving
from tests.tiny import tiny_of

AIM = torch.tensor([0])


class Bent(nn.Module):
    """The sum of a few slopes times max(0, x - bend), x being the only pixel."""

    def __init__(self, **bends):
        super().__init__()
        self.bends, self.asked = bends, []

    def forward(self, x):
        self.asked += x.flatten().tolist()
        return sum(float(slope) * (x - float(at)).clamp(min=0) for at, slope in zip(self.bends["at"], self.bends["slopes"], strict=True))[
            :, :, 0, 0
        ]


def maps(model, rounds, x=1.0, start=0.0):
    return list(islice(improving(model, torch.full((1, 1, 1, 1), x), AIM, torch.full((1, 1, 1, 1), start)), rounds))


def test_of_a_straight_answer_the_first_map_is_exact():
    found = maps(Bent(at=[0.0], slopes=[3.0]), 1, x=0.9, start=0.2)[0]
    assert found.map.item() == pytest.approx(3 * 0.7)
    assert (found.difference.item(), found.error.item()) == (pytest.approx(2.1), pytest.approx(0, abs=1e-6))
    assert found.steps == COARSE + 1
    assert found.fine


def test_one_bend_is_found_by_halving_the_piece_it_is_in():
    """max(0, x - 0.6): slope 0, then 1, so a piece of width h misses its rise by at most h / 2, and the others by nothing."""
    found = maps(Bent(at=[0.6], slopes=[1.0]), 6)
    for turn, one in enumerate(found):
        assert one.map.item() == pytest.approx(0.4, abs=0.5 / COARSE / 2**turn + 1e-6)
        assert one.error.item() == pytest.approx(abs(one.map.item() - 0.4), abs=1e-6)
        assert one.difference.item() == pytest.approx(0.4)
    assert found[5].error < found[0].error / 8


def test_no_place_is_looked_at_twice_and_a_turn_adds_a_third_of_the_pieces():
    model = Bent(at=[0.31, 0.77], slopes=[2.0, -5.0])
    found = maps(model, 7)
    assert len(model.asked) == len(set(model.asked)) == found[-1].steps
    for one, after in pairwise(found):
        assert after.steps == one.steps + (one.steps - 1) // 3


def test_steps_go_where_the_answer_bends():
    model = Bent(at=[0.31], slopes=[2.0])
    steps = maps(model, 3)[-1].steps
    added = model.asked[COARSE + 1 : steps]
    assert min(abs(place - 0.31) for place in added) < 1 / COARSE / 4
    theirs = explain(model, torch.ones(1, 1, 1, 1), AIM, "integrated_gradients", Settings(steps=steps, baseline="black"))
    assert maps(model, 3)[-1].error < theirs.error


def test_maps_of_a_trained_network_come_to_captums_of_two_thousand_steps_and_sooner_than_captums_own():
    """Pixel by pixel, not only in their sum, by which the steps are placed."""
    tiny, ours, theirs = tiny_of(1), [], []
    model, images = tiny.original(), tiny.dataset.test.subset(torch.arange(8))
    for x, aim in zip(images.pixels().split(1), images.labels.split(1), strict=True):
        def captum(steps, x=x, aim=aim):
            return explain(model, x, aim, "integrated_gradients", Settings(steps=steps, baseline="black")).map

        truth = captum(2000)
        found = list(islice(improving(model, x, aim, torch.zeros_like(x)), 10))[-1]
        ours.append(float((found.map - truth).abs().sum() / truth.abs().sum()))
        theirs.append(float((captum(found.steps) - truth).abs().sum() / truth.abs().sum()))
    assert max(ours) < 0.03
    assert sum(ours) < 0.6 * sum(theirs)


def test_the_network_gets_no_gradients_and_the_map_none():
    tiny = tiny_of(1)
    model, x = tiny.original(), tiny.dataset.test.pixels()[:1]
    with torch.no_grad():
        found = next(improving(model, x, AIM, torch.zeros_like(x)))
    assert all(p.grad is None for p in model.parameters())
    assert not found.map.requires_grad
    assert found.map.abs().max() > 0


def test_a_pass_holds_as_many_images_as_there_is_room_for():
    assert chunk(torch.zeros(1, 3, 32, 32)) == 64
    assert chunk(torch.zeros(1, 3, 1024, 1024)) == 1
