"""Many features on two axes: one projection fitted on all networks' features together, so that positions can be compared."""

import importlib
import importlib.util
import warnings

import numpy as np

from core.domain import WrongInput
from core.looks.nearest import nearest

NEIGHBOURS, CLOSEST, EPOCHS, KEPT = 15, 0.1, 200, 50  # UMAP's own first two; KEPT: principal components that it starts from
SEED = 0  # of UMAP's draws


def turned(features: np.ndarray, onto: np.ndarray, by: np.ndarray) -> np.ndarray:
    """features (N, d), moved and rotated so that its rows `by` lie as near as can be on the same rows of `onto` (N, d); float32.

    The orthogonal Procrustes solution (Schoenemann 1966): no distance within `features` changes. A network trained by itself
    has axes of its own; only up to such a turn can its features be held against another network's.
    """
    ours, theirs = features[by].astype(np.float64), onto[by].astype(np.float64)
    here, there = ours.mean(0), theirs.mean(0)
    left, _, right = np.linalg.svd((ours - here).T @ (theirs - there))
    return np.asarray((features.astype(np.float64) - here) @ (left @ right) + there, np.float32)


def principal(features: np.ndarray, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Scores float32 (n, count) of features (n, d) on their first principal components, and each one's share of the variance.

    Signs are fixed: the largest weight of a component is positive. Missing components (d < count) are 0.
    """
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred)  # rising
    values, vectors = values.clip(0)[::-1], vectors[:, ::-1][:, :count]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(0)[None], 0)
    shares = values[:count] / max(values.sum(), np.finfo(np.float64).tiny)
    missing = count - vectors.shape[1]
    scores = np.pad(centred @ (vectors * np.where(largest < 0, -1.0, 1.0)), ((0, 0), (0, missing)))
    return scores.astype(np.float32), np.pad(shares, (0, missing)).astype(np.float32)


def manifold(features: np.ndarray) -> np.ndarray:
    """UMAP (arXiv:1802.03426) of features (n, d): float32 (n, 2). Equal rows get equal places. Raises WrongInput.

    Of the first KEPT principal components; neighbours are exact; NEIGHBOURS, CLOSEST, EPOCHS and SEED are fixed.
    """
    if importlib.util.find_spec("umap") is None:
        raise WrongInput("UMAP needs the package umap-learn, which is not installed here; PCA does without.")
    points, places = np.unique(principal(features, min(KEPT, features.shape[1]))[0], axis=0, return_inverse=True)
    if len(points) <= NEIGHBOURS:
        raise WrongInput(f"UMAP needs more than {NEIGHBOURS} different points; there are {len(points)}.")
    rows, far = nearest(points, np.arange(len(points)), NEIGHBOURS, itself=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has no TensorFlow, and cannot place new points later: neither is wanted
        umap = importlib.import_module("umap")  # late: four seconds, which PCA need not pay
        fit = umap.UMAP(
            n_neighbors=NEIGHBOURS, min_dist=CLOSEST, n_epochs=EPOCHS, init="pca", random_state=SEED, n_jobs=1,
            precomputed_knn=(rows, far.astype(np.float32)),
        )  # fmt: skip
        return np.asarray(fit.fit_transform(points)[places.reshape(-1)], np.float32)
