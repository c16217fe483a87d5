"""Masked small gradients: masks, rates and steps by hand, and the whole training loop written out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.domain.errors import WrongInput
from core.methods.baselines.masked_small_gradients import MaskedSmallGradients, kernels, rate_share, reset, slow
from tests.tiny import near_weights


def test_every_convolution_is_reset_those_of_single_pixels_too_and_nothing_else():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1), nn.Flatten(), nn.Linear(2, 2))
    assert list(kernels(model)) == ["0.weight", "2.weight"]


def test_a_model_without_a_convolution_is_refused(grey):
    with pytest.raises(WrongInput, match="this model has none"):
        MaskedSmallGradients().unlearn(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), grey.splits(), grey.context())


def test_what_is_reset_is_drawn_with_a_deviation_of_the_root_of_two_over_the_fan_out_and_the_rest_stays():
    """Fan-out 8 x 5 x 5 = 200: a deviation of 0.1. Of 100 x 8 x 25 = 20,000 draws half are taken; 3 standard errors are 0.003."""
    weight = nn.Parameter(torch.full((8, 100, 5, 5), 7.0))
    mask = torch.zeros(8, 100, 5, 5, dtype=torch.bool)
    mask[:, :50] = True
    reset({"w": weight}, {"w": mask}, torch.Generator().manual_seed(3))
    assert torch.equal(weight[~mask], torch.full((10_000,), 7.0))
    assert float(weight[mask].detach().mean()) == pytest.approx(0.0, abs=0.003)
    assert float(weight[mask].detach().std()) == pytest.approx(0.1, abs=0.003)


@pytest.mark.parametrize(
    ("epochs", "rates"), [(1, [1]), (2, [1, 1 / 2]), (4, [1 / 2, 1, 2 / 3, 1 / 3]), (5, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])]
)
def test_the_rate_rises_to_the_middle_epoch_and_falls_in_equal_steps(epochs, rates):
    assert [rate_share(epoch, epochs) for epoch in range(epochs)] == pytest.approx(rates)


def test_a_kept_weight_moves_by_a_tenth_of_the_gradient_and_by_the_whole_weight_decay():
    """Weights 1, gradients 2, rate 0.1, decay 0.5: 1 - 0.1 (2 + 0.5) = 0.75 where it was reset, 1 - 0.1 (0.2 + 0.5) = 0.93 else."""
    weight = nn.Parameter(torch.ones(2))
    optimiser = torch.optim.SGD([weight], lr=0.1, weight_decay=0.5)
    slow(optimiser, {"w": weight}, {"w": torch.tensor([True, False])}, 0.1)
    weight.grad = torch.full((2,), 2.0)
    optimiser.step()
    assert weight.tolist() == pytest.approx([0.75, 0.93])


def test_the_gradients_are_those_of_as_many_retained_images_less_those_of_the_forget_set(tiny):
    """Of class 2: 40 images, and the first 40 of a permutation of the 80 that stay, in batches of 16, 16 and 8, in eval mode."""
    model, splits = tiny.original(), tiny.splits()
    drawn = torch.randperm(80, generator=torch.Generator().manual_seed(4))[:40]
    for examples, sign in ((splits.retain.subset(drawn), 1.0), (splits.forget, -1.0)):
        for x, y in zip(examples.pixels().split(16), examples.labels.split(16), strict=True):
            (sign * F.cross_entropy(model(x), y)).backward()
    found = MaskedSmallGradients(batch_size=16).before(tiny.original(), splits, tiny.context(seed=4))
    assert list(found) == ["conv1.weight", "conv2.weight"]
    for name, size in found.items():
        assert torch.allclose(size, model.get_parameter(name).grad.abs(), atol=1e-6)


@pytest.mark.parametrize("mask", ["smallest", "largest"])
def test_of_each_layer_the_share_with_the_smallest_or_largest_gradients_is_reset(grey, mask):
    """conv1 has 16 x 9 = 144 weights, of which 0.3 are 43.2; conv2 32 x 16 x 9 = 4,608, of which they are 1,382.4."""
    method, run = MaskedSmallGradients(share=0.3, epochs=0, mask=mask), grey.context(seed=4)
    model = method.unlearn(grey.original(), grey.splits(), run)
    sizes, before = method.before(grey.original(), grey.splits(), grey.context(seed=4)), grey.original().state_dict()
    for name, count in (("conv1.weight", 43), ("conv2.weight", 1382)):
        changed = model.get_parameter(name) != before[name]
        assert int(changed.sum()) == count
        assert torch.equal(changed, run.recorded[f"masked_small_gradients_mask/{name}"].bool())
        inner, outer = (changed, ~changed) if mask == "smallest" else (~changed, changed)
        assert sizes[name][inner].max() <= sizes[name][outer].min()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items() if name not in sizes)


def test_without_a_reset_or_a_difference_of_rates_it_is_fine_tuning_at_a_rate_that_rises_and_falls(tiny):
    """Three epochs: rates of 1/2, 1 and 1/2; the draws before them are the permutation of the 80 and two tensors that are not used."""
    model, retain, generator = tiny.original(), tiny.splits().retain, torch.Generator().manual_seed(4)
    torch.randperm(80, generator=generator)
    for layer in (model.conv1, model.conv2):
        torch.empty(layer.weight.shape).normal_(generator=generator)
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    for share in (0.5, 1.0, 0.5):
        optimiser.param_groups[0]["lr"] = 0.02 * share
        for batch in torch.randperm(80, generator=generator).split(32):
            optimiser.zero_grad()
            F.cross_entropy(model(retain.pixels()[batch]), retain.labels[batch]).backward()
            optimiser.step()
    method = MaskedSmallGradients(share=0.0, kept=1.0, epochs=3, learning_rate=0.02, batch_size=32)
    assert near_weights(tiny.unlearn(method, seed=4), model)
    assert not near_weights(tiny.unlearn(replace(method, kept=0.1), seed=4), model)


def test_a_search_heals_for_a_third_of_the_epochs_of_training_at_about_its_rate_told_for_sgd(tiny):
    method = MaskedSmallGradients(settings="auto")
    rungs = method.rungs(replace(tiny.recipe, epochs=20, learning_rate=0.1))
    assert {rung["epochs"] for rung in rungs} == {7}
    assert [rung["learning_rate"] for rung in rungs] == [0.01, 0.01, 0.05, 0.05, 0.05, 0.1, 0.1]
    of_adamw = method.rungs(replace(tiny.recipe, learning_rate=0.001, optimiser="adamw"))  # SGD's 0.05
    assert [rung["learning_rate"] for rung in of_adamw] == [0.005, 0.005, 0.025, 0.025, 0.025, 0.05, 0.05]


def test_its_passes_are_the_gradients_its_epochs_over_the_retain_set_and_the_accuracies_that_it_records(grey):
    passes = MaskedSmallGradients(epochs=2).passes
    assert passes(120, 40, grey.recipe) == pytest.approx(40 + 40 + 2 * 80 + 3 * 120 / 3)
    assert passes(9000, 6000, grey.recipe) == pytest.approx(6000 + 3000 + 2 * 3000 + 3 * 1000 / 3)
