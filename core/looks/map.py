"""The joint map: the same images under a run's networks, on one pair of axes, and what of their neighbourhood choosing needs."""

import torch
from torch import Tensor

from core.domain import MODELS, WrongInput
from core.looks.drawing import SETS
from core.looks.features import Arrays, Say, kept_or_computed
from core.looks.projecting import manifold, principal, turned
from core.store.home import Home

PROJECTIONS = ("pca", "umap")
NEIGHBOURS, NEAR = 50, 10  # kept of each image; looked at by a vote
LEARNT = 0.95  # share of the progress that features take


def compute(home: Home, run_id: str, say: Say, *, projection: str, count: int, seed: int, turn: bool) -> Arrays:
    """All of `core.looks.features.compute` but the features themselves, and, for N images:

    `positions/M` float32 (N, 2) of each model M, by one projection of all models' features together. turn: the reference's
    features are first rotated onto the original's (`projecting.turned`, fitted on retained training images).
    `explained` float32 (2,): each axis's share of the variance (PCA; else 0).
    By the original's features, Euclidean, among the images of the map: `neighbours` int32 (N, k) rows of the nearest
    training images, nearest first, never itself, k <= NEIGHBOURS; `agreeing` float32 (N,): share of the NEAR nearest training
    images with its label; `unseen_agreeing`: the same of test images (NaN where there are none); `distance` float32 (N,): to
    its class's centre (the mean over training images of that label), by the class's root mean square, so that 1 is usual.
    Raises WrongInput.
    """
    if projection not in PROJECTIONS:
        raise WrongInput(f"The projection is {projection!r}; it must be one of {', '.join(PROJECTIONS)}.")
    found = kept_or_computed(home, run_id, lambda share, note: say(LEARNT * share, note), count=count, seed=seed)
    say(LEARNT, "placing the images")
    inside = {model: torch.from_numpy(found.pop(f"features/{model}")) for model in MODELS if f"features/{model}" in found}
    retained = torch.from_numpy(found["set"] == SETS.index("retain"))
    made = {**found, **around(inside["original"], torch.from_numpy(found["label"]), torch.from_numpy(found["set"]))}
    if turn and "reference" in inside and retained.any():
        inside["reference"] = turned(inside["reference"], inside["original"], retained)
    return made | placed(inside, projection)


def placed(inside: dict[str, Tensor], projection: str) -> Arrays:
    """`positions/M` and `explained` of features float32 (N, d) of each model M."""
    joint = torch.cat(list(inside.values()))
    shares = torch.zeros(2)
    if projection == "pca":
        places, shares = principal(joint)
    else:
        places = manifold(joint)
    each = torch.split(places, [len(features) for features in inside.values()])
    return {f"positions/{m}": part.numpy() for m, part in zip(inside, each, strict=True)} | {"explained": shares.numpy()}


def around(features: Tensor, labels: Tensor, sets: Tensor) -> Arrays:
    """`neighbours`, `agreeing`, `unseen_agreeing` and `distance` of features (N, d); labels, sets int64 (N,)."""
    seen = sets < SETS.index("test_forget")
    apart = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    near = _nearest(apart, seen, NEIGHBOURS)
    unseen = _nearest(apart, ~seen, NEAR)
    return {
        "neighbours": near.int().numpy(),
        "agreeing": _agreeing(labels, near[:, :NEAR]).numpy(),
        "unseen_agreeing": _agreeing(labels, unseen).numpy(),
        "distance": _from_centre(features, labels, seen).numpy(),
    }


def _nearest(apart: Tensor, among: Tensor, count: int) -> Tensor:
    """int64 (N, k): for each row, the k nearest of those `among` that are not itself, nearest first."""
    rows = among.nonzero().flatten()
    every_has = len(rows) - 1 if among.any() else 0
    return rows[apart[:, rows].topk(max(0, min(count, every_has)), largest=False).indices]


def _agreeing(labels: Tensor, near: Tensor) -> Tensor:
    """float32 (N,): NaN where `near` (N, k) names nobody."""
    return (labels[near] == labels[:, None]).float().mean(1)


def _from_centre(features: Tensor, labels: Tensor, seen: Tensor) -> Tensor:
    far = torch.full((len(features),), torch.nan)
    for label in labels[seen].unique():  # type: ignore[no-untyped-call]  # torch does not annotate it
        own = labels == label
        apart = (features[own] - features[own & seen].mean(0)).norm(dim=1)
        usual = apart[seen[own]].square().mean().sqrt()
        far[own] = apart / usual.clamp(min=torch.finfo(torch.float32).tiny)
    return far

