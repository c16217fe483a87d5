"""Shards and slices of a training set: which example belongs to which, and what a request hits."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Grid:
    """shard, slice: int64 (n,), of each example of a set, counted from 0."""

    shards: int
    slices: int
    shard: Tensor
    slice: Tensor

    def of(self, which: Tensor) -> "Grid":
        """Of some examples, bool (n,): each stays where it is."""
        return replace(self, shard=self.shard[which], slice=self.slice[which])

    def until(self, shard: int, stage: int) -> Tensor:
        """bool (n,): examples of a shard's first slices, as many as its stage (from 1) is trained on."""
        return (self.shard == shard) & (self.slice < stage)

    @property
    def counts(self) -> Tensor:
        """int64 (shards, slices): examples of each cell."""
        return torch.bincount(self.shard * self.slices + self.slice, minlength=self.shards * self.slices).view(self.shards, self.slices)


def grid_of(count: int, shards: int, slices: int, seed: int) -> Grid:
    """Of `count` examples in an order drawn from the seed: ranges of equal length, of which the last takes the remainder.

    Shuffled, because many sets are sorted by class: ranges of such a one would be shards by class, of which none knows all.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    place = torch.empty_like(order)
    place[order] = torch.arange(count)
    width = count // shards
    shard = (place // width).clamp(max=shards - 1)
    length = torch.bincount(shard, minlength=shards)[shard]
    return Grid(shards, slices, shard, ((place - shard * width) // (length // slices)).clamp(max=slices - 1))


@dataclass(frozen=True)
class Sharded:
    """What whoever trains or unlearns by shards needs to know, beside the recipe.

    build: a member of the ensemble, untrained; seed: of all cells, each of which has its own; retained: the grid of the retain set, in
    its order; forgotten: int64 (shards, slices), examples of the forget set in each cell. stored: (shard, from 0; stage, from 1) -> the
    weights that the original's member had after that stage, None where they are not kept, as after the last one.
    """

    build: Callable[[], nn.Module]
    seed: int
    retained: Grid
    forgotten: Tensor
    stored: Callable[[int, int], Weights | None]
