"""PGD against a network whose gradient's sign a hand can read, and against a loop written out on a trained one."""

from math import sqrt

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.methods.aru import pgd, random_start
from tests.tiny import same_weights

RADIUS, STEP, STEPS = 8 / 255, 2 / 255, 7


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def linear(*weights):
    """Logits (w . x, 0). For label 0 the loss is log(1 + exp(-w . x)): its gradient, a negative number times w."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(len(weights), 2, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.stack([torch.tensor(weights), torch.zeros(len(weights))]))
    return model


def image(*pixels):
    return torch.tensor(pixels).view(1, 1, 1, -1)


def attack(model, x, y, *, radius, generator, **rest):
    """From a random start."""
    return pgd(model, x, y, random_start(x.shape, radius, generator), radius=radius, **rest)


@pytest.fixture
def forgotten(tiny):
    forget = tiny.splits().forget
    return forget.pixels(), forget.labels


@pytest.mark.parametrize("label, minimise, along", [(0, True, 1), (1, False, 1), (0, False, -1), (1, True, -1)])
def test_on_a_linear_model_it_ends_in_the_corner_along_the_sign_of_the_weights(label, minimise, along):
    x = image(0.5, 0.5, 0.95, 0.02)
    # 7 steps of 0.03 cross a box of 0.2. Towards + + on w: 0.6, 0.4, 1.05 cut to 1, -0.08 cut to 0; else the other way.
    wanted = {1: [0.6, 0.4, 1.0, 0.0], -1: [0.4, 0.6, 0.85, 0.12]}[along]
    attacked = pgd(
        linear(1.0, -2.0, 3.0, -0.5), x, torch.tensor([label]), random_start(x.shape, 0.1, seeded()),
        radius=0.1, step_size=0.03, steps=7, minimise=minimise,
    )  # fmt: skip
    assert attacked.flatten().tolist() == pytest.approx(wanted, abs=1e-6)


def test_each_step_moves_every_pixel_that_matters_by_its_size_and_the_box_holds_it():
    x, model = torch.full((1, 1, 1, 6), 0.5), linear(1.0, -1.0, 0.0, 2.0, -3.0, 0.0)
    way = torch.tensor([1.0, -1.0, 0.0, 1.0, -1.0, 0.0])  # label 0, towards less loss

    def after(steps):
        start = random_start(x.shape, 0.2, seeded())
        return pgd(model, x, torch.tensor([0]), start, radius=0.2, step_size=0.05, steps=steps).flatten()

    start = after(0)
    for steps in (1, 2, 3):
        torch.testing.assert_close(after(steps), (start + steps * 0.05 * way).clamp(0.3, 0.7))


def test_it_starts_anywhere_in_the_box_alike():
    start = random_start((1, 1, 50, 50), 0.1, seeded())
    assert start.min() < -0.099
    assert start.max() > 0.099
    assert float(start.std()) == pytest.approx(0.1 / sqrt(3), rel=0.05)  # of the uniform distribution
    assert float(start.mean()) == pytest.approx(0, abs=4 * 0.1 / sqrt(3) / 50)


@pytest.mark.parametrize("minimise", [True, False])
def test_on_a_trained_network_it_is_the_loop_of_the_paper(tiny, forgotten, minimise):
    model, (x, y) = tiny.original(), forgotten
    wanted = (x + torch.empty(x.shape).uniform_(-RADIUS, RADIUS, generator=seeded())).clip(0, 1)
    for _ in range(STEPS):
        wanted = wanted.detach().requires_grad_()
        F.cross_entropy(model(wanted), y).backward()  # of the mean: the same signs
        wanted = wanted + (-1 if minimise else 1) * STEP * wanted.grad.sign()
        wanted = (x + (wanted - x).clip(-RADIUS, RADIUS)).clip(0, 1)
    found = attack(model, x, y, radius=RADIUS, step_size=STEP, steps=STEPS, generator=seeded(), minimise=minimise)
    torch.testing.assert_close(found, wanted.detach(), rtol=0, atol=1e-6)


# METHODS.md 3.5, one, two, and seven for this stage.


@pytest.mark.parametrize("radius, step", [(RADIUS, STEP), (0.3, 0.2), (1.0, 1.0)])
@pytest.mark.parametrize("minimise", [True, False])
def test_1_the_noise_stays_in_its_radius_and_the_image_in_0_to_1(tiny, forgotten, radius, step, minimise):
    model, (x, y) = tiny.original(), forgotten
    found = attack(model, x, y, radius=radius, step_size=step, steps=5, generator=seeded(), minimise=minimise)
    assert 0.9 * radius < (found - x).abs().max() <= radius + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1


def test_2_minimising_lowers_the_loss_and_the_other_sign_raises_it(tiny, forgotten):
    model, (x, y) = tiny.original(), forgotten
    losses = {
        way: F.cross_entropy(
            model(attack(model, x, y, radius=RADIUS, step_size=STEP, steps=STEPS, generator=seeded(), minimise=way)), y
        ).item()
        for way in (True, False)
    }
    assert losses[True] < F.cross_entropy(model(x), y).item() < losses[False]


def test_7_the_attacked_model_and_the_images_are_left_as_they_were_and_no_gradient_stays(tiny, forgotten):
    model, (x, y) = tiny.original(), forgotten
    before = x.clone()
    found = attack(model, x, y, radius=RADIUS, step_size=STEP, steps=STEPS, generator=seeded())
    assert same_weights(model, tiny.original())
    assert not any(module.training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert torch.equal(x, before)
    assert not x.requires_grad
    assert not found.requires_grad


def test_it_works_in_the_mode_that_the_model_is_in(grey):
    forget, found = grey.splits().forget, {}
    for training in (True, False):
        model = grey.original().train(training)
        found[training] = attack(
            model, forget.pixels(), forget.labels, radius=0.5, step_size=0.1, steps=5, generator=seeded()
        )
        assert all(module.training == training for module in model.modules())
    assert not torch.equal(found[True], found[False])


def test_the_listener_hears_the_mean_loss_before_each_step_and_after_the_last(tiny, forgotten):
    model, (x, y) = tiny.original(), forgotten
    heard = []

    def attacked(steps, on_step=None):
        return attack(model, x, y, radius=RADIUS, step_size=STEP, steps=steps, generator=seeded(), on_step=on_step)

    attacked(3, heard.append)
    wanted = [F.cross_entropy(model(attacked(steps)), y).item() for steps in range(4)]
    assert heard == pytest.approx(wanted, rel=1e-5)


def test_the_generator_alone_decides_the_noise(grey):
    model, forget = grey.original(), grey.splits().forget

    def attacked(seed):
        return attack(
            model, forget.pixels(), forget.labels, radius=RADIUS, step_size=STEP, steps=2, generator=seeded(seed)
        )

    first = attacked(3)
    torch.rand(5)
    assert torch.equal(first, attacked(3))
    assert not torch.equal(first, attacked(4))
