"""Exact k-nearest neighbours and distances to class centroids; NumPy alone."""

import numpy as np

from core.analysis.stored_results import Arrays
from core.domain.requests.base import UNSEEN

NEIGHBOURS, NEAR = 50, 10  # neighbours stored of each image; those whose labels are compared
BLOCK = 1000  # rows whose distances are in memory at once


def nearest(points: np.ndarray, among: np.ndarray, count: int, *, itself: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows int64 (N, k) of the k = `count` nearest points (N, d) `among` rows (M,), nearest first, and float64 (N, k) how far.

    Euclidean. itself: whether a point is its own nearest, at distance 0, or never its own neighbour.
    """
    x = np.asarray(points, np.float64)
    x = x - x.mean(0)
    there, squares = x[among], (x**2).sum(1)
    rows, far = [], []
    for start in range(0, len(x), BLOCK):
        part = slice(start, start + BLOCK)
        apart = squares[part, None] + squares[among] - 2 * x[part] @ there.T
        apart[np.arange(start, min(start + BLOCK, len(x)))[:, None] == among] = -1.0 if itself else np.inf
        order = np.argsort(apart, 1, kind="stable")[:, :count]
        rows.append(among[order])
        far.append(np.sqrt(np.take_along_axis(apart, order, 1).clip(0)))
    return np.concatenate(rows), np.concatenate(far)


def neighbourhoods(features: np.ndarray, labels: np.ndarray, sets: np.ndarray) -> Arrays:
    """`neighbours`, `agreeing`, `unseen_agreeing` and `distance`, as `projection.compute` says, of features float32 (N, d)."""
    trained = sets < UNSEEN
    trained_rows, test_rows = (_nearest_rows(features, among, count) for among, count in ((trained, NEIGHBOURS), (~trained, NEAR)))
    return {
        "neighbours": trained_rows.astype(np.int32),
        "agreeing": _agreeing(labels, trained_rows[:, :NEAR]),
        "unseen_agreeing": _agreeing(labels, test_rows),
        "distance": from_centre(features, labels, trained),
    }


def _nearest_rows(features: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """Nearest rows of each image, as many for all: at most the rows among which they are searched, without the image itself."""
    rows = np.flatnonzero(among)
    return nearest(features, rows, max(0, min(count, len(rows) - 1)), itself=False)[0]


def _agreeing(labels: np.ndarray, near: np.ndarray) -> np.ndarray:
    """float32 (N,): share of `near` (N, k) with the row's own label; NaN where k is 0."""
    if not near.shape[1]:
        return np.full(len(labels), np.nan, np.float32)
    return np.asarray((labels[near] == labels[:, None]).mean(1), np.float32)


def from_centre(features: np.ndarray, labels: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """float32 (N,): distance to the mean of the own label's training images, over their root mean square distance; NaN without such."""
    far = np.full(len(features), np.nan, np.float32)
    for label in np.unique(labels[trained]):
        own = labels == label
        apart = np.linalg.norm(features[own] - features[own & trained].mean(0), axis=1)
        usual = np.sqrt((apart[trained[own]] ** 2).mean())
        far[own] = apart / max(usual, np.finfo(np.float32).tiny)
    return far
