"""L1-sparse: one step by hand, the schedule, plain fine-tuning without a penalty, exact zeros, and what it records."""

import pytest
import torch
from torch import nn

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.classes import ClassRequest
from core.domain.run import Recipe
from core.methods.baselines.finetune import Finetune
from core.methods.baselines.l1_sparse import L1Sparse, sizes_of
from core.training.context import RunContext
from tests.tiny import near_weights, same_weights

SETTINGS = {"epochs": 2, "learning_rate": 0.01, "batch_size": 32}


def of_one_pixel(method, weights):
    """A linear network of one pixel of 1 and two logits, after the method, and what it recorded; every retained image is of class 0."""
    images = Examples(torch.ones(4, 1, 1, 1, dtype=torch.uint8), torch.tensor([1, 0, 0, 0]), peak=1)
    gone = images.labels == 1
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    model[1].weight.data = torch.tensor(weights).view(2, 1)
    run = RunContext(lambda: model, Recipe(1, 3, 0.1), 3)
    method.unlearn(model, Splits(ClassRequest((1,)), images, images, gone, gone, 0.25).only(method.uses), run)
    return model[1].weight.flatten().tolist(), run.recorded


def test_a_step_is_the_losss_the_decays_and_the_penaltys_gradient():
    # Equal weights: p = (1/2, 1/2), so the loss's gradient is (-1/2, 1/2). Decay adds 0.0005 x 0.4, the penalty 0.3 by the sign.
    # w - 0.1 g = (0.4 + 0.05 - 0.00002 - 0.03, 0.4 - 0.05 - 0.00002 - 0.03).
    after, _ = of_one_pixel(L1Sparse(gamma=0.3, epochs=1, learning_rate=0.1, batch_size=4), [0.4, 0.4])
    assert after == pytest.approx([0.41998, 0.31998], abs=1e-6)
    after, _ = of_one_pixel(L1Sparse(gamma=0.3, epochs=1, learning_rate=0.1, batch_size=4), [-0.4, -0.4])
    assert after == pytest.approx([-0.4 + 0.05 + 0.00002 + 0.03, -0.4 - 0.05 + 0.00002 + 0.03], abs=1e-6)


def test_a_proximal_step_is_plain_sgds_moved_towards_0_and_no_further():
    # Plain: (0.02 + 0.05 - 0.000001, 0.02 - 0.05 - 0.000001) = (0.069999, -0.030001); then 0.1 x 0.5 = 0.05 towards 0.
    after, _ = of_one_pixel(L1Sparse(gamma=0.5, step="proximal", epochs=1, learning_rate=0.1, batch_size=4), [0.02, 0.02])
    assert after == [pytest.approx(0.019999, abs=1e-6), 0.0]


@pytest.mark.parametrize("free, wanted", [(0, [0.4, 0.3, 0.2, 0.1]), (2, [0.4, 0.2, 0.0, 0.0]), (4, [0.0] * 4), (9, [0.0] * 4)])
def test_the_penalty_falls_in_equal_steps_by_the_epoch_and_is_recorded(free, wanted):
    method = L1Sparse(gamma=0.4, epochs=4, free_epochs=free, learning_rate=0.1, batch_size=4)
    assert [method.penalty(epoch) for epoch in range(4)] == pytest.approx(wanted)
    _, recorded = of_one_pixel(method, [0.4, 0.4])
    assert recorded["l1_sparse/penalty"].tolist() == pytest.approx(wanted)
    assert recorded["l1_sparse/sizes"].shape == (5, 2)


@pytest.mark.parametrize("step", ["subgradient", "proximal"])
def test_without_a_penalty_it_is_fine_tuning(tiny, step):
    ours = tiny.unlearn(L1Sparse(gamma=0.0, step=step, **SETTINGS), seed=4)
    assert same_weights(ours, tiny.unlearn(Finetune(**SETTINGS), seed=4))
    assert same_weights(ours, tiny.unlearn(L1Sparse(gamma=0.3, step=step, free_epochs=2, **SETTINGS), seed=4))


def test_many_steps_are_those_of_a_loop_whose_loss_has_the_sum_of_all_absolute_weights(tiny):
    model, retain = tiny.original().train(), tiny.splits().retain
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    generator = torch.Generator().manual_seed(4)
    for gamma in (0.02, 0.01):
        for batch in torch.randperm(80, generator=generator).split(32):
            optimiser.zero_grad()
            size = torch.stack([torch.linalg.vector_norm(theta, 1) for theta in model.parameters()]).sum()
            (nn.functional.cross_entropy(model(retain.pixels()[batch]), retain.labels[batch]) + gamma * size).backward()
            optimiser.step()
    ours = tiny.unlearn(L1Sparse(gamma=0.02, **SETTINGS), seed=4)
    assert near_weights(ours, model)
    assert not near_weights(ours, tiny.unlearn(L1Sparse(gamma=0.01, **SETTINGS), seed=4))


def test_under_a_large_penalty_weights_become_smaller_epoch_by_epoch_and_a_proximal_step_leaves_many_at_0(tiny):
    run = tiny.context(seed=4)
    method = L1Sparse(gamma=5.0, step="proximal", epochs=4, learning_rate=0.01, batch_size=32)
    model = method.unlearn(tiny.original(), tiny.splits().only(method.uses), run)
    mean, below = run.recorded["l1_sparse/sizes"].T.tolist()
    assert mean == sorted(mean, reverse=True)
    assert below == sorted(below)
    zeros = sum(int((theta == 0).sum()) for theta in model.parameters()) / sum(theta.numel() for theta in model.parameters())
    assert 0.5 < zeros <= below[-1]
    subgradient = tiny.unlearn(L1Sparse(gamma=0.5, epochs=4, learning_rate=0.01, batch_size=32), seed=4)
    assert sum(int((theta == 0).sum()) for theta in subgradient.parameters()) == 0


def test_sizes_are_the_mean_absolute_weight_and_the_share_below_a_thousandth():
    model = nn.Linear(2, 2, bias=False)
    model.weight.data = torch.tensor([[0.5, -0.0005], [0.0, -0.25]])
    assert sizes_of(model).tolist() == pytest.approx([0.7505 / 4, 0.5])


def test_no_hook_is_left_where_training_stops(tiny):
    model = tiny.original()
    with pytest.raises(ArithmeticError):
        L1Sparse(gamma=10.0, learning_rate=1.0, epochs=50).unlearn(model, tiny.splits(), tiny.context())
    assert not any(theta._post_accumulate_grad_hooks for theta in model.parameters())


def test_its_passes_are_its_epochs_over_the_retain_set(grey):
    assert L1Sparse(epochs=7).passes(120, 40, grey.recipe) == 7 * 80
