"""NegGrad+ against the closed form of a linear model and a loop written out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from core.methods.baselines.neggrad_plus import NegGradPlus
from tests.tiny import Tiny, same_weights


class LinearTiny(Tiny):
    """The tiny data under a softmax of one linear layer, whose gradients are known on paper."""

    def build(self):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


@pytest.fixture
def learned(tiny):
    """The tiny data and a network that learned them well: at a gentler rate, few of its units die."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03))


@pytest.fixture
def steps():
    """Grows by one with every step of any optimiser."""
    taken = []
    hook = register_optimizer_step_post_hook(lambda *_: taken.append(1))
    yield taken
    hook.remove()


def by_hand(model, splits, seed, alpha, epochs, rate, size):
    """Plain SGD with momentum; the retain set's order sets the count of steps, the forget set goes round beside it."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    waiting = {"retain": [], "forget": []}

    def loss_on(name):
        examples = getattr(splits, name)
        batch = waiting[name].pop(0)
        return nn.functional.cross_entropy(model(examples.images[batch].float() / 255), examples.labels[batch])

    for _ in range(epochs * -(-len(splits.retain) // size)):
        for name in ("retain", "forget"):
            if not waiting[name]:
                waiting[name] += torch.randperm(len(getattr(splits, name)), generator=generator).split(size)
        optimiser.zero_grad()
        loss = alpha * loss_on("retain")
        if alpha < 1:
            loss = loss - (1 - alpha) * loss_on("forget")
        else:
            waiting["forget"].pop(0)
        loss.backward()
        optimiser.step()
    return model.eval()


def test_one_step_descends_on_the_retain_set_and_climbs_on_the_forget_set(grey):
    linear = LinearTiny(grey.dataset)
    layer, splits = linear.original()[1], linear.splits()

    def gradients(examples):
        x = examples.images.flatten(1).double() / 255
        residual = torch.softmax(x @ layer.weight.double().T + layer.bias.double(), 1)
        residual[range(len(x)), examples.labels] -= 1
        return residual.T @ x / len(x), residual.mean(0)

    after = linear.unlearn(NegGradPlus(alpha=0.7, epochs=1, learning_rate=0.5, batch_size=80))[1]
    parts = zip((layer.weight, layer.bias), gradients(splits.retain), gradients(splits.forget), strict=True)
    for theta, (before, down, up) in zip((after.weight, after.bias), parts, strict=True):
        torch.testing.assert_close(theta.double(), before - 0.5 * (0.7 * down - 0.3 * up), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.9, 0.0])
def test_it_is_sgd_with_momentum_on_the_weighted_difference_in_train_mode(tiny, alpha):
    model = by_hand(tiny.original().train(), tiny.splits(), seed=4, alpha=alpha, epochs=2, rate=0.01, size=16)
    ours = tiny.unlearn(NegGradPlus(alpha=alpha, epochs=2, learning_rate=0.01, batch_size=16), seed=4)
    for (name, theta), wanted in zip(ours.state_dict().items(), model.state_dict().values(), strict=True):
        torch.testing.assert_close(theta, wanted, rtol=1e-5, atol=1e-6, msg=name)


def test_with_alpha_1_the_weights_are_those_of_fine_tuning_on_the_retain_set(tiny):
    model = by_hand(tiny.original().train(), tiny.splits(), seed=4, alpha=1.0, epochs=2, rate=0.01, size=32)
    ours = tiny.unlearn(NegGradPlus(alpha=1.0, epochs=2, learning_rate=0.01, batch_size=32), seed=4)
    for (name, theta), wanted in zip(ours.named_parameters(), model.parameters(), strict=True):
        assert torch.equal(theta, wanted), name


def test_a_smaller_alpha_forgets_more(learned):
    forget = learned.splits().forget

    def loss(alpha):
        model = learned.unlearn(NegGradPlus(alpha=alpha, epochs=2, learning_rate=0.01))
        with torch.no_grad():
            return nn.functional.cross_entropy(model(forget.pixels()), forget.labels).item()

    assert loss(0.5) > loss(0.8) > loss(1.0)


@pytest.mark.parametrize("request_", ["samples:5", "random:119"])
def test_a_single_example_on_either_side_leaves_batchnorms_statistics_alone(grey, steps, request_):
    after = grey.unlearn(NegGradPlus(epochs=2, batch_size=64), request_)
    before, buffers = dict(grey.original().named_buffers()), dict(after.named_buffers())
    assert all(torch.equal(buffers[name], before[name]) for name in before)
    assert not same_weights(after, grey.original())
    assert len(steps) == 2 * (2 if request_ == "samples:5" else 1)  # of 119 or of 1 retained, in batches of 64


@pytest.mark.parametrize("request_", ["random:17", "random:23"])
def test_a_batch_of_one_is_skipped_and_the_steps_are_made_up_for(grey, steps, request_):
    sizes = set()
    model, splits = grey.original(), grey.splits(request_)
    model.register_forward_pre_hook(lambda _, inputs: sizes.add(len(inputs[0])))
    NegGradPlus(epochs=2, batch_size=16).unlearn(model, splits, grey.context())
    assert sizes == {16, 7}  # 17 leave 1 over and the other 103 leave 7; 23 leave 7 and the other 97 leave 1
    assert len(steps) == 2 * 7


def test_its_passes_are_its_epochs_over_the_retain_set_twice(grey):
    assert NegGradPlus(epochs=7).passes(120, 40, grey.recipe) == 2 * 7 * 80
