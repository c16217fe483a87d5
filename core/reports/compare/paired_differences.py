"""95 % intervals of the differences of several methods, paired where their runs share seeds and draws."""

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.reports.intervals import FEW, LEVEL, Pair, Spread

Array = NDArray[np.float64]
ZERO = 1e-9  # differences below it are rounding
ROUNDING = 1e-12  # of variances: a smaller one is rounding, where two methods differ by the same at every seed


def aligned(values: Sequence[Mapping[Pair, float]]) -> Array:
    """(methods, pairs) of each method's values by (seed, draw); nan where it has none."""
    pairs = sorted({pair for own in values for pair in own})
    return np.array([[own.get(pair, np.nan) for pair in pairs] for own in values], float).reshape(len(values), len(pairs))


def differences(one: ArrayLike, other: ArrayLike) -> tuple[Array, Array]:
    """Mean of `other` minus `one`, and half the width of its 95 % interval: (G,) or (H, G) against (G, S); nan where there is none.

    one: (S,) or (H, 1, S), other: (G, S), values of the same S seeds and draws, nan where a method has none. Student's t of the
    paired differences where all seeds of one of the two are shared, or FEW are; else Welch's t of the two means.
    """
    from scipy.special import stdtrit  # noqa: PLC0415  # a fifth of a second that commands without studies need not pay

    first, second = np.asarray(one, float), np.asarray(other, float)
    apart = second - first
    n, mean, variance = _moments(apart)
    (n_one, mean_one, own), (n_other, mean_other, theirs) = _moments(first), _moments(second)
    paired = (n >= 2) & ((n >= FEW) | (n == np.minimum(n_one, n_other)))
    with np.errstate(invalid="ignore", divide="ignore"):
        error, degrees = np.sqrt(variance / n), n - 1.0
        parts = own / n_one, theirs / n_other
        together = parts[0] + parts[1]
        welch = together**2 / (parts[0] ** 2 / (n_one - 1) + parts[1] ** 2 / (n_other - 1))
        error = np.where(paired, error, np.sqrt(together))
        degrees = np.where(paired, degrees, np.where(together > 0, welch, n_one + n_other - 2))
        there = paired | ((n_one >= 2) & (n_other >= 2))
        half = np.where(there, stdtrit(degrees, (1 + LEVEL) / 2) * error, np.nan)
        return np.where(paired, mean, mean_other - mean_one), half


def _moments(values: Array) -> tuple[Array, Array, Array]:
    """Count, mean and variance over the last axis of the values that are there; nan where too few are."""
    there = np.isfinite(values)
    n = there.sum(-1)
    filled = np.where(there, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(-1) / n
        off = np.where(there, values - mean[..., None], 0.0)
        return n, mean, (off**2).sum(-1) / (n - 1)


def difference(one: Mapping[Pair, float], other: Mapping[Pair, float]) -> Spread:
    """`other` minus `one`, of values by (seed, draw); n: of how many differences, or of how many values the fewer are."""
    first, second = aligned([one, other])
    mean, half = differences(first, second[None])
    shared = len(one.keys() & other.keys())
    n = shared if shared >= FEW or shared == min(len(one), len(other)) else min(len(one), len(other))
    return Spread(float(mean[0]), None if np.isnan(half[0]) else float(half[0]), n)


def each_from_each(costs: ArrayLike) -> tuple[Array, Array]:
    """`differences` of every two of G methods, (G, G) both: row i, column j is j minus i. costs: (G, S)."""
    array = np.asarray(costs, float)
    n = array.shape[1]
    if n >= 2 and np.isfinite(array).all():  # all are paired: variances of differences come of the covariances at once
        mean = array.mean(1)
        covariance = (array - mean[:, None]) @ (array - mean[:, None]).T / (n - 1)
        own = np.add.outer(covariance.diagonal(), covariance.diagonal())
        variance = own - 2 * covariance
        variance[variance < ROUNDING * own] = 0.0
        return mean[None] - mean[:, None], half_of(n) * np.sqrt(variance)
    rows = [differences(own, array) for own in array]
    return np.array([mean for mean, _ in rows]), np.array([half for _, half in rows])


def half_of(n: int) -> float:
    """Half width of the 95 % interval of the mean of n values, per unit of their standard deviation."""
    from scipy.special import stdtrit  # noqa: PLC0415  # as above

    return float(stdtrit(n - 1, (1 + LEVEL) / 2)) / sqrt(n)


def significantly_more(mean: Array, half: Array) -> NDArray[np.bool_]:
    """Whether the whole interval lies above zero; not where there is none."""
    return np.asarray(mean - half > ZERO)


def significantly_no_less(mean: Array, half: Array) -> NDArray[np.bool_]:
    """Whether none of the interval lies below zero: surely more, or the very same; not where there is none."""
    return np.asarray(mean - half > -ZERO)


def wins(costs: ArrayLike) -> NDArray[np.int64]:
    """(G,): how many others a method significantly beats minus how many beat it; costs (G, S), lower is better."""
    beats = significantly_more(*each_from_each(costs))
    return np.asarray(beats.sum(1) - beats.sum(0))


def beaten(x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
    """(G,): whether some other method is significantly better in one of two aims and no worse in the other; costs (G, S)."""
    across, up = each_from_each(x), each_from_each(y)
    dominates = (significantly_more(*across) & significantly_no_less(*up)) | (significantly_more(*up) & significantly_no_less(*across))
    return np.asarray(dominates.any(0))
