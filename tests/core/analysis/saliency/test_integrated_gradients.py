"""Integrated Gradients whose steps stand where the gradient turns: right on a bend worked by hand, and where Captum's rule ends up."""

from dataclasses import replace
from itertools import islice, pairwise
from math import pi, sqrt
from statistics import median

import pytest
import torch
from torch import nn

from core.analysis.saliency.explain import Settings, explain
from core.analysis.saliency.explanation import Explanation
from core.analysis.saliency.integrated_gradients import COARSE, MORE, _halved, chunk, improving, most_of
from core.models.registry import MODELS
from tests.tiny import tiny_of

AIM = torch.tensor([0])
IMAGES = 4  # of a trained network whose maps are held against Captum's


class Bent(nn.Module):
    """The sum of a few slopes times max(0, x - bend), x being the only pixel."""

    def __init__(self, at, slopes):
        super().__init__()
        self.bends, self.asked = list(zip(at, slopes, strict=True)), []

    def forward(self, x):
        self.asked += x.flatten().tolist()
        return sum(slope * (x - at).clamp(min=0) for at, slope in self.bends)[:, :, 0, 0]


def maps(model, rounds, x=1.0, start=0.0):
    return list(islice(improving(model, torch.full((1, 1, 1, 1), x), AIM, torch.full((1, 1, 1, 1), start)), rounds))


def test_of_a_straight_answer_the_first_map_is_exact():
    found = maps(Bent(at=[0.0], slopes=[3.0]), 1, x=0.9, start=0.2)[0]
    assert found.map.item() == pytest.approx(3 * 0.7)
    assert (found.difference.item(), found.error.item()) == (pytest.approx(2.1), pytest.approx(0, abs=1e-6))
    assert found.off.item() == pytest.approx(0, abs=1e-6)
    assert found.steps == COARSE
    assert found.fine


def test_one_bend_is_found_by_halving_the_piece_it_is_in():
    """max(0, x - 0.61): slope 0, then 1, so that only the piece with the bend misses its rise: by at most half its width h.

    Its doubt is h / 2, of an error as likely anywhere between: a deviation of h / 2 / sqrt(3), whose mean size is sqrt(2 / pi) of that.
    """
    model = Bent(at=[0.61], slopes=[1.0])
    for one in maps(model, 5):
        places = sorted(model.asked[: one.steps])
        start, end = next(pair for pair in pairwise(places) if pair[1] >= 0.61)
        assert one.map.item() == pytest.approx(0.39, abs=(end - start) / 2 + 1e-6)
        assert one.error.item() == pytest.approx(abs(one.map.item() - 0.39), abs=1e-6)
        assert one.difference.item() == pytest.approx(0.39)
        assert one.off.item() == pytest.approx((end - start) / 2 / sqrt(3) * sqrt(2 / pi) / one.map.item(), rel=1e-3)
    assert end - start <= 1 / (COARSE - 1) / 8**3, "eight steps in one piece leave an eighth of it, nearly"


def test_no_place_is_looked_at_twice_and_each_map_has_a_few_steps_more():
    model = Bent(at=[0.31, 0.77], slopes=[2.0, -5.0])
    found = maps(model, 7)
    assert len(model.asked) == len(set(model.asked)) == found[-1].steps
    for one, after in pairwise(found):
        assert after.steps == one.steps + MORE


def test_steps_go_where_the_answer_bends():
    model = Bent(at=[0.31], slopes=[2.0])
    steps = maps(model, 3)[-1].steps
    added = model.asked[COARSE:steps]
    assert min(abs(place - 0.31) for place in added) < 1 / (COARSE - 1) / 4
    theirs = explain(model, torch.ones(1, 1, 1, 1), AIM, "integrated_gradients", Settings(steps=steps, baseline="black"))
    assert maps(model, 3)[-1].error < theirs.error


def captum(x, aim, steps):
    """Captum's own map of the trained network, from black."""
    return explain(tiny_of(1).original(), x, aim, "integrated_gradients", Settings(steps=steps, baseline="black"))


@pytest.fixture(scope="module")
def improved():
    """Of test images, each with its class, Captum's map of 2,000 steps and ours of 24 rounds."""
    model, images, told = tiny_of(1).original(), tiny_of(1).dataset.test.first(IMAGES), []
    for x, aim in zip(images.pixels().split(1), images.labels.split(1), strict=True):
        told.append((x, aim, captum(x, aim, 2000), list(islice(improving(model, x, aim, torch.zeros_like(x)), 24))))
    return told


def away(found, truth):
    """How far one map lies from the other, as a share of the other's size."""
    return float((found.flat - truth.flat).abs().sum() / truth.flat.abs().sum())


def test_maps_of_a_trained_network_come_to_captums_of_two_thousand_steps_and_sooner_than_captums_own(improved):
    """Pixel by pixel, not only in their sum."""
    ours = [away(rounds[-1], truth) for _, _, truth, rounds in improved]
    theirs = [away(captum(x, aim, rounds[-1].steps), truth) for x, aim, truth, rounds in improved]
    assert max(ours) < 0.03
    assert sum(ours) < 0.6 * sum(theirs)


def test_it_foretells_how_far_off_the_map_is(improved):
    told = [one.off.item() / away(one, truth) for _, _, truth, rounds in improved for one in rounds[:14]]
    assert 0.8 < median(told) < 1.25
    assert all(1 / 3.5 < ratio < 3.5 for ratio in told)


@pytest.mark.parametrize("error, off, fine", [(0.01, 0.02, True), (0.0101, 0.0, False), (0.0, 0.0201, False), (0.0, None, True)])
def test_a_map_is_fine_that_adds_up_and_is_not_far_off(error, off, fine):
    more = None if off is None else torch.tensor([off])
    assert Explanation(torch.ones(1, 1, 1, 1), torch.ones(1), torch.tensor([error]), 17, more).fine == fine


def test_the_network_gets_no_gradients_and_the_map_none():
    tiny = tiny_of(1)
    model, x = tiny.original(), tiny.dataset.test.pixels()[:1]
    with torch.no_grad():
        found = next(improving(model, x, AIM, torch.zeros_like(x)))
    assert all(p.grad is None for p in model.parameters())
    assert not found.map.requires_grad
    assert found.map.abs().max() > 0


@pytest.mark.parametrize("side", [8, 80])  # one pass holds all steps of the first map, or two hold them
def test_an_image_that_is_the_empty_one_has_an_empty_map_and_is_done_at_once(side):
    model = MODELS["small_cnn"](replace(tiny_of(1).dataset.info, height=side, width=side)).eval()
    x = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    first = next(improving(model, x, AIM, x.clone()))
    assert not first.map.any()
    assert first.off.item() == 0
    assert first.fine


def test_where_all_pieces_are_in_equal_doubt_steps_spread_evenly():
    at = [i / 4 for i in range(5)]
    widths = [b - a for a, b in pairwise(sorted([*at, *_halved(at, [0.0] * 4)]))]
    assert max(widths) <= 1 / 8
    places = sorted([*at, *_halved(at, [0.0, 1.0, 0.0, 0.0])])
    assert sum(0.25 < place < 0.5 for place in places) == MORE


def test_of_a_network_that_attends_no_forecast_is_made():
    """Its gradient turns smoothly: a forecast from jumps would be far too high."""
    model = MODELS["vit_small"](replace(tiny_of(3).dataset.info, height=16, width=16)).eval()
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = next(improving(model, x, AIM, torch.zeros_like(x)))
    assert found.off is None
    assert found.map.any()


def test_no_more_steps_are_taken_than_there_is_room_for():
    assert most_of(torch.zeros(1, 3, 32, 32), 320) == 320
    assert 20 <= most_of(torch.zeros(1, 3, 1024, 1024), 320) <= 22
    assert most_of(torch.zeros(1, 3, 4096, 4096), 320) == COARSE


def test_a_pass_holds_as_many_images_as_there_is_room_for():
    assert chunk(torch.zeros(1, 3, 32, 32)) == 64
    assert chunk(torch.zeros(1, 3, 1024, 1024)) == 1
