"""Mean and interval over seeds."""

from math import inf, isnan, nan, sqrt

import pytest
from scipy import stats

from core.reports.intervals import FEW, Spread, change, spread


def test_the_interval_of_three_values_worked_by_hand():
    """1, 2, 3: mean 2, deviation 1, and Student's 97.5 % quantile at two degrees of freedom is 4.30265."""
    found = spread([1, 2, 3])
    assert (found.mean, found.n) == (2, 3)
    assert found.half_width == pytest.approx(4.30265 / sqrt(3), rel=1e-5)


def test_the_interval_is_scipys():
    values = [0.91, 0.94, 0.97, 0.955, 0.92]
    found = spread(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=found.mean, scale=stats.sem(values))
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))


def test_one_value_has_no_interval_and_none_has_no_mean():
    assert spread([0.5]) == Spread(0.5, None, 1)
    assert isnan(spread([]).mean)
    assert (spread([]).half_width, spread([]).n) == (None, 0)


def test_equal_values_have_an_interval_of_no_width():
    assert spread([0.0, 0.0, 0.0]) == Spread(0.0, 0.0, 3)


def test_nan_counts_as_no_value():
    assert spread([0.25, nan, 0.75]).n == 2
    assert spread([nan]).n == 0


def test_a_value_without_end_leaves_no_interval():
    assert spread([inf, 1.0]) == Spread(inf, None, 2)


def test_the_text_says_how_many_values_there_were():
    assert Spread(0.934, 0.012, 3).text() == "0.934 ± 0.012 (n = 3)"
    assert Spread(0.934, None, 1).text() == "0.934 (n = 1)"
    assert Spread(0.5, 0.25, 4).text("{:.0%}".format, with_n=False) == "50% ± 25%"
    assert Spread(nan, None, 0).text() == "–"


@pytest.mark.parametrize("n, few", [(0, True), (FEW - 1, True), (FEW, False)])
def test_below_three_values_are_few(n, few):
    assert Spread(0.5, None, n).few is few


@pytest.mark.parametrize("mean, half, said", [
    (-0.002, 0.001, "rose by 0.002 ± 0.001 (n = 3)"),
    (0.005, 0.001, "fell by 0.005 ± 0.001 (n = 3)"),
    (0.5, None, "fell by 0.500 (n = 3)"),
    (0.0, 0.1, "did not change (0.000 ± 0.100 (n = 3))"),
])  # fmt: skip
def test_the_words_tell_the_sign_and_the_size_has_none(mean, half, said):
    assert change(Spread(mean, half, 3), "fell", "rose", "did not change") == said
