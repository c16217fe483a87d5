"""Scores of maps: against scipy, and by hand."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from core.analysis.saliency.map_similarity import (
    centroid,
    centroid_shift,
    outside_top,
    rank_correlation,
    scores,
    share_on,
    ssim,
)

DRAW = np.random.default_rng(0)
ONE, TWO = DRAW.normal(size=(9, 11)), DRAW.normal(size=(9, 11))
NOTHING = np.zeros((9, 11))


def test_rank_correlation_is_scipys_also_with_ties():
    tied = TWO.round(0)
    for other in (TWO, tied, -ONE, ONE**3):
        assert rank_correlation(ONE, other) == pytest.approx(spearmanr(ONE.ravel(), other.ravel()).statistic)
    assert rank_correlation(ONE, ONE**3) == pytest.approx(1)
    assert rank_correlation(ONE, NOTHING) is None


def by_hand(one, two, window, span):
    """Wang's formula in one window after another."""
    values = []
    for top in range(one.shape[0] - window + 1):
        for left in range(one.shape[1] - window + 1):
            a, b = (m[top : top + window, left : left + window].ravel() for m in (one, two))
            (va, c), (_, vb) = np.cov(a, b)
            c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
            values.append((2 * a.mean() * b.mean() + c1) * (2 * c + c2) / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (va + vb + c2)))
    return np.mean(values)


@pytest.mark.parametrize("shape, window", [((9, 11), 7), ((8, 8), 7), ((4, 6), 3)])
def test_ssim_is_the_formula_of_its_authors_in_every_window(shape, window):
    one, two = DRAW.normal(size=shape), DRAW.normal(size=shape)
    span = max(one.max(), two.max()) - min(one.min(), two.min())
    assert ssim(one, two) == pytest.approx(by_hand(one, two, window, span))
    assert ssim(one, one) == pytest.approx(1)
    assert ssim(np.ones(shape), np.ones(shape)) is None


def test_the_centre_of_the_mass_moves_as_far_as_a_point_does():
    one, two = NOTHING.copy(), NOTHING.copy()
    one[2, 3], two[5, 7] = 4, -1  # the sign does not count
    assert centroid(one) == (2, 3)
    assert centroid_shift(one, two) == 5
    assert centroid_shift(one, NOTHING) is None


def test_the_share_outside_the_top_tenth_counts_the_second_maps_mass():
    first = np.arange(20.0).reshape(4, 5)  # the top two pixels are the last two
    second = NOTHING[:4, :5].copy()
    second[3, 4], second[3, 3], second[0, 0] = 1, -2, 1
    assert outside_top(first, second) == 0.25
    assert outside_top(first, first) == pytest.approx(1 - 37 / 190)
    assert outside_top(NOTHING, ONE) is None
    assert outside_top(ONE, NOTHING) is None


def test_the_share_on_pixels_is_the_mass_there():
    values = np.array([[1.0, -3.0], [0.0, 4.0]])
    assert share_on(values, np.array([[False, True], [True, False]])) == 3 / 8
    assert share_on(NOTHING, NOTHING == 0) is None


def test_all_scores_of_a_map_with_itself_say_that_it_is_the_same():
    found = scores(ONE, ONE)
    assert (found.rank, found.ssim, found.shift) == (pytest.approx(1), pytest.approx(1), 0)
    assert 0 < found.outside < 0.9
