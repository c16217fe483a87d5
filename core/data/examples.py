"""Labelled images held whole as bytes, handed out as pixels in [0, 1]."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.augment import augment


@dataclass(frozen=True)
class Examples:
    """images: uint8 (N, C, H, W); labels: int64 (N,); peak: the byte that means 1.0."""

    images: Tensor
    labels: Tensor
    peak: int = 255

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, chosen: Tensor) -> "Examples":
        """chosen: int64 indices or a bool mask (N,)."""
        return Examples(self.images[chosen], self.labels[chosen], self.peak)

    def first(self, count: int) -> "Examples":
        """The first `count`, or all where there are fewer."""
        return Examples(self.images[:count], self.labels[:count], self.peak)

    def first_of_each_class(self, count: int) -> "Examples":
        """The first `count` examples of every class, or all of a class that has fewer; sorted by class."""
        classes = torch.unique(self.labels).tolist()
        return self.subset(torch.cat([(self.labels == c).nonzero()[:count, 0] for c in classes]))

    def joined(self, other: "Examples") -> "Examples":
        """Both, these first; of the same kind of image."""
        return Examples(torch.cat([self.images, other.images]), torch.cat([self.labels, other.labels]), self.peak)

    def relabelled(self, labels: Tensor) -> "Examples":
        """The same images under other labels, int64 (N,)."""
        return Examples(self.images, labels, self.peak)

    def to(self, device: str) -> "Examples":
        """The same examples on another device."""
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
                yield self.images[start : start + size].float() / self.peak, self.labels[start : start + size]
            return
        order = torch.randperm(len(self), generator=generator).to(self.labels.device)
        for part in torch.split(order, size):
            yield augment(self.images[part], how, generator).float() / self.peak, self.labels[part]
