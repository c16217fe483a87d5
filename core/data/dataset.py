"""What a dataset is: its description, its training and its test examples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.data.augmentation import augment
from core.domain.info import DatasetInfo

LOOKS = 0  # seeds which examples are looked at where not all are


@dataclass(frozen=True)
class Examples:
    """stored: uint8 (M, C, H, W); labels: int64 (N,) or uint8 (N, A); peak: the byte that means 1.0.

    rows: int64 (N,), which of the stored images these are; None for all, in order (N = M). A part of a set shares its images:
    of a set that is larger than memory, no part is ever copied whole unless `images` or `pixels` is asked for.
    """

    stored: Tensor
    labels: Tensor
    peak: int = 255
    rows: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)"""
        return len(self), *self.stored.shape[1:]

    @property
    def images(self) -> Tensor:
        """uint8 (N, C, H, W); a copy where these are a part of a set."""
        return self.stored if self.rows is None else self.stored[self.rows]

    def subset(self, chosen: Tensor) -> "Examples":
        """chosen: int64 indices or a bool mask (N,)."""
        wanted = chosen.nonzero().flatten() if chosen.dtype == torch.bool else chosen
        rows = wanted.to(self.stored.device) if self.rows is None else self.rows[wanted]
        return Examples(self.stored, self.labels[wanted], self.peak, rows)

    def first(self, count: int) -> "Examples":
        """The first `count`, or all where there are fewer."""
        return self.subset(torch.arange(min(count, len(self)), device=self.labels.device))

    def some(self, count: int) -> Tensor:
        """Rows int64 (n,) of `count` examples, rising, or of all where there are fewer: the same draw every time.

        Not the first ones: many sets are sorted by class.
        """
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(LOOKS))
        return order[:count].sort().values.to(self.labels.device)

    def sample(self, count: int) -> "Examples":
        """The examples at the rows of `some`."""
        return self.subset(self.some(count))

    def first_of_each_class(self, count: int) -> "Examples":
        """The first `count` examples of every class, or all of a class that has fewer; sorted by class."""
        classes = torch.unique(self.labels).tolist()
        return self.subset(torch.cat([(self.labels == c).nonzero()[:count, 0] for c in classes]))

    def joined(self, other: "Examples") -> "Examples":
        """Both, these first; of the same kind of image."""
        labels = torch.cat([self.labels, other.labels])
        if self.rows is not None and other.rows is not None and self.stored is other.stored:
            return Examples(self.stored, labels, self.peak, torch.cat([self.rows, other.rows]))
        return Examples(torch.cat([self.images, other.images]), labels, self.peak)

    def relabelled(self, labels: Tensor) -> "Examples":
        """The same images under other labels, int64 (N,)."""
        return Examples(self.stored, labels, self.peak, self.rows)

    def to(self, device: str) -> "Examples":
        """The same examples on another device; there they are whole."""
        if torch.device(device) == self.stored.device:
            return self
        return Examples(self.images.to(device), self.labels.to(device), self.peak)

    def pixels(self) -> Tensor:
        """float32 (N, C, H, W) in [0, 1]."""
        return self.images.float() / self.peak

    def batches(
        self, size: int, generator: torch.Generator | None = None, how: str = "none"
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of float32 (B, C, H, W) in [0, 1] and labels (B,); shuffled where a generator is given, else in order.

        `how`: one of `AUGMENTS`, drawn from the generator, for shuffled batches alone.
        """
        if generator is None:
            for start in range(0, len(self), size):
                yield self.taken(slice(start, start + size)).float() / self.peak, self.labels[start : start + size]
            return
        order = torch.randperm(len(self), generator=generator).to(self.labels.device)
        for part in torch.split(order, size):
            yield augment(self.taken(part), how, generator).float() / self.peak, self.labels[part]

    def taken(self, part: slice | Tensor) -> Tensor:
        """uint8 (B, C, H, W): the images at some places, and no others."""
        return self.stored[part if self.rows is None else self.rows[part]]


@dataclass(frozen=True)
class Dataset:
    """A description with the examples that it describes.

    train_columns, test_columns: name of each of `info.columns` -> int64 (N,), every example's value, an index.
    """

    info: DatasetInfo
    train: Examples
    test: Examples
    train_columns: Mapping[str, Tensor] = field(default_factory=dict)
    test_columns: Mapping[str, Tensor] = field(default_factory=dict)
