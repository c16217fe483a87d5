"""The way of weights: exact lengths, a sketch that keeps inner products, and a bounded number of moments."""

import numpy as np
import pytest
import torch
from torch import nn

from core.methods.weight_perturbation import BUCKETS, MOMENTS, Trajectory, sketch


def two(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    one = torch.randn(size, generator=generator)
    return one, 0.6 * one + 0.8 * torch.randn(size, generator=generator)


@pytest.mark.parametrize("size", [300, BUCKETS, 40_000, 300_001])
def test_a_sketch_keeps_inner_products_to_a_few_hundredths_of_the_lengths(size):
    one, other = two(size)
    lengths = float(one.norm() * other.norm())
    assert float(sketch([one]) @ sketch([other])) == pytest.approx(float(one @ other), abs=0.04 * lengths)  # four times the spread
    assert float(sketch([one]).norm()) == pytest.approx(float(one.norm()), rel=0.04)


def test_its_spread_over_many_pairs_is_what_it_says():
    errors = []
    for seed in range(40):
        one, other = two(50_000, seed)
        errors.append(float(sketch([one]) @ sketch([other]) - one @ other) / float(one.norm() * other.norm()))
    assert np.std(errors) == pytest.approx((1 + 0.6**2) ** 0.5 / BUCKETS**0.5, rel=0.35)  # |a|²|b|² + <a, b>², over the buckets


def test_a_sketch_is_linear_and_takes_parts_as_one():
    one, other = two(9000)
    assert torch.allclose(sketch([one + 2 * other]), sketch([one]) + 2 * sketch([other]), atol=1e-4)
    assert torch.equal(sketch([one[:5000].view(50, 100), one[5000:]]), sketch([one]))
    assert sketch([one]).shape == (BUCKETS,)


def test_a_sketch_draws_from_no_generator_of_the_run():
    before = torch.random.get_rng_state()
    sketch([torch.ones(10)])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_trail_tells_the_distance_and_keeps_the_change():
    weights = [nn.Parameter(torch.tensor([3.0, 0.0])), nn.Parameter(torch.tensor([[4.0]]))]
    trajectory = Trajectory(weights)
    assert trajectory.record() == 0.0
    with torch.no_grad():
        weights[1] += 2.0
    assert trajectory.record() == pytest.approx(2 / 5)
    told = trajectory.recorded()
    assert told["moments"].tolist() == [0.0, 1.0]
    assert told["sketch"][0].abs().sum() == 0
    assert float(told["sketch"][1].norm()) == pytest.approx(2.0)
    assert [part.tolist() for part in trajectory.start] == [[3.0, 0.0], [[4.0]]]


@pytest.mark.parametrize("looks", [1, MOMENTS, MOMENTS + 1, 60, 500])
def test_few_moments_are_kept_evenly_and_the_last_is_among_them(looks):
    weight = nn.Parameter(torch.zeros(3) + 1)
    trajectory = Trajectory([weight])
    for look in range(looks):
        with torch.no_grad():
            weight.copy_(torch.tensor([1.0, 1.0, 1.0 + look]))
        trajectory.record()
    told = trajectory.recorded()
    kept = told["moments"].int().tolist()
    assert kept[0] == 0
    assert kept[-1] == looks - 1
    assert len(kept) <= MOMENTS + 2
    assert len(kept) >= min(looks, MOMENTS // 2)
    assert len(set(np.diff(kept[:-1]).tolist())) <= 1  # evenly, but for the last
    assert told["sketch"].norm(dim=1).tolist() == pytest.approx([float(look) for look in kept], abs=1e-4)
