"""Differences between methods: intervals by SciPy and statistics by hand, paired where seeds are shared."""

from math import nan

import numpy as np
import pytest
from scipy import stats

from core.reports.compare.paired_differences import ZERO, aligned, beaten, difference, differences, each_from_each, wins


def by_seed(*values):
    return {(seed, ""): value for seed, value in enumerate(values)}


def test_shared_seeds_are_paired():
    one, other = [0.9, 0.5, 0.7, 0.2], [0.95, 0.54, 0.77, 0.24]
    found = difference(by_seed(*one), by_seed(*other))
    low, high = stats.ttest_rel(other, one).confidence_interval(0.95)
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))
    assert (found.n, low > 0) == (4, True)
    assert stats.ttest_ind(other, one).confidence_interval(0.95).low < 0  # which seeds alone would hide


def test_other_seeds_are_not():
    one, other = [0.9, 0.5, 0.7], [0.2, 0.3, 0.25, 0.22]
    found = difference(by_seed(*one), {(seed + 9, ""): value for seed, value in enumerate(other)})
    low, high = stats.ttest_ind(other, one, equal_var=False).confidence_interval(0.95)
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))
    assert found.n == 3


def test_the_same_seed_with_another_draw_is_another_pair():
    one = {(0, "0"): 0.1, (1, "1"): 0.2, (2, "2"): 0.3}
    paired = difference(one, {(seed, draw): value + 0.1 for (seed, draw), value in one.items()})
    assert paired.half_width == pytest.approx(0, abs=1e-12)
    apart = difference(one, {(seed, "9"): value + 0.1 for (seed, _), value in one.items()})
    assert apart.half_width > 0.1


def test_one_value_has_no_interval():
    assert difference(by_seed(0.1), by_seed(0.9)).half_width is None
    assert difference(by_seed(0.1, 0.2, 0.3), by_seed(0.9)).half_width is None


def test_every_two_are_as_two_alone_also_where_some_lack_seeds():
    draw = np.random.default_rng(0)
    for array in (draw.normal(size=(5, 4)), np.where(draw.random((6, 5)) < 0.25, nan, draw.normal(size=(6, 5)))):
        mean, half = each_from_each(array)
        for i, own in enumerate(array):
            alone = differences(own, array)
            np.testing.assert_allclose(mean[i], alone[0], atol=1e-12)
            np.testing.assert_allclose(half[i], alone[1], atol=1e-7)


def test_methods_that_intervals_part_win_and_lose():
    low, near, high = (0.1, 0.11, 0.12), (0.115, 0.1, 0.125), (0.5, 0.52, 0.51)
    assert wins([low, near, high]).tolist() == [1, 1, -2]
    assert wins([low, low, low]).tolist() == [0, 0, 0]
    assert wins([(0.1, nan, nan), high]).tolist() == [0, 0]  # one seed tells nothing
    assert wins([np.add(high, 0.01), high]).tolist() == [-1, 1]  # by the same at every seed


def test_a_mean_that_is_ahead_by_chance_beats_nobody():
    """Means say that the first is better in both aims; the intervals hold zero."""
    first, second = ((0.1, 0.3, 0.2), (0.4, 0.1, 0.2)), ((0.3, 0.2, 0.25), (0.2, 0.4, 0.3))
    assert [np.mean(a) < np.mean(b) for a, b in zip(first, second, strict=True)] == [True, True]
    assert beaten([first[0], second[0]], [first[1], second[1]]).tolist() == [False, False]


def test_who_is_surely_worse_in_one_aim_and_the_same_in_the_other_is_beaten():
    near, far, same = (0.1, 0.12, 0.11), (0.5, 0.52, 0.51), (0.9, 0.9, 0.9)
    assert beaten([near, far], [same, same]).tolist() == [False, True]
    assert beaten([near, far], [far, near]).tolist() == [False, False]
    assert beaten([near, far], [near, far]).tolist() == [False, True]
    assert beaten([near, far], [(0.1, 0.9, 0.2), (0.3, 0.4, 0.6)]).tolist() == [False, False]  # who knows


def test_alignment_keeps_every_seed_of_anybody():
    assert np.isnan(aligned([by_seed(1.0), {(4, ""): 2.0}])).tolist() == [[False, True], [True, False]]
    assert ZERO < 1e-6
