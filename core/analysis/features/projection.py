"""The joint feature map: the same images under a run's networks, on one pair of axes, with each image's neighbours."""

import importlib
import importlib.util
import warnings

import numpy as np

from core.analysis.features.nearest_neighbours import nearest, neighbourhoods
from core.analysis.stored_results import Analysis, Arrays, Say, arrays
from core.domain.errors import WrongInput
from core.domain.requests.base import SETS
from core.domain.run import MODELS
from core.storage.home import Home

NEIGHBOURS, CLOSEST, EPOCHS, KEPT = 15, 0.1, 200, 50  # UMAP's own first two; KEPT: principal components that it starts from
SEED = 0  # of UMAP's draws


def procrustes_aligned(features: np.ndarray, onto: np.ndarray, by: np.ndarray) -> np.ndarray:
    """features (N, d), moved and rotated so that its rows `by` lie nearest to the same rows of `onto` (N, d); float32.

    The orthogonal Procrustes solution (Schoenemann 1966): no distance within `features` changes. Networks trained apart have
    different feature axes; only up to such a rotation can their features be compared.
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


PROJECTIONS = ("pca", "umap")
LEARNT = 0.95  # share of the progress that features take


def compute(home: Home, run_id: str, say: Say, *, projection: str, count: int, seed: int, turn: bool) -> Arrays:
    """All of `core.analysis.features.penultimate.compute` but the features themselves, and, for N images:

    `positions/M` float32 (N, 2) of each model M, by one projection of all models' features together. turn: the reference's
    features are first rotated onto the original's (`procrustes_aligned`, fitted on images of the retain set).
    `explained` float32 (2,): each axis's share of the variance (PCA; else 0).
    By the original's features, Euclidean, among the images of the map: `neighbours` int32 (N, k) rows of the nearest
    training images, nearest first, never itself, k <= nearest_neighbours.NEIGHBOURS; `agreeing` float32 (N,): share of the
    nearest_neighbours.NEAR nearest training images with its label; `unseen_agreeing`: the same of test images (NaN where there are
    none); `distance` float32 (N,): to its class's centroid (the mean over training images of that label), over the class's root
    mean square distance, so that 1 is typical. Raises WrongInput.
    """
    if projection not in PROJECTIONS:
        raise WrongInput(f"The projection is {projection!r}; it must be one of {', '.join(PROJECTIONS)}.")
    images = _features(home, run_id, lambda share, note: say(LEARNT * share, note), count, seed)
    say(LEARNT, "placing the images")
    features_of = {model: images.pop(f"features/{model}") for model in MODELS if f"features/{model}" in images}
    made = {**images, **neighbourhoods(features_of["original"], images["label"], images["set"])}
    retained = images["set"] == SETS.index("retain")
    if turn and "reference" in features_of and retained.any():
        features_of["reference"] = procrustes_aligned(features_of["reference"], features_of["original"], retained)
    return made | placed(features_of, projection)


def _features(home: Home, run_id: str, say: Say, count: int, seed: int) -> Arrays:
    """The stored analysis, or computed now and stored."""
    try:
        return arrays(home, Analysis("features", run_id, {"count": count, "seed": seed}))
    except WrongInput:  # not there yet, or damaged
        from core.analysis.features.penultimate import compute_and_store  # noqa: PLC0415  # late: loads torch

        return compute_and_store(home, run_id, say, count=count, seed=seed)


def placed(features_of: Arrays, projection: str) -> Arrays:
    """`positions/M` and `explained` of features float32 (N, d) of each model M."""
    joint = np.concatenate(list(features_of.values()))
    places, shares = principal(joint) if projection == "pca" else (manifold(joint), np.zeros(2, np.float32))
    each = np.split(places, len(features_of))
    return {f"positions/{m}": part for m, part in zip(features_of, each, strict=True)} | {"explained": shares}
