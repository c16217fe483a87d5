"""Error-maximising noise: steps worked by hand, plain Adam written out, and what follows from the objective."""

from copy import deepcopy
from math import log

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.methods.unsir import Mixture, error_maximising_noise
from core.models.layers import Normalise, from_normalised
from tests.tiny import same_weights


def start_for(tiny, count=12):
    info = tiny.dataset.info
    shape = (count, info.channels, info.height, info.width)
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def make(tiny, model, start, target=2, **about):
    usual = {"steps": 15, "rate": 0.1, "penalty": 0.1, "train_mode": True}
    return error_maximising_noise(model, start, target, tiny.context(), **(usual | about))


# From normalised space to pixels.


def test_pixels_are_what_the_first_layer_turns_into_the_given_values():
    model = nn.Sequential(Normalise((0.5, 0.2), (0.25, 0.1)), nn.Flatten())
    z = torch.tensor([[2.0], [-3.0]]).view(1, 2, 1, 1)
    assert from_normalised(model, z).flatten().tolist() == pytest.approx([1.0, -0.1])  # 0.5 + 2 / 4; 0.2 - 3 / 10


def test_normalising_undoes_it_on_a_network(grey_and_colour):
    model, z = grey_and_colour.original(), start_for(grey_and_colour)
    torch.testing.assert_close(model.normalise(from_normalised(model, z)), z)


def test_a_model_that_does_not_normalise_takes_the_values_as_they_are():
    z = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(from_normalised(nn.Flatten(), z), z)


# The objective, by hand.


def test_the_first_step_goes_against_the_weights_of_the_target_by_the_rate(grey):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0, -2.0, 3.0, -0.5], [0.0, 0.0, 0.0, 0.0]]))
    start = torch.tensor([[0.3, 0.1, -0.2, 0.5], [0.0, 0.2, 0.1, -0.4]]).view(2, 1, 2, 2)
    # d CE / d N is a negative number times w for target 0, so more of it lies along -w; Adam's first step is the rate
    # times the sign.
    noise, _ = make(grey, model, start, target=0, steps=1, penalty=0.0)
    moved = (noise - start).view(2, 4)
    torch.testing.assert_close(moved, torch.tensor([[-0.1, 0.1, -0.1, 0.1]] * 2), rtol=1e-4, atol=1e-6)


def test_on_a_network_that_sees_nothing_only_the_penalty_is_left(grey):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    for p in model.parameters():
        nn.init.zeros_(p)
    start = torch.tensor([[1.0, 2.0, 0.0, -1.0], [2.0, -1.0, 1.0, 2.0]]).view(2, 1, 2, 2)
    noise, told = make(grey, model, start, steps=7, penalty=0.3)
    assert told["curve"][0].tolist() == pytest.approx([log(3), 8.0])  # squares 1 + 4 + 1 and 4 + 1 + 1 + 4, their mean
    assert told["curve"][:, 0].tolist() == pytest.approx([log(3)] * 7)
    wanted = start.clone().requires_grad_()
    adam = torch.optim.Adam([wanted], lr=0.1)
    for step in range(7):
        assert float(told["curve"][step, 1]) == pytest.approx(float(wanted.detach().square().sum()) / 2, rel=1e-5)
        wanted.grad = 0.3 * 2 * wanted.detach() / 2  # of 0.3 times the mean of two squared lengths
        adam.step()
    torch.testing.assert_close(noise, wanted.detach())


@pytest.mark.parametrize("train_mode", [True, False])
def test_on_a_network_it_is_adam_on_the_noise_in_normalised_space(tiny, train_mode):
    model, start = tiny.original(), start_for(tiny)
    body, wanted = deepcopy(model)[1:].train(train_mode), start.clone().requires_grad_()  # all but the normalisation
    adam, curve = torch.optim.Adam([wanted], lr=0.1), []
    for _ in range(4):
        adam.zero_grad()
        entropy = F.cross_entropy(body(wanted), torch.full((12,), 2))
        length = (wanted**2).flatten(1).sum(1).mean()
        (0.05 * length - entropy).backward()
        curve.append([entropy.item(), length.item()])
        adam.step()
    noise, told = make(tiny, model, start, steps=4, penalty=0.05, train_mode=train_mode)
    torch.testing.assert_close(noise, wanted.detach(), rtol=0, atol=1e-3)
    torch.testing.assert_close(told["curve"], torch.tensor(curve), rtol=1e-3, atol=1e-4)


# METHODS.md 4.3, one to three.


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("train_mode", [True, False])
def test_1_weights_buffers_mode_and_gradients_are_left_as_they_were(tiny, train_mode, training):
    model, start = tiny.original().train(training), start_for(tiny)
    before = start.clone()
    noise, _ = make(tiny, model, start, train_mode=train_mode)
    assert same_weights(model, tiny.original())
    assert all(module.training == training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert torch.equal(start, before)
    assert not noise.requires_grad


@pytest.mark.parametrize("train_mode", [True, False])
def test_2_the_objective_falls_and_the_cross_entropy_of_the_target_rises(tiny, train_mode):
    model, start, target = tiny.original(), start_for(tiny), 0
    # A penalty that leaves the network a say: far above it, the shortest noise is best whatever its cross-entropy.
    noise, told = make(tiny, model, start, target, steps=40, penalty=1e-3, train_mode=train_mode)
    entropy, length = told["curve"].unbind(1)
    objective = 1e-3 * length - entropy
    assert objective[-1] < objective[0]
    assert entropy[-1] > entropy[0]
    judge = deepcopy(model).train(train_mode)
    ends = [F.cross_entropy(judge(from_normalised(model, z)), torch.full((12,), target)) for z in (start, noise)]
    assert ends[1] > ends[0]


@pytest.mark.parametrize("train_mode", [True, False])
def test_3_a_huge_penalty_drives_the_noise_to_nothing(grey, train_mode):
    start = start_for(grey, 4)
    noise, _ = make(grey, grey.original(), start, steps=200, penalty=1e6, train_mode=train_mode)
    assert noise.norm() < 0.01 * start.norm()


# What is told.


def test_the_frames_are_six_moments_of_the_first_eight_images_from_start_to_end(tiny):
    model, start = tiny.original(), start_for(tiny)
    noise, told = make(tiny, model, start, steps=10)
    assert told["frames"].shape == (6, 8, *start.shape[1:])
    assert told["curve"].shape == (10, 2)
    assert torch.equal(told["frames"][0], start[:8])
    assert torch.equal(told["frames"][5], noise[:8])
    for frame, steps in enumerate([2, 4, 6, 8], 1):
        assert torch.equal(told["frames"][frame], make(tiny, model, start, steps=steps)[0][:8])


@pytest.mark.parametrize("steps, count, shape", [(1, 12, (2, 8)), (3, 12, (4, 8)), (40, 3, (6, 3))])
def test_fewer_steps_than_moments_give_a_frame_for_each_and_fewer_images_give_all(grey, steps, count, shape):
    noise, told = make(grey, grey.original(), start_for(grey, count), steps=steps)
    assert told["frames"].shape[:2] == shape
    assert told["curve"].shape == (steps, 2)
    assert torch.equal(told["frames"][-1], noise[:8])


def test_one_image_alone_is_made_on_the_stored_statistics(grey):
    model, start = grey.original(), start_for(grey, 1)
    found, wanted = (make(grey, model, start, train_mode=mode)[0] for mode in (True, False))
    assert torch.equal(found, wanted)


def test_a_mixture_shows_each_noise_image_in_all_its_copies_under_its_label_and_each_retained_image_once(grey):
    retain, noise = grey.dataset.train.first(5), torch.tensor([0.25, 0.5]).view(2, 1, 1, 1).expand(2, *grey.dataset.train.shape[1:])
    both = Mixture(retain, noise, torch.tensor([7, 8]), copies=3)
    assert len(both) == 11
    x, y = both.taken(torch.arange(11))
    assert y.tolist() == [7, 8, 7, 8, 7, 8, *retain.labels.tolist()]
    assert torch.equal(x, torch.cat([noise, noise, noise, retain.pixels()]))
    x, y = both.taken(torch.tensor([10, 1]))
    assert y.tolist() == [int(retain.labels[4]), 8]
    assert torch.equal(x, torch.cat([retain.pixels()[4:], noise[1:]]))


def test_a_mixture_without_noise_is_the_retained_images(grey):
    retain = grey.dataset.train.first(5)
    x, y = Mixture(retain).taken(torch.tensor([3, 0]))
    assert len(Mixture(retain)) == 5
    assert torch.equal(y, retain.labels[[3, 0]])
    assert torch.equal(x, retain.pixels()[[3, 0]])
