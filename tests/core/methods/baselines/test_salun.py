"""SalUn: the mask by plain autograd, the weights outside it to the bit, and random label at either end."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from core.methods.baselines.random_label import RandomLabel
from core.methods.baselines.salun import SalUn
from tests.tiny import near_weights, same_weights

SETTINGS = {"epochs": 2, "learning_rate": 0.05, "batch_size": 16}


@pytest.fixture
def learned(tiny):
    """The tiny data and a network that learned them well: at a gentler rate, few of its units die."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03))


def unlearn(tiny, seed=4, **settings):
    """The unlearned model and the masks that it recorded, by parameter."""
    method, run = SalUn(**(SETTINGS | settings)), tiny.context(seed=seed)
    model = method.unlearn(tiny.original(), tiny.splits().only(method.uses), run)
    return model, {name.removeprefix("salun_mask/"): mask.bool() for name, mask in run.recorded.items()}


def saliency_of(tiny, size):
    """|sum over batches of the gradient of the batch's mean loss on the forget set|, by parameter."""
    model, forget = tiny.original(), tiny.splits().forget
    for start in range(0, 40, size):
        part = slice(start, start + size)
        nn.functional.cross_entropy(model(forget.images[part].float() / 255), forget.labels[part]).backward()
    return {name: theta.grad.abs() for name, theta in model.named_parameters()}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("size", [16, 64])
def test_the_mask_is_the_top_share_of_absolute_gradients_over_all_weights_together(tiny, share, size):
    saliency = saliency_of(tiny, size)
    _, masks = unlearn(tiny, share=share, batch_size=size, epochs=1)
    assert {name: mask.shape for name, mask in masks.items()} == {name: s.shape for name, s in saliency.items()}
    allowed, values = (torch.cat([part[name].flatten() for name in saliency]) for part in (masks, saliency))
    assert int(allowed.sum()) == int(share * len(values))
    assert values[allowed].min() >= values[~allowed].max() * (1 - 1e-4)
    assert len({round(float(mask.float().mean()), 6) for mask in masks.values()}) > 1  # not a share of each layer


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_weights_outside_the_mask_keep_every_bit_under_momentum_and_those_inside_move(learned, share):
    after, masks = unlearn(learned, share=share)
    moved = 0
    for (name, theta), before in zip(after.named_parameters(), learned.original().parameters(), strict=True):
        assert torch.equal(theta[~masks[name]], before[~masks[name]]), name
        moved += int((theta != before).sum())
    allowed = sum(int(mask.sum()) for mask in masks.values())
    assert 0.9 * allowed <= moved <= allowed


def test_with_share_1_it_is_random_label_with_the_same_draws(tiny):
    for true_label in ("excluded", "allowed"):
        ours, _ = unlearn(tiny, share=1.0, true_label=true_label)
        assert same_weights(ours, tiny.unlearn(RandomLabel(**SETTINGS, labels="each_epoch", true_label=true_label), seed=4))


def test_a_masked_step_is_a_step_of_random_label_on_the_weights_that_may_move(tiny):
    """One step, from one batch of all: the gradient does not know the mask yet."""
    once = {"epochs": 1, "learning_rate": 0.05, "batch_size": 120}
    ours, masks = unlearn(tiny, share=0.3, **once)
    free, before = dict(tiny.unlearn(RandomLabel(**once), seed=4).named_parameters()), tiny.original()
    for (name, theta), old in zip(ours.named_parameters(), before.parameters(), strict=True):
        assert torch.equal(theta, torch.where(masks[name], free[name], old)), name


def test_many_steps_are_those_of_plain_sgd_put_back_after_each_under_labels_drawn_anew_in_each_epoch(tiny):
    _, masks = unlearn(tiny, share=0.4)
    model, splits = tiny.original().train(), tiny.splits()
    start = {name: theta.detach().clone() for name, theta in model.named_parameters()}
    generator = torch.Generator().manual_seed(4)
    pixels = torch.cat([splits.forget.images, splits.retain.images]).float() / 255
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for _ in range(2):
        wrong = (splits.forget.labels + torch.randint(1, 3, (40,), generator=generator)) % 3
        labels = torch.cat([wrong, splits.retain.labels])
        for batch in torch.randperm(120, generator=generator).split(16):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), labels[batch]).backward()
            optimiser.step()
            for name, theta in model.named_parameters():
                theta.data[~masks[name]] = start[name][~masks[name]]
    assert near_weights(unlearn(tiny, share=0.4)[0], model)


def test_its_passes_are_the_saliencys_and_its_epochs(grey):
    assert SalUn(epochs=7).passes(120, 40, grey.recipe) == 40 + 7 * 120
