"""SFRon: weights, turns and mask by hand, and the whole alternation written out by hand."""

from dataclasses import replace
from math import cos, pi

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.methods.baselines.sfron import SFRon, turns, weighted
from tests.tiny import near_weights


def test_a_loss_weighs_by_its_own_root_and_the_weights_are_not_differentiated():
    """Losses 1 and 4, lambda 1/2: 1 and 1/2 in proportion, 2/3 and 1/3. Their mean: 2/3 + 4/3 = 2; its gradient: 2/3 and 1/3."""
    losses = torch.tensor([1.0, 4.0], requires_grad=True)
    mean = weighted(losses, 0.5)
    mean.backward()
    assert mean.item() == pytest.approx(2.0)
    assert losses.grad.tolist() == pytest.approx([2 / 3, 1 / 3])


def test_without_weighting_it_is_the_mean_and_a_loss_of_zero_takes_all_weight_without_an_infinity():
    assert weighted(torch.tensor([1.0, 4.0, 7.0]), 0.0).item() == pytest.approx(4.0)
    assert weighted(torch.tensor([0.0, 4.0]), 0.5).item() == pytest.approx(0.0, abs=1e-6)


def test_a_batch_to_forget_comes_before_every_so_many_retain_steps_and_both_sets_come_round():
    """Of 3 images to forget by twos: 2, 1, 2; of 4 that stay: 2, 2, 2, 2, 2. A pass shows each image once."""
    forget, retain = (Examples(torch.zeros(n, 1, 1, 1, dtype=torch.uint8), torch.arange(n)) for n in (3, 4))
    found = list(turns(forget, retain, 5, 2, 2, torch.Generator().manual_seed(3)))
    assert [(forgets, step, len(y)) for forgets, step, _, y in found] == [
        (True, 0, 2), (False, 0, 2), (False, 1, 2), (True, 2, 1), (False, 2, 2), (False, 3, 2), (True, 4, 2), (False, 4, 2),
    ]  # fmt: skip
    first = torch.cat([y for forgets, step, _, y in found if forgets and step < 4])
    assert sorted(first.tolist()) == [0, 1, 2]


def test_the_mask_holds_the_weights_whose_squared_gradients_are_larger_on_the_forget_set(grey):
    """In one batch of all: the square of the mean gradient of each set."""
    method, model, splits = SFRon(batch_size=128, threshold=2.0), grey.original(), grey.splits()
    squares = []
    for examples in (splits.forget, splits.retain):
        model.zero_grad()
        F.cross_entropy(model(examples.pixels()), examples.labels).backward()
        squares.append({name: p.grad.square() for name, p in model.named_parameters()})
    found = method.before(grey.original(), splits, grey.context())
    for name, mask in found.items():
        ratio = (squares[0][name] + 1e-15) / (squares[1][name] + 1e-15)
        sure = (ratio - 2.0).abs() > 1e-3  # batches add in another order
        assert torch.equal(mask[sure], (ratio >= 2.0)[sure])
    assert 0 < sum(int(mask.sum()) for mask in found.values()) < sum(mask.numel() for mask in found.values())


def by_hand(tiny, method: SFRon, made: dict[str, torch.Tensor]) -> nn.Module:
    """Batches of 40 of 80 images that stay and 40 to forget, one forget step before every second of four retain steps."""
    model, splits, generator = tiny.original().train(), tiny.splits(), torch.Generator().manual_seed(4)
    optimiser = torch.optim.SGD(model.parameters(), lr=method.learning_rate, momentum=0.9, weight_decay=5e-4)
    forget, retain = splits.forget, splits.retain
    for step in range(4):
        falling = (1 + cos(pi * step / 4)) / 2
        optimiser.param_groups[0]["lr"] = method.learning_rate * falling
        if step % 2 == 0:
            batch = torch.randperm(40, generator=generator)
            optimiser.zero_grad()
            losses = F.cross_entropy(model(forget.pixels()[batch]), forget.labels[batch], reduction="none")
            shares = losses.detach() ** -method.weighting
            (-method.alpha * falling * (shares / shares.sum() * losses).sum()).backward()
            length = sum(float((p.grad * made[name]).square().sum()) for name, p in model.named_parameters()) ** 0.5
            for name, p in model.named_parameters():
                p.grad *= made[name] * min(1.0, method.clip / (length + 1e-6))
            optimiser.step()
            order = torch.randperm(80, generator=generator).split(40)
        batch = order[step % 2]
        optimiser.zero_grad()
        F.cross_entropy(model(retain.pixels()[batch]), retain.labels[batch]).backward()
        optimiser.step()
    return model


@pytest.mark.parametrize("clip", [0.05, 1e6])
def test_it_climbs_under_the_mask_and_no_further_than_the_clip_and_descends_with_the_same_momentum(tiny, clip):
    method = SFRon(alpha=3.0, every=2, clip=clip, epochs=2, learning_rate=0.02, batch_size=40)
    made = {name: torch.rand(p.shape, generator=torch.Generator().manual_seed(1)) < 0.5
            for name, p in tiny.original().named_parameters()}  # fmt: skip
    found = method.after(made, tiny.original(), tiny.splits(), tiny.context(seed=4))
    assert near_weights(found, by_hand(tiny, method, made))


def test_above_every_ratio_or_without_alpha_forget_steps_only_carry_momentum_and_decay(tiny):
    method = SFRon(every=2, epochs=2, learning_rate=0.02, batch_size=40)
    none = {name: torch.zeros(p.shape, dtype=torch.bool) for name, p in tiny.original().named_parameters()}
    masked = method.after(none, tiny.original(), tiny.splits(), tiny.context(seed=4))
    silent = replace(method, alpha=0.0).after({name: ~m for name, m in none.items()}, tiny.original(), tiny.splits(), tiny.context(seed=4))
    assert near_weights(masked, silent)
    assert near_weights(masked, by_hand(tiny, replace(method, alpha=0.0), none))


def test_a_search_takes_a_third_of_the_epochs_of_training_at_a_share_of_its_rate_told_for_sgd(tiny):
    method = SFRon(settings="auto")
    rungs = method.rungs(replace(tiny.recipe, epochs=20, learning_rate=0.1))
    assert {rung["epochs"] for rung in rungs} == {7}
    assert [rung["learning_rate"] for rung in rungs] == [0.002, 0.002, 0.01, 0.01, 0.02, 0.05, 0.05]
    of_adamw = method.rungs(replace(tiny.recipe, learning_rate=0.001, optimiser="adamw"))  # SGD's 0.05
    assert [rung["learning_rate"] for rung in of_adamw] == [0.001, 0.001, 0.005, 0.005, 0.01, 0.025, 0.025]


def test_its_passes_are_the_mask_its_epochs_over_the_retain_set_and_its_forget_batches(grey):
    """Of 9,000 with 300 to forget by 128: 68 batches a pass, 136 steps, 28 forget steps, 3 to a pass: 9 passes and one batch."""
    assert SFRon(epochs=2).passes(9000, 300, grey.recipe) == pytest.approx(9000 + 2 * 8700 + 9 * 300 + 128)
    assert SFRon(epochs=2).passes(120, 40, grey.recipe) == pytest.approx(120 + 2 * 80 + 1 * 40)
