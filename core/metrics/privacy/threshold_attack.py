"""Attacks by one threshold on one score: which examples are called members, how often that is right, and its confidence interval.

Scores are float (n,), one an example; high scores are called members unless `above` is False.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST = 10  # examples a side: below, a split's test fold would hold one example or none of a side
Array = NDArray[np.float64]
NORMAL_975 = 1.959963984540054  # 95 % of a normal distribution lie within so many deviations


class TooFewExamples(ValueError):
    """Too few examples for this number; the message is the reason, one sentence."""


@dataclass(frozen=True)
class Rates:
    """Rates of one threshold, all shares: of members called members, of others called members, and of right calls."""

    true_positive: float
    false_positive: float
    accuracy: float  # over all examples of both sides
    balanced_accuracy: float  # the two sides weigh the same; 0.5 is chance


@dataclass(frozen=True)
class Threshold:
    """Examples that score at least `value` (above), or at most `value` (not above), are called members."""

    value: float
    above: bool
    balanced_accuracy: float


def rates(member: ArrayLike, other: ArrayLike, threshold: float, above: bool = True) -> Rates:
    """Rates of the rule 'member if the score is at least (at most, if not `above`) the threshold'.

    Raises TooFewExamples where a side is empty.
    """
    ours, theirs = _sides(member, other)
    true_positives, false_positives = ((s >= threshold) if above else (s <= threshold) for s in (ours, theirs))
    true_positive, false_positive = float(true_positives.mean()), float(false_positives.mean())
    right = true_positives.sum() + (~false_positives).sum()
    return Rates(
        true_positive,
        false_positive,
        float(right / (len(ours) + len(theirs))),
        (true_positive + 1 - false_positive) / 2,
    )


def roc(member: ArrayLike, other: ArrayLike) -> tuple[Array, Array, Array]:
    """False-positive rates, true-positive rates and thresholds (falling from infinity), each (k,).

    As scikit-learn's `roc_curve`: points inside straight stretches are left out, which does not change the curve.
    Raises TooFewExamples where a side is empty.
    """
    false_positives, true_positives, values = _counts(member, other)
    if len(values) > 2:
        bend = (np.diff(false_positives, 2) != 0) | (np.diff(true_positives, 2) != 0)
        corners = np.concatenate([[True], bend, [True]])
        false_positives, true_positives, values = false_positives[corners], true_positives[corners], values[corners]
    false_positive, true_positive = (np.concatenate([[0.0], c / c[-1]]) for c in (false_positives, true_positives))
    return false_positive, true_positive, np.concatenate([[np.inf], values])


def auc(member: ArrayLike, other: ArrayLike) -> float:
    """Area under the ROC: chance that a member scores above another, ties half. Raises TooFewExamples on an empty side."""
    false_positive, true_positive, _ = roc(member, other)
    return float(np.sum(np.diff(false_positive) * (true_positive[1:] + true_positive[:-1]) / 2))


def tpr_at(member: ArrayLike, other: ArrayLike, fpr: float) -> float:
    """Greatest true-positive rate of any threshold whose false-positive rate is at most `fpr`, in (0, 1].

    Nothing is interpolated between thresholds. Raises TooFewExamples on an empty side, or where fewer than 1 / fpr others
    make the rate smaller than one example.
    """
    false_positives, true_positives, _ = _counts(member, other)
    most, count = fpr * false_positives[-1], int(false_positives[-1])
    if most < 1 - 1e-9:
        raise TooFewExamples(
            f"{100 * fpr:g} % of {count} test examples is less than one; this rate needs at least {np.ceil(1 / fpr - 1e-9):.0f}."
        )
    allowed = false_positives <= most + 1e-9  # a share of a count is not exact: 0.1 of 30 is 3
    return float(true_positives[allowed][-1] / true_positives[-1]) if allowed.any() else 0.0


def best_threshold(member: ArrayLike, other: ArrayLike) -> Threshold:
    """The threshold and the direction with the greatest balanced accuracy, halfway between the scores that it separates.

    Where all scores are equal it is that score, at 0.5. Raises TooFewExamples where a side is empty.
    """
    false_positives, true_positives, values = _counts(member, other)
    if len(values) == 1:
        return Threshold(float(values[0]), True, 0.5)
    balanced = (true_positives / true_positives[-1] + 1 - false_positives / false_positives[-1]) / 2  # of 'member if at least this value'
    at = int(np.abs(balanced[:-1] - 0.5).argmax())  # the last value calls everybody a member: chance
    upper, lower = values[at], values[at + 1]
    above = bool(balanced[at] >= 0.5)
    with np.errstate(invalid="ignore"):  # between minus and plus infinity there is no middle
        middle = lower + (upper - lower) / 2
    if not lower < middle < upper:  # neighbours among floats
        middle = upper if above else lower
    return Threshold(float(middle), above, float(balanced[at] if above else 1 - balanced[at]))


def interval(accuracy: float, count: int) -> tuple[float, float]:
    """95 % Wilson score interval of an attack's accuracy, a share, on `count` examples of either side; within [0, 1].

    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927). It takes the 2 count guesses for independent, as fresh examples would be.
    """
    guesses, z2 = 2 * count, NORMAL_975**2
    if guesses < 1:
        raise TooFewExamples("An interval needs at least one example a side.")
    middle = (accuracy + z2 / (2 * guesses)) / (1 + z2 / guesses)
    spread = accuracy * (1 - accuracy) / guesses + z2 / (4 * guesses**2)
    half = NORMAL_975 * spread**0.5 / (1 + z2 / guesses)
    return max(0.0, middle - half), min(1.0, middle + half)


def _sides(member: ArrayLike, other: ArrayLike) -> tuple[Array, Array]:
    ours, theirs = (np.asarray(side, dtype=np.float64).ravel() for side in (member, other))
    if not len(ours) or not len(theirs):
        raise TooFewExamples("An attack needs at least one member and one test example.")
    return ours, theirs


def _counts(member: ArrayLike, other: ArrayLike) -> tuple[Array, Array, Array]:
    """For each distinct score, falling, (k,) each: false positives, true positives, and the score as threshold."""
    ours, theirs = _sides(member, other)
    scores = np.concatenate([ours, theirs])
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)  # of each run of equal scores
    true_positives = np.cumsum(order < len(ours))[last].astype(np.float64)
    return last + 1 - true_positives, true_positives, ranked[last]
