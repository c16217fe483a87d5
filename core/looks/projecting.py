"""Many features on two axes: one projection fitted on all networks' features together, so that positions can be compared."""

import importlib
import importlib.util
import warnings

import numpy as np
import torch
from torch import Tensor

from core.domain import WrongInput

NEIGHBOURS, CLOSEST, EPOCHS, KEPT = 15, 0.1, 200, 50  # UMAP's own first two; KEPT: principal components that it starts from
SEED = 0  # of UMAP's draws


def turned(features: Tensor, onto: Tensor, by: Tensor) -> Tensor:
    """features (N, d), moved and rotated so that its rows `by` lie as near as can be on the same rows of `onto` (N, d).

    The orthogonal Procrustes solution (Schoenemann 1966): no distance within `features` changes. A network trained by itself
    has axes of its own; only up to such a turn can its features be held against another network's.
    """
    ours, theirs = features[by].double(), onto[by].double()
    here, there = ours.mean(0), theirs.mean(0)
    left, _, right = torch.linalg.svd((ours - here).mT @ (theirs - there))
    rotation: Tensor = left @ right
    return ((features.double() - here) @ rotation + there).float()


def principal(features: Tensor, count: int = 2) -> tuple[Tensor, Tensor]:
    """Scores float32 (n, count) of features (n, d) on their first principal components, and each one's share of the variance.

    Signs are fixed: the largest weight of a component is positive. Missing components (d < count) are 0.
    """
    centred = features.double() - features.double().mean(0)
    values, vectors = torch.linalg.eigh(centred.mT @ centred)  # rising
    vectors = vectors.flip(1)[:, :count]
    vectors = vectors * torch.where(vectors.gather(0, vectors.abs().argmax(0)[None])[0] < 0, -1.0, 1.0)
    shares = values.clamp(min=0).flip(0)[:count] / values.clamp(min=0).sum().clamp(min=torch.finfo(torch.float64).tiny)
    missing = count - vectors.shape[1]
    pad = torch.nn.functional.pad
    return pad((centred @ vectors).float(), (0, missing)), pad(shares.float(), (0, missing))


def manifold(features: Tensor) -> Tensor:
    """UMAP (arXiv:1802.03426) of features (n, d): float32 (n, 2). Equal rows get equal places. Raises WrongInput.

    Of the first KEPT principal components; neighbours are exact; NEIGHBOURS, CLOSEST, EPOCHS and SEED are fixed.
    """
    if importlib.util.find_spec("umap") is None:
        raise WrongInput("UMAP needs the package umap-learn, which is not installed here; PCA does without.")
    reduced = principal(features, min(KEPT, features.shape[1]))[0].numpy()
    points, places = np.unique(reduced, axis=0, return_inverse=True)
    if len(points) <= NEIGHBOURS:
        raise WrongInput(f"UMAP needs more than {NEIGHBOURS} different points; there are {len(points)}.")
    rows = torch.from_numpy(points)
    apart = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")  # exact: a point is 0 from itself, and its own nearest
    distances, indices = apart.topk(NEIGHBOURS, largest=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has no TensorFlow, and cannot place new points later: neither is wanted
        umap = importlib.import_module("umap")  # late: four seconds, which PCA need not pay
        fit = umap.UMAP(
            n_neighbors=NEIGHBOURS, min_dist=CLOSEST, n_epochs=EPOCHS, init="pca", random_state=SEED, n_jobs=1,
            precomputed_knn=(indices.numpy(), distances.numpy()),
        )  # fmt: skip
        return torch.from_numpy(fit.fit_transform(points)[places.reshape(-1)])
