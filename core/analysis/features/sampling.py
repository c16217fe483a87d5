"""Which images a map shows: every set in proportion to its classes, forgotten images first; the same draw for the same seed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.splits import Splits
from core.domain.requests.base import SETS

SHARES = {"forget": 0.4, "retain": 0.3, "test_forget": 0.1, "test_retain": 0.2}  # of all images on a map


@dataclass(frozen=True)
class Part:
    """The images of one set on a map: rows int64 (n,), rising, of the training or the test set; `available`: how many it has.

    places: int64 (n,), the same images counted within the set.
    """

    rows: Tensor
    places: Tensor
    available: int


def drawn(splits: Splits, count: int, seed: int) -> dict[str, Part]:
    """Set -> its part, at most `count` images in all; a set without images is left out. labels must be classes, int64 (N,)."""
    every = {
        "forget": splits.forgotten, "retain": splits.kept,
        "test_forget": splits.test_forgotten, "test_retain": ~splits.test_forgotten,
    }  # fmt: skip
    rows = {name: chosen.nonzero().flatten() for name, chosen in every.items() if chosen.any()}
    takes = taken({name: len(indices) for name, indices in rows.items()}, count)
    parts = {}
    for place, name in enumerate(SETS):
        if takes.get(name):
            labels = (splits.test if name.startswith("test") else splits.train).labels[rows[name]]
            some = stratified(labels, takes[name], len(SETS) * seed + place)
            parts[name] = Part(rows[name][some], some, len(rows[name]))
    return parts


def taken(available: dict[str, int], count: int) -> dict[str, int]:
    """How many images of each set: its share of `count`; what a small set leaves goes to the first ones that have more."""
    takes = {name: min(have, int(SHARES[name] * count)) for name, have in available.items()}
    for name, have in available.items():
        takes[name] = min(have, takes[name] + count - sum(takes.values()))
    return takes


def stratified(labels: Tensor, count: int, seed: int) -> Tensor:
    """Rows int64 (count,), rising: drawn without replacement, each class within one image of its proportion. labels int64 (N,)."""
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[labels.cpu()[shuffled].argsort(stable=True)]
    steps = (torch.arange(count, dtype=torch.float64) + 0.5) * len(labels) / max(1, count)
    return by_class[steps.long()].sort().values
