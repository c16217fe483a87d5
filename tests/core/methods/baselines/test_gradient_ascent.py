"""Gradient ascent against the closed form of a linear model and a loop written out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from core.methods.baselines.gradient_ascent import GradientAscent
from tests.tiny import Tiny, same_weights


class LinearTiny(Tiny):
    """The tiny data under a softmax of one linear layer, whose gradients are known on paper."""

    def build(self):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


@pytest.fixture
def learned(tiny):
    """The tiny data and a network that learned them well: at a gentler rate, few of its units die."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03))


def loss_of(model, examples):
    with torch.no_grad():
        return nn.functional.cross_entropy(model(examples.pixels()), examples.labels).item()


def test_one_step_adds_the_gradient_of_the_mean_loss(grey):
    linear = LinearTiny(grey.dataset)
    layer, forget = linear.original()[1], linear.splits().forget
    x = forget.images.flatten(1).double() / 255
    residual = torch.softmax(x @ layer.weight.double().T + layer.bias.double(), 1)
    residual[range(40), forget.labels] -= 1
    after = linear.unlearn(GradientAscent(epochs=1, learning_rate=0.5, batch_size=40))[1]
    torch.testing.assert_close(after.weight.double(), layer.weight + 0.5 * residual.T @ x / 40, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(after.bias.double(), layer.bias + 0.5 * residual.mean(0), rtol=1e-5, atol=1e-6)


def test_it_steps_up_batch_by_batch_at_a_constant_rate_with_batchnorm_frozen(tiny):
    model, forget = tiny.original(), tiny.splits().forget
    generator = torch.Generator().manual_seed(4)
    pixels, weights = forget.images.float() / 255, list(model.parameters())
    for _ in range(2):
        for batch in torch.randperm(40, generator=generator).split(16):
            loss = nn.functional.cross_entropy(model(pixels[batch]), forget.labels[batch])
            for theta, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                theta.data += 0.05 * gradient
    ours = tiny.unlearn(GradientAscent(epochs=2, learning_rate=0.05, batch_size=16), seed=4)
    for (name, theta), wanted in zip(ours.named_parameters(), weights, strict=True):
        torch.testing.assert_close(theta, wanted, rtol=1e-5, atol=1e-6, msg=name)
    assert not torch.allclose(ours.classifier.weight, tiny.original().classifier.weight, atol=1e-3)


def test_batchnorms_stored_statistics_stay_to_the_bit(tiny):
    before, after = (dict(model.named_buffers()) for model in (tiny.original(), tiny.unlearn(GradientAscent())))
    assert any("running_var" in name for name in before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_the_forget_sets_loss_rises_while_the_rate_is_small(learned):
    forget = learned.splits().forget
    one, two = (learned.unlearn(GradientAscent(epochs=n, learning_rate=0.01, batch_size=16)) for n in (1, 2))
    assert loss_of(two, forget) > loss_of(one, forget) > loss_of(learned.original(), forget)


def test_a_rate_of_zero_changes_nothing(grey):
    assert same_weights(grey.unlearn(GradientAscent(learning_rate=0.0)), grey.original())


def test_its_progress_counts_every_batch_of_every_epoch(grey):
    heard = []
    grey.unlearn(GradientAscent(epochs=2, batch_size=16), on_progress=lambda share, note: heard.append((share, note)))
    assert [share for share, _ in heard] == pytest.approx([step / 6 for step in range(1, 7)])
    assert {note for _, note in heard} == {"climbing"}


def test_its_passes_are_its_epochs_over_the_forget_set(grey):
    assert GradientAscent(epochs=7).passes(120, 40, grey.recipe) == 7 * 40
