"""Slices of kernels: differences worked by hand and by plain autograd, and which slices each rule takes."""

from collections import OrderedDict
from copy import deepcopy

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.methods.aru import choose, convolutions, difference
from tests.tiny import same_weights


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def odd_network():
    """A stem of one channel, a depthwise, a grouped and a 1x1 convolution; 8x8 images, three classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return nn.Sequential(
            OrderedDict(
                stem=nn.Conv2d(1, 4, 3, padding=1),
                norm=nn.BatchNorm2d(4),
                block=nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 6, (1, 3), groups=2)),
                pointwise=nn.Conv2d(6, 5, 1),
                relu=nn.ReLU(),
                flatten=nn.Flatten(),
                classifier=nn.Linear(5 * 8 * 6, 3),
            )
        ).eval()


def by_autograd(model, images, noise, labels, batch_size, train_mode):
    """The definition, in one plain loop over copies."""
    gradients = []
    for pixels in (images, noise):
        copy = deepcopy(model).train(train_mode)
        for start in range(0, len(labels), batch_size):
            part = slice(start, start + batch_size)
            if train_mode and len(labels[part]) == 1:
                continue  # BatchNorm refuses it
            F.cross_entropy(copy(pixels[part]), labels[part]).backward()  # .grad sums over batches
        gradients.append({name: p.grad for name, p in copy.named_parameters()})
    names = [n for n, p in model.named_parameters() if p.ndim == 4 and max(p.shape[2:]) > 1]
    return {n: (gradients[0][n] - gradients[1][n]).mean((2, 3)).abs() for n in names}


def noise_like(images, size=0.03):
    return size * (2 * torch.rand(images.shape, generator=seeded(5)) - 1)


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        torch.testing.assert_close(found[name], values, rtol=1e-3, atol=1e-6)


# Which layers.


def test_convolutions_are_all_but_the_1x1_ones_in_the_models_order(grey_and_colour):
    model = odd_network()
    found = convolutions(model)
    assert list(found) == ["stem.weight", "block.0.weight", "block.1.weight"]
    assert all(layer.weight is dict(model.named_parameters())[name] for name, layer in found.items())
    assert list(convolutions(grey_and_colour.original())) == ["conv1.weight", "conv2.weight"]


def test_a_model_of_linear_and_1x1_layers_has_none():
    assert convolutions(nn.Sequential(nn.Conv2d(1, 4, 1), nn.Flatten(), nn.Linear(4, 2))) == {}


# The difference.


@pytest.mark.parametrize(
    "labels, batch_size, wanted",
    [
        ((0, 1), 2, 0.05),
        ((0, 1), 1, 0.1),
        ((0, 0), 2, 0.125),
        ((0, 0), 1, 0.25),
    ],
)
def test_the_difference_of_a_convolution_of_zeros_is_what_a_hand_computes(labels, batch_size, wanted):
    model = nn.Sequential(nn.Conv2d(1, 2, 2, bias=False), nn.Flatten())
    nn.init.zeros_(model[0].weight)
    stored = torch.tensor([[1, 2, 3, 4], [0, 0, 4, 8]], dtype=torch.uint8).view(2, 1, 2, 2)  # tenths; means 0.25 and 0.3
    noise = torch.tensor([[0.1, -0.1, 0.2, 0.2], [0.0, 0.0, 0.0, -0.2]]).view(2, 1, 2, 2)  # means 0.1 and -0.05
    # Both probabilities are 1/2: an image's gradient is -1/2 x for its label's channel, 1/2 x for the other. Over the
    # kernel, images less noise are 0.15 and 0.35. Labels 0, 1: 1/2 (0.35 - 0.15) = 0.1 in sum; 0, 0: 1/2 x 0.5 = 0.25.
    # A batch of two halves the sum; two batches of one do not.
    forget = Examples(stored, torch.tensor(labels), peak=10)
    found = difference(model, forget, noise, batch_size=batch_size, train_mode=False)
    assert list(found) == ["0.weight"]
    assert found["0.weight"].flatten().tolist() == pytest.approx([wanted, wanted], rel=1e-5)


@pytest.mark.parametrize("train_mode", [True, False])
@pytest.mark.parametrize("batch_size", [13, 16, 64])  # 40 images: 13 leaves a last batch of one
def test_the_difference_is_its_definition_on_a_network(tiny, batch_size, train_mode):
    model, forget = tiny.original(), tiny.splits().forget
    images, labels = forget.pixels(), forget.labels
    noise = noise_like(images)
    found = difference(model, forget, noise, batch_size=batch_size, train_mode=train_mode)
    assert found["conv1.weight"].shape == (16, tiny.dataset.info.channels)
    assert found["conv2.weight"].shape == (32, 16)
    assert_same(found, by_autograd(model, images, noise, labels, batch_size, train_mode))


@pytest.mark.parametrize("train_mode", [True, False])
def test_a_stem_of_one_channel_and_grouped_convolutions_keep_their_two_dimensions(grey, train_mode):
    model, train = odd_network(), grey.dataset.train.first(20)
    images, labels = train.pixels(), train.labels
    found = difference(model, train, noise_like(images), batch_size=8, train_mode=train_mode)
    shapes = {name: tuple(d.shape) for name, d in found.items()}
    assert shapes == {"stem.weight": (4, 1), "block.0.weight": (4, 1), "block.1.weight": (6, 2)}
    assert_same(found, by_autograd(model, images, noise_like(images), labels, 8, train_mode))


@pytest.mark.parametrize("train_mode", [True, False])
def test_5_noise_that_is_the_image_itself_makes_no_difference(tiny, train_mode):  # METHODS.md 3.5
    forget = tiny.splits().forget
    x = forget.pixels()
    found = difference(tiny.original(), forget, x.clone(), batch_size=16, train_mode=train_mode)
    assert all((d == 0).all() for d in found.values())


def test_batch_normalisation_on_the_batch_sees_other_differences_than_on_what_is_stored(tiny):
    forget = tiny.splits().forget
    x = forget.pixels()
    train, stored = (
        difference(tiny.original(), forget, noise_like(x), batch_size=64, train_mode=mode)
        for mode in (True, False)
    )
    assert not torch.allclose(train["conv2.weight"], stored["conv2.weight"], rtol=0.1)


def test_a_single_example_is_compared_on_the_stored_statistics(grey):
    one = grey.splits().forget.first(1)
    x = one.pixels()
    found = difference(grey.original(), one, noise_like(x), batch_size=16, train_mode=True)
    assert_same(found, by_autograd(grey.original(), x, noise_like(x), one.labels, 16, False))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("train_mode", [True, False])
def test_7_the_model_is_left_as_it_was(tiny, train_mode, training):  # METHODS.md 3.5
    model, forget = tiny.original().train(training), tiny.splits().forget
    x = forget.pixels()
    difference(model, forget, noise_like(x), batch_size=16, train_mode=train_mode)
    assert same_weights(model, tiny.original())
    assert all(module.training == training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


# The choice.

SCORES = torch.tensor([[0.4, 0.1, 0.6], [0.3, 0.5, 0.2]])


@pytest.mark.parametrize(
    "rule, share, wanted",
    [
        ("aru", 0.0, [[0, 0, 0], [0, 0, 0]]),
        ("aru", 0.34, [[0, 1, 0], [0, 0, 1]]),
        ("aru", 0.5, [[0, 1, 0], [1, 0, 1]]),
        ("largest", 0.34, [[0, 0, 1], [0, 1, 0]]),
        ("largest", 0.5, [[1, 0, 1], [0, 1, 0]]),
        ("largest", 1.0, [[1, 1, 1], [1, 1, 1]]),
    ],
)
def test_the_rule_takes_the_smallest_differences_and_its_control_the_largest(rule, share, wanted):
    mask = choose(SCORES, share, rule, seeded())
    assert mask.dtype == torch.bool
    assert mask.int().tolist() == wanted


def test_random_slices_are_any_slices_whatever_their_scores():
    scores = torch.arange(8.0).view(2, 4)
    generators = seeded(), seeded()
    masks = torch.stack([choose(scores, 0.25, "random", generators[0]) for _ in range(400)])
    assert (masks.sum((1, 2)) == 2).all()
    # Each slice is taken 400 x 1/4 = 100 times, with a deviation of sqrt(400 x 1/4 x 3/4) = 8.7.
    assert (masks.sum(0) - 100).abs().max() < 4 * 8.7
    others = torch.stack([choose(-scores, 0.25, "random", generators[1]) for _ in range(400)])
    assert torch.equal(masks, others)


@pytest.mark.parametrize("rule", ["aru", "largest", "random"])
@pytest.mark.parametrize("shape", [(16, 1), (32, 16), (4, 1), (10, 10), (7, 3)])
def test_4_exactly_the_floor_of_share_times_size_is_taken(rule, shape):  # METHODS.md 3.5
    scores = torch.rand(shape, generator=seeded(2))
    for percent in range(101):
        mask = choose(scores, percent / 100, rule, seeded())
        assert mask.shape == shape
        assert int(mask.sum()) == percent * scores.numel() // 100  # 0.29 x 100 is 28.999... in binary


def test_slices_of_equal_difference_do_not_change_the_count():
    assert int(choose(torch.zeros(6, 5), 0.5, "aru", seeded()).sum()) == 15
