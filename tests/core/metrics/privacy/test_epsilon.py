"""Epsilon: by hand, and against the NeurIPS 2023 challenge's rule written out on a fine grid."""

from itertools import product
from math import inf, log

import numpy as np
import pytest

from core.metrics.privacy.epsilon import CAP, _possible, epsilon_of_example, epsilons

D = 1e-5


@pytest.mark.parametrize(
    "fpr, fnr, smaller, greater",
    [
        (0.1, 0.2, log((0.9 - D) / 0.2), log((0.8 - D) / 0.1)),
        (0.5, 0.5, 0, 0),
        (0.9, 0.3, 0, 0),  # worse than guessing
        (0.0, 0.0, inf, inf),
        (0.0, 0.25, log((1 - D) / 0.25), 0),  # `max` leaves it out, `min` takes the finite logarithm
        (0.25, 0.0, log((1 - D) / 0.25), 0),
        (0.0, 1.0, 0, 0),
        (1.0, 0.0, 0, 0),
        (1.0, 1.0, 0, 0),
    ],
)
def test_both_forms_by_hand(fpr, fnr, smaller, greater):
    rates = np.array([fpr]), np.array([fnr])
    assert epsilons(*rates, "min")[0] == pytest.approx(smaller, abs=1e-4 if smaller == 0 else 1e-12)
    assert epsilons(*rates, "max")[0] == pytest.approx(greater, abs=1e-4 if greater == 0 else 1e-12)


def on_a_grid(unlearned, reference, step):
    """The challenge's attacks, threshold by threshold, on a grid; the greatest surviving epsilon."""
    ranges = np.ptp(unlearned), np.ptp(reference)
    if min(ranges) / max(ranges) < 0.01:
        return CAP
    retrained_is_higher = np.median(reference) > np.median(unlearned)
    pos, neg = (reference, unlearned) if retrained_is_higher else (unlearned, reference)
    found = [0.0]

    def weigh(tpr, fpr):
        fnr = 1 - tpr
        if fpr == fnr == 0:
            found.append(inf)
        elif fpr > 0 and fnr > 0:
            logs = [log(1 - D - a) - log(b) for a, b in ((fpr, fnr), (fnr, fpr)) if 1 - D - a > 0]
            found.append(max([0, *logs]))

    for t in np.arange(min(pos.min(), neg.min()), max(pos.max(), neg.max()) + step, step):
        weigh((pos >= t).mean(), (neg >= t).mean())
    if np.ptp(pos) >= np.ptp(neg):
        pos, neg = neg, pos
    width = np.ptp(pos)
    for r, w in product(np.arange(pos.max() - 2, pos.max() + 2 + step, step), np.arange(width - 2, width + 2 + step, step)):
        weigh(((r - w <= pos) & (pos <= r)).mean(), ((r - w <= neg) & (neg <= r)).mean())
    return min(max(found), CAP)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_challenges_rule_in_the_limit_of_its_grid(seed):
    """Values on a lattice of 0.25, on a grid of half that: every edge lies on a value or between two."""
    draw = np.random.default_rng(seed)
    shift, spread = [(0, 1), (1, 1), (0.5, 3), (0, 4)][seed % 4]
    unlearned = np.round(4 * draw.normal(shift, spread, 9)) / 4
    reference = np.round(4 * draw.normal(0, 1.5, 9)) / 4
    for pair in ((unlearned, reference), (reference, unlearned)):
        assert epsilon_of_example(*pair) == pytest.approx(on_a_grid(*pair, 0.125), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_what_an_interval_can_hold_is_what_some_interval_of_a_fine_grid_holds(seed):
    values = np.unique(np.round(4 * np.random.default_rng(seed).normal(0, 2.5, 18)) / 4)
    right, width = values[-4 - seed], (0.5, 2.0, 3.25, 6.0)[seed]
    wanted = np.zeros((len(values), len(values)), bool)
    for r, w in product(np.arange(right - 2, right + 2.1, 0.125), np.arange(width - 2, width + 2.1, 0.125)):
        held = np.flatnonzero((r - w <= values) & (values <= r))
        if len(held):
            wanted[held[0], held[-1]] = True
    assert (_possible(values, right, width) == wanted).all()


@pytest.mark.parametrize("gap, fpr, fnr", [(1.0, 4 / 8, 1 / 8), (1.01, 1 / 8, 2 / 8)])
def test_an_interval_must_not_be_narrower_than_the_narrower_side_by_more_than_two(gap, fpr, fnr):
    """To hold the six in the middle alone, it must fit between 2 - gap and 2 + gap; its width is 4 - 2 at least."""
    narrow = np.array([0, 1.5, 1.7, 1.9, 2.1, 2.3, 2.5, 4])
    wide = np.array([2 - gap] * 3 + [2.0] + [2 + gap] * 3 + [40.0])
    wanted = max(log((1 - D - fpr) / fnr), log((1 - D - fnr) / fpr))  # else: one threshold, or an interval over one flank
    assert epsilon_of_example(narrow, wide) == pytest.approx(wanted)


def test_one_threshold_catches_what_an_interval_cannot():
    """The narrower side has an outlier at 40, so that an interval of about that width holds the other's middle as well."""
    narrow = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 40.0])
    wide = np.array([-1.0, 20, 21, 22, 23, 24, 25, 60])
    seventh = log((1 - D - 1 / 8) / (1 / 8))
    assert epsilon_of_example(narrow, wide) == pytest.approx(seventh)
    assert epsilon_of_example(-wide, -narrow) == pytest.approx(seventh)


def test_an_interval_catches_what_one_threshold_cannot():
    """The same median, a narrower spread: no threshold is right, but whoever lies in the middle is the narrow one."""
    narrow, wide = np.linspace(-0.5, 0.5, 8), np.array([-9.0, -8, -7, -6, 6, 7, 8, 9])
    assert epsilon_of_example(narrow, wide) == CAP == epsilon_of_example(wide, narrow)


def test_the_same_values_cannot_be_told_apart_and_disjoint_ones_always_can():
    values = np.linspace(-3, 3, 8)
    assert epsilon_of_example(values, values) == 0
    assert epsilon_of_example(values, values + 10) == CAP == epsilon_of_example(values + 10, values)


def test_a_hand_case_of_one_misfit_on_either_side():
    """One of eight lies on the other's side: FPR = FNR = 1/8, ln 7; no interval of the allowed width does better."""
    unlearned = np.array([0.0, 1, 2, 3, 4, 5, 6, 20])
    reference = np.array([5.5, 14.0, 15, 16, 17, 18, 19, 21])
    assert epsilon_of_example(unlearned, reference) == pytest.approx(log((1 - D - 1 / 8) / (1 / 8)))


def test_a_peak_gives_itself_away_even_amid_the_others_values():
    wide = np.linspace(0, 10, 8)
    assert epsilon_of_example(np.full(8, 5.0), wide) == CAP == epsilon_of_example(wide, np.full(8, 5.0))
    amid = np.array([0.0, 1, 2, 5.05, 7, 8, 9, 10])
    assert epsilon_of_example(5 + np.linspace(0, 0.0999, 8), amid) == CAP  # 0.999 % of the range
    assert epsilon_of_example(5 + np.linspace(0, 0.1001, 8), amid) == pytest.approx(log((1 - D - 1 / 8) / (1 / 8)))


def test_where_every_model_says_the_same_there_is_nothing_to_go_by():
    assert epsilon_of_example(np.full(8, 30.0), np.full(8, 30.0)) == 0
    assert epsilon_of_example(np.full(8, 30.0), np.full(8, -30.0)) == CAP


def test_no_finite_epsilon_lies_above_the_logarithm_of_one_less_than_the_seeds():
    draw = np.random.default_rng(5)
    found = np.array([epsilon_of_example(draw.normal(1, 1, 8), draw.normal(0, 1, 8)) for _ in range(300)])
    assert ((found <= log(7)) | (found == CAP)).all()
    assert found[found < CAP].max() > log(7) - 1e-3
