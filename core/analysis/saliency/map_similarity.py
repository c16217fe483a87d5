"""Similarity scores of two maps of one image, and where a map's mass lies. Maps are NumPy arrays (H, W), signs kept.

A map's mass at a pixel is its absolute value there. None: the score is not defined, as of a map that is 0 everywhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
import pandas as pd

TOP = 0.1  # of the pixels
WINDOW = 7  # pixels across, as Wang et al. (2004) use beside a Gaussian; smaller on smaller maps
K1, K2 = 0.01, 0.03  # theirs


@dataclass(frozen=True)
class Scores:
    """Of a pair of maps, the second compared with the first; see the functions below for each."""

    rank: float | None
    ssim: float | None
    shift: float | None
    outside: float | None


def scores(first: np.ndarray, second: np.ndarray) -> Scores:
    """All scores of the second map compared with the first."""
    return Scores(rank_correlation(first, second), ssim(first, second), centroid_shift(first, second), outside_top(first, second))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's, over pixels with their signs; ties share the mean rank. None where a map is constant."""
    one, two = (np.asarray(pd.Series(values.ravel()).rank(), float) for values in (first, second))
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return None
    return float(np.corrcoef(one, two)[0, 1])


def ssim(first: np.ndarray, second: np.ndarray) -> float | None:
    """Mean structural similarity (Wang et al., 2004), uniform windows inside the map, sample covariances.

    The dynamic range is that of both maps together. None where both are one and the same constant.
    """
    one, two = first.astype(float), second.astype(float)
    span = max(one.max(), two.max()) - min(one.min(), two.min())
    if span == 0:
        return None
    window = min(WINDOW, *(side - 1 + side % 2 for side in one.shape))
    count = window * window

    def mean(values: np.ndarray) -> np.ndarray:
        rows: np.ndarray = sliding_window_view(values, window, 0).mean(-1)
        return np.asarray(sliding_window_view(rows, window, 1).mean(-1))

    a, b = mean(one), mean(two)
    sample = count / (count - 1) if count > 1 else 1.0
    var_a, var_b = (sample * (mean(v * v) - m * m) for v, m in ((one, a), (two, b)))
    both = sample * (mean(one * two) - a * b)
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    alike = (2 * a * b + c1) * (2 * both + c2) / ((a * a + b * b + c1) * (var_a + var_b + c2))
    return float(alike.mean())


def centroid(values: np.ndarray) -> tuple[float, float] | None:
    """Row and column of the mass's centre, in pixels; None where there is no mass."""
    mass = np.abs(values.astype(float))
    total = mass.sum()
    if total == 0:
        return None
    return float((mass.sum(1) @ np.arange(mass.shape[0])) / total), float((mass.sum(0) @ np.arange(mass.shape[1])) / total)


def centroid_shift(first: np.ndarray, second: np.ndarray) -> float | None:
    """Distance of the two centres, in pixels."""
    one, two = centroid(first), centroid(second)
    return None if one is None or two is None else float(np.hypot(one[0] - two[0], one[1] - two[1]))


def outside_top(first: np.ndarray, second: np.ndarray) -> float | None:
    """Share of the second map's mass that lies outside the first one's tenth of pixels with the most mass; equals go by place."""
    mass, yardstick = np.abs(second.astype(float)).ravel(), np.abs(first.astype(float)).ravel()
    if mass.sum() == 0 or yardstick.sum() == 0:
        return None
    top = np.argsort(-yardstick, kind="stable")[: int(np.ceil(TOP * len(yardstick)))]
    return float(1 - mass[top].sum() / mass.sum())


def share_on(values: np.ndarray, pixels: np.ndarray) -> float | None:
    """Share of the mass on the chosen pixels, bool (H, W)."""
    mass = np.abs(values.astype(float))
    return float(mass[pixels].sum() / mass.sum()) if mass.sum() else None
