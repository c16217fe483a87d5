"""Who is nearest to whom, exactly, and where a class has its centre; NumPy alone."""

import numpy as np

from core.analysis.stored_results import Arrays
from core.domain.requests.base import UNSEEN

NEIGHBOURS, NEAR = 50, 10  # kept of each image; looked at by a vote
BLOCK = 1000  # rows whose distances are in memory at once


def nearest(points: np.ndarray, among: np.ndarray, count: int, *, itself: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows int64 (N, k) of the k = `count` nearest points (N, d) `among` rows (M,), nearest first, and float64 (N, k) how far.

    Euclidean. itself: whether a point is its own nearest, at 0, or never in its own line.
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


def around(features: np.ndarray, labels: np.ndarray, sets: np.ndarray) -> Arrays:
    """`neighbours`, `agreeing`, `unseen_agreeing` and `distance`, as `projection.compute` says, of features float32 (N, d)."""
    seen = sets < UNSEEN
    near, unseen = (_lines(features, among, count) for among, count in ((seen, NEIGHBOURS), (~seen, NEAR)))
    return {
        "neighbours": near.astype(np.int32),
        "agreeing": _agreeing(labels, near[:, :NEAR]),
        "unseen_agreeing": _agreeing(labels, unseen),
        "distance": from_centre(features, labels, seen),
    }


def _lines(features: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """As many for each image, and never more than one of those among whom the line is drawn has."""
    rows = np.flatnonzero(among)
    return nearest(features, rows, max(0, min(count, len(rows) - 1)), itself=False)[0]


def _agreeing(labels: np.ndarray, near: np.ndarray) -> np.ndarray:
    """float32 (N,): share of `near` (N, k) with the row's own label; NaN where it names nobody."""
    if not near.shape[1]:
        return np.full(len(labels), np.nan, np.float32)
    return np.asarray((labels[near] == labels[:, None]).mean(1), np.float32)


def from_centre(features: np.ndarray, labels: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """float32 (N,): distance to the mean of the seen images of the own label, by their root mean square; NaN without such."""
    far = np.full(len(features), np.nan, np.float32)
    for label in np.unique(labels[seen]):
        own = labels == label
        apart = np.linalg.norm(features[own] - features[own & seen].mean(0), axis=1)
        usual = np.sqrt((apart[seen[own]] ** 2).mean())
        far[own] = apart / max(usual, np.finfo(np.float32).tiny)
    return far
