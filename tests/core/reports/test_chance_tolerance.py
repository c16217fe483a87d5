"""Standard errors and tolerances, by hand."""

from math import sqrt

import pytest

from core.reports.chance_tolerance import allowed, auc_error, standard_error


def test_the_error_of_a_difference_of_shares():
    assert standard_error(0.9, 0.7, 50) == pytest.approx(sqrt(2 * 0.8 * 0.2 / 50))
    assert standard_error(0.9, 0.7, 0) == 0.0


def test_the_error_of_an_area_at_chance_is_that_of_the_rank_sum_test():
    """(m + n + 1) / (12 m n)."""
    assert auc_error(0.5, 50, 400) == pytest.approx(sqrt(451 / (12 * 50 * 400)))


def test_the_error_of_an_area_by_hand():
    """0.8 of one against one: 0.8 * 0.2 = 0.16. Of two against three: (0.16 + (2/3 - 0.64) + 2 * (1.28/1.8 - 0.64)) / 6."""
    assert auc_error(0.8, 1, 1) == pytest.approx(0.4)
    assert auc_error(0.8, 2, 3) == pytest.approx(sqrt((0.16 + (2 / 3 - 0.64) + 2 * (1.28 / 1.8 - 0.64)) / 6))
    assert auc_error(0.2, 2, 3) == auc_error(0.8, 2, 3)
    assert auc_error(0.8, 0, 3) == 0.0


def test_a_floor_widens_what_is_allowed_and_never_narrows_it():
    floor = {"unlearned": {"x": 0.3}, "reference": {"x": 0.1}}
    assert allowed("x", floor, 0.1) == pytest.approx(0.4)
    assert allowed("x", floor, 0.5) == 0.5
    assert allowed("y", floor, 0.1) == allowed("x", None, 0.1) == 0.1
