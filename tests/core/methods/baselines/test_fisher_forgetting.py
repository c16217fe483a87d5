"""Fisher forgetting: its variances from closed forms and plain autograd, its noise draw by draw."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from core.methods.baselines.fisher_forgetting import FisherForgetting
from tests.tiny import Tiny, same_weights


class LinearTiny(Tiny):
    """The tiny data under a softmax of one linear layer, whose Fisher is known on paper."""

    def build(self):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


class TwoLayerTiny(Tiny):
    """With a hidden layer before the last one."""

    def build(self):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 3))


def draws(model, seed):
    """A standard normal draw for every parameter, in the model's order."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(theta.shape, generator=generator) for name, theta in model.named_parameters()}


def exact_fisher(model, examples):
    """Mean over samples, sum over classes, of p(c | x) (d -log p(c | x) / d theta)^2, by one backward pass for each."""
    named = dict(model.named_parameters())
    sums = {name: torch.zeros_like(theta) for name, theta in named.items()}
    for x in examples.images.float() / 255:
        log_p = torch.log_softmax(model(x[None])[0], 0)
        for c in range(3):
            gradients = torch.autograd.grad(-log_p[c], list(named.values()), retain_graph=True)
            for name, gradient in zip(named, gradients, strict=True):
                sums[name] += log_p[c].exp().detach() * gradient**2
    return {name: value / len(examples) for name, value in sums.items()}


def test_the_noise_on_a_linear_model_is_what_a_hand_computes(grey):
    linear, scale = LinearTiny(grey.dataset, replace(grey.recipe, learning_rate=0.3)), 1e-4  # sure of its answers
    model, retain = linear.original(), linear.splits("random:0.3").retain
    x = retain.images.flatten(1).double() / 255
    p = torch.softmax(model(retain.pixels()), 1).detach().double()
    # d -log p_c / d z_j = p_j - [j = c], whose square is p_j (1 - p_j) in expectation over c.
    of_bias, of_weight = (p * (1 - p)).mean(0), (p * (1 - p)).T @ x**2 / len(x)
    assert (of_weight < 1e-2).any(), "some weight must meet the cap of the last layer, 1 / F <= 1e2"
    assert (of_weight > 1e-2).any()
    wanted = {
        "1.weight": scale * 10 * (1 / (of_weight + 1e-8)).clamp(max=1e2).mean(1, keepdim=True).expand(3, 64),
        "1.bias": scale * 10 * (1 / (of_bias + 1e-8)).clamp(max=1e2),
    }
    after = linear.unlearn(FisherForgetting(noise=scale), "random:0.3", seed=4)
    drawn = draws(model, 4)
    for (name, theta), before in zip(after.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(theta.double(), before + wanted[name].sqrt() * drawn[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("request_, rows", [("random:0.3", []), ("class:2", [2]), ("classes:0,2", [0, 2])])
def test_hidden_weights_have_a_higher_cap_vectors_ten_times_the_variance_and_forgotten_rows_their_own(
    grey, request_, rows
):
    deep, scale = TwoLayerTiny(grey.dataset), 1e-5
    model, splits = deep.original(), deep.splits(request_)
    fisher = exact_fisher(model, splits.retain)
    cap = {"1.weight": 1e3, "1.bias": 1e3, "3.weight": 1e2, "3.bias": 1e2}
    for name in ("1.weight", "3.weight"):
        assert (fisher[name] < 1 / cap[name]).any(), "some weight must meet its cap"
        assert (fisher[name] > 1 / cap[name]).any(), "and some must not"
    after = dict(deep.unlearn(FisherForgetting(noise=scale), request_, seed=4).named_parameters())
    for name, before in model.named_parameters():
        variance = scale * torch.minimum(1 / (fisher[name] + 1e-8), torch.tensor(cap[name]))
        if name.endswith("weight"):
            variance = variance.mean(1)[:, None].expand(before.shape)
        if name != "1.weight":
            variance = 10 * variance
        wanted = before + variance.sqrt() * draws(model, 4)[name]
        if name.startswith("3."):
            wanted[rows] = 1e-4**0.5 * draws(model, 4)[name][rows]  # about zero
        torch.testing.assert_close(after[name], wanted, rtol=1e-3, atol=1e-6, msg=name)


def test_without_noise_a_random_request_changes_nothing(tiny):
    assert same_weights(tiny.unlearn(FisherForgetting(noise=0.0), "random:0.3"), tiny.original())


def test_without_noise_a_class_request_changes_the_forgotten_rows_alone(tiny):
    after, before = tiny.unlearn(FisherForgetting(noise=0.0)).state_dict(), tiny.original().state_dict()
    for name, tensor in before.items():
        if name.startswith("classifier."):
            assert torch.equal(after[name][:2], tensor[:2])
            assert not (after[name][2] == tensor[2]).any()
        else:
            assert torch.equal(after[name], tensor), name


def test_the_variance_is_proportional_to_the_noise_and_buffers_stay(tiny):
    before = tiny.original()
    one, four = (tiny.unlearn(FisherForgetting(noise=a), "samples:0,5,7", seed=4) for a in (0.01, 0.04))
    for p, q, start in zip(one.parameters(), four.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(q - start, 2 * (p - start), rtol=1e-4, atol=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(one.buffers(), before.buffers(), strict=True))


def test_more_noise_costs_more_on_the_retain_set(grey):
    retain = grey.splits("random:0.3").retain

    def loss(noise):
        model = grey.unlearn(FisherForgetting(noise=noise), "random:0.3")
        with torch.no_grad():
            return nn.functional.cross_entropy(model(retain.pixels()), retain.labels).item()

    assert loss(1e-2) > loss(1e-8)


def test_its_passes_grow_with_the_retain_set(grey):
    assert FisherForgetting().passes(120, 60, grey.recipe) * 2 == FisherForgetting().passes(120, 0, grey.recipe)
