"""Thresholds on one score: against scikit-learn and SciPy, and by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score, roc_curve

from core.metrics.privacy.threshold_attack import TooFewExamples, auc, best_threshold, interval, rates, roc, tpr_at

MEMBER, OTHER = [3.0, 2.0, 2.0, 1.0], [2.0, 1.0, 0.0, 0.0, 0.0]


def drawn(seed, ties):
    draw = np.random.default_rng(seed)
    sides = draw.normal(0.7, 1.0, 90), draw.normal(0.0, 1.3, 130)
    return [side.round(1) for side in sides] if ties else sides


def judged(member, other):
    return np.repeat([1, 0], [len(member), len(other)]), np.concatenate([member, other])


def test_rates_by_hand():
    found = rates(MEMBER, OTHER, 2.0)
    assert (found.true_positive, found.false_positive) == (3 / 4, 1 / 5)
    assert found.accuracy == (3 + 4) / 9
    assert found.balanced_accuracy == pytest.approx((3 / 4 + 4 / 5) / 2)
    below = rates(MEMBER, OTHER, 1.0, above=False)
    assert (below.true_positive, below.false_positive) == (1 / 4, 4 / 5)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("threshold", [-9.0, -0.5, 0.3, 9.0])
def test_rates_are_scikit_learns(threshold, ties):
    member, other = drawn(0, ties)
    truth, scores = judged(member, other)
    for above, guess in ((True, scores >= threshold), (False, scores <= threshold)):
        found = rates(member, other, threshold, above)
        assert found.accuracy == pytest.approx(accuracy_score(truth, guess), abs=1e-12)
        assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, guess), abs=1e-12)


def test_below_is_above_of_the_negated_scores():
    member, other = drawn(1, True)
    assert rates(member, other, 0.3, above=False) == rates(-member, -other, -0.3)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_roc_and_area_are_scikit_learns(seed, ties):
    member, other = drawn(seed, ties)
    truth, scores = judged(member, other)
    for ours, theirs in zip(roc(member, other), roc_curve(truth, scores), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert auc(member, other) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


@pytest.mark.parametrize("member, other", [([1.0], [0.0]), ([1.0], [1.0]), ([0.0], [1.0]), ([1, 1, 0], [1, 0, 0])])
def test_the_smallest_rocs_are_scikit_learns_too(member, other):
    for ours, theirs in zip(roc(member, other), roc_curve(*judged(member, other)), strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_scores_without_end_are_ranked_like_others():
    member, other = [np.inf, np.inf, 0.0], [-np.inf, 0.0, np.inf]
    assert auc(member, other) == pytest.approx((2 * 2.5 + 1.5) / 9)  # pairs won, ties half
    found = best_threshold([np.inf, np.inf], [-np.inf])
    assert rates([np.inf, np.inf], [-np.inf], found.value, found.above).balanced_accuracy == found.balanced_accuracy == 1


def test_the_true_positive_rate_at_a_false_positive_rate_by_hand():
    others = np.arange(10.0)  # 0 to 9: at a tenth, one of them may be accused
    assert tpr_at([8.5, 8.5, 9.5, 1.0], others, 0.1) == 3 / 4  # at 8.5 or above lies the other 9
    assert tpr_at([8.0, 9.0, 9.5, 9.5], others, 0.1) == 3 / 4  # 8.0 would accuse two
    assert tpr_at([0.0, 1.0], np.full(10, 5.0), 0.1) == 0  # whoever is accused, all are
    assert tpr_at([0.0, 1.0], np.full(10, 5.0), 1.0) == 1


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("fpr", [0.01, 0.1, 0.3])
def test_it_is_the_highest_point_of_scikit_learns_curve_so_far_to_the_left(fpr, ties):
    member, other = drawn(3, ties)
    false_positive, true_positive, _ = roc_curve(*judged(member, other), drop_intermediate=False)
    assert tpr_at(member, other, fpr) == true_positive[false_positive <= fpr].max()


@pytest.mark.parametrize("count, fpr, exact", [(30, 0.1, 3), (100, 0.29, 29), (100, 0.01, 1), (300, 0.01, 3)])
def test_a_share_that_is_a_whole_count_is_not_lost_to_rounding(count, fpr, exact):
    others = np.arange(float(count))
    members = others + 0.5
    assert tpr_at(members, others, fpr) == (exact + 1) / count


def test_where_the_rate_is_less_than_one_example_there_is_a_reason():
    with pytest.raises(TooFewExamples, match=r"^1 % of 36 test examples is less than one; this rate needs at least 100\.$"):
        tpr_at([1.0], np.zeros(36), 0.01)
    assert tpr_at([1.0], np.zeros(100), 0.01) == 1
    assert isinstance(TooFewExamples(), ValueError)


@pytest.mark.parametrize("ask", [roc, auc, best_threshold, lambda a, b: rates(a, b, 0), lambda a, b: tpr_at(a, b, 0.5)])
def test_an_empty_side_has_a_reason(ask):
    for sides in (([], [1.0]), ([1.0], [])):
        with pytest.raises(TooFewExamples, match="at least one member and one test example"):
            ask(*sides)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_in_either_direction_beats_the_best(seed, ties):
    member, other = drawn(seed, ties)
    for ours, theirs, above in ((member, other, True), (other, member, False)):
        best = best_threshold(ours, theirs)
        assert best.above is above
        every = (rates(ours, theirs, t, way) for t in np.unique([*ours, *theirs]) for way in (True, False))
        assert best.balanced_accuracy == pytest.approx(max(r.balanced_accuracy for r in every), abs=1e-12)
        there = rates(ours, theirs, best.value, best.above)
        assert there.balanced_accuracy == pytest.approx(best.balanced_accuracy, abs=1e-12)


def test_the_best_threshold_lies_halfway_and_between_neighbouring_floats_on_one_of_them():
    assert best_threshold([4.0, 5.0], [1.0, 2.0]).value == 3
    neighbours = 1.0, float(np.nextafter(1.0, 2.0))
    for member, other in (neighbours, neighbours[::-1]):
        best = best_threshold([member], [other])
        assert best.balanced_accuracy == rates([member], [other], best.value, best.above).balanced_accuracy == 1


def test_where_all_scores_are_equal_the_best_threshold_is_chance():
    assert best_threshold([2.0, 2.0], [2.0]).balanced_accuracy == 0.5


@pytest.mark.parametrize("right, count", [(72, 36), (36, 36), (0, 36), (51, 36), (1, 1), (1000, 1000)])
def test_the_interval_is_scipys_wilson_interval(right, count):
    wanted = binomtest(right, 2 * count).proportion_ci(0.95, method="wilson")
    assert interval(right / (2 * count), count) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_an_interval_of_nothing_has_a_reason():
    with pytest.raises(TooFewExamples, match="at least one example"):
        interval(0.5, 0)


def test_the_interval_holds_chance_as_often_as_it_says():
    draw = np.random.default_rng(0)
    shares = draw.binomial(200, 0.5, 4000) / 200
    held = np.mean([low <= 0.5 <= high for low, high in (interval(s, 100) for s in shares)])
    assert held == pytest.approx(0.95, abs=0.015)
