"""Differential privacy's epsilon between two models' scores, from an attacker's two error rates.

epsilon = max(0, pick(ln(1 - delta - FPR) - ln FNR, ln(1 - delta - FNR) - ln FPR)); 0: the attacker cannot tell. `pick` is the
smaller of the two (`min`, as Unlearning Comparator's code) or the greater (`max`, as the NeurIPS 2023 unlearning challenge's).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DELTA = 1e-5
CAP = 50.0  # the challenge's: nothing is further apart
PEAKY = 0.01  # ratio of ranges below which the narrower distribution alone gives it away
BUFFER = 2.0  # an interval's right edge, and its width, keep so close to those of the narrower distribution


def epsilons(false_positive: Array, false_negative: Array, form: str) -> Array:
    """Epsilon of each pair of error rates, shares (k,): 0 to infinity; form `min` or `max`.

    Infinite where both rates are 0. In the form `max` a pair with exactly one rate of 0 counts as 0: with more examples
    that rate would hardly be 0, and the greater logarithm would be infinite for a lack of examples alone.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.log(1 - DELTA - false_positive) - np.log(false_negative)
        other = np.log(1 - DELTA - false_negative) - np.log(false_positive)
    picked = np.maximum({"min": np.minimum, "max": np.maximum}[form](one, other), 0)
    uninformative = np.maximum(false_positive, false_negative) >= 1 - DELTA
    if form == "max":
        uninformative |= (false_positive == 0) != (false_negative == 0)
    return np.where(uninformative, 0.0, picked)


def epsilon_of_example(unlearned: Array, reference: Array) -> float:
    """Epsilon of one example from its confidences under S unlearned and S reference models, (S,) each: 0 to 50.

    As the NeurIPS 2023 challenge's evaluation: the greatest epsilon, form `max`, of two families of attack. One threshold:
    values at or above it are taken for the side with the greater median. An interval: values in it are taken for the side with
    the smaller range; its right edge and its width stay within 2 of that side's greatest value and range. The challenge searches
    a grid of 0.01; here every set of values that a threshold or such an interval can separate is tried, the limit of that grid.
    50 where one range is below 1 % of the other; 0 where all values are equal.
    """
    ranges = [float(np.ptp(side)) for side in (unlearned, reference)]
    if min(ranges) < PEAKY * max(ranges):
        return CAP
    values = np.unique(np.concatenate([unlearned, reference]))
    high, low = (reference, unlearned) if np.median(reference) > np.median(unlearned) else (unlearned, reference)
    true_positive, false_positive = (_at_least(side, values) for side in (high, low))
    single = epsilons(false_positive, 1 - true_positive, "max")
    narrow, wide = (low, high) if np.ptp(high) >= np.ptp(low) else (high, low)
    true_positive, false_positive = (_between(side, values) for side in (narrow, wide))
    possible = _possible(values, float(narrow.max()), float(np.ptp(narrow)))
    double = epsilons(false_positive[possible], 1 - true_positive[possible], "max")
    return float(min(max(single.max(initial=0), double.max(initial=0)), CAP))


def _at_least(side: Array, values: Array) -> Array:
    """Share of a side's entries (S,) at or above each value (k,)."""
    return np.asarray((side[:, None] >= values).mean(0))


def _between(side: Array, values: Array) -> Array:
    """Share of a side's entries (S,) from the i-th to the j-th value, both included: (k, k); meaningless where j < i."""
    at_most = (side[:, None] <= values).sum(0)
    below = (side[:, None] < values).sum(0)
    return np.asarray((at_most[None, :] - below[:, None]) / len(side))


def _possible(values: Array, right: float, width: float) -> NDArray[np.bool_]:
    """Whether an interval within the buffers can contain exactly the i-th to the j-th value: (k, k).

    Its left edge lies in (values[i-1], values[i]], its right edge in [values[j], values[j+1]) and within the buffer of
    `right`, its width within the buffer of `width`.
    """
    before, after = np.append(-np.inf, values[:-1]), np.append(values[1:], np.inf)
    least, most = np.maximum(values, right - BUFFER), np.minimum(after, right + BUFFER)  # of the right edge
    edge = (least < after) & (least <= right + BUFFER)
    narrowest, widest = least[None, :] - values[:, None], most[None, :] - before[:, None]
    fits = edge[None, :] & (narrowest <= width + BUFFER) & (widest > width - BUFFER)
    return np.triu(fits)
