"""The joint map: the same images under a run's networks, on one pair of axes, and what of their neighbourhood choosing needs."""

import numpy as np

from core.domain import MODELS, WrongInput
from core.looks.asked import Look, arrays
from core.looks.known import SETS, Arrays, Say
from core.looks.nearest import around
from core.looks.projecting import manifold, principal, turned
from core.store.home import Home

PROJECTIONS = ("pca", "umap")
LEARNT = 0.95  # share of the progress that features take


def compute(home: Home, run_id: str, say: Say, *, projection: str, count: int, seed: int, turn: bool) -> Arrays:
    """All of `core.looks.features.compute` but the features themselves, and, for N images:

    `positions/M` float32 (N, 2) of each model M, by one projection of all models' features together. turn: the reference's
    features are first rotated onto the original's (`projecting.turned`, fitted on retained training images).
    `explained` float32 (2,): each axis's share of the variance (PCA; else 0).
    By the original's features, Euclidean, among the images of the map: `neighbours` int32 (N, k) rows of the nearest
    training images, nearest first, never itself, k <= nearest.NEIGHBOURS; `agreeing` float32 (N,): share of the nearest.NEAR
    nearest training images with its label; `unseen_agreeing`: the same of test images (NaN where there are none); `distance`
    float32 (N,): to its class's centre (the mean over training images of that label), by the class's root mean square, so that
    1 is usual. Raises WrongInput.
    """
    if projection not in PROJECTIONS:
        raise WrongInput(f"The projection is {projection!r}; it must be one of {', '.join(PROJECTIONS)}.")
    found = _features(home, run_id, lambda share, note: say(LEARNT * share, note), count, seed)
    say(LEARNT, "placing the images")
    inside = {model: found.pop(f"features/{model}") for model in MODELS if f"features/{model}" in found}
    made = {**found, **around(inside["original"], found["label"], found["set"])}
    retained = found["set"] == SETS.index("retain")
    if turn and "reference" in inside and retained.any():
        inside["reference"] = turned(inside["reference"], inside["original"], retained)
    return made | placed(inside, projection)


def _features(home: Home, run_id: str, say: Say, count: int, seed: int) -> Arrays:
    """From the store, or computed now and kept."""
    try:
        return arrays(home, Look("features", run_id, {"count": count, "seed": seed}))
    except WrongInput:  # not there yet, or damaged
        from core.looks.features import keep  # noqa: PLC0415  # late: torch and the networks, which another projection need not load

        return keep(home, run_id, say, count=count, seed=seed)


def placed(inside: Arrays, projection: str) -> Arrays:
    """`positions/M` and `explained` of features float32 (N, d) of each model M."""
    joint = np.concatenate(list(inside.values()))
    places, shares = principal(joint) if projection == "pca" else (manifold(joint), np.zeros(2, np.float32))
    each = np.split(places, len(inside))
    return {f"positions/{m}": part for m, part in zip(inside, each, strict=True)} | {"explained": shares}
