"""Published image sets by way of torchvision: read where they lie, else downloaded where that is allowed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.data.dataset import Dataset
from core.data.downloads import download
from core.data.examples import Examples
from core.data.folder import data_folder
from core.descriptions import DatasetInfo
from core.domain import WrongInput

# What torchvision and its readers say of files that are missing, short or of another kind.
UNREADABLE = (RuntimeError, OSError, ValueError, AssertionError, EOFError, LookupError, TypeError)


@dataclass(frozen=True)
class Published:
    """A set as torchvision knows it. `of(root, train, download)` opens one half of it.

    places: folders in the data folder, '' for itself, in which it may lie, for people call torchvision with one or the other; a
    download goes to the first. sorted_out: from the labels as published, int64 (N,), to ours and the value of each of INFO's columns.
    """

    INFO: DatasetInfo
    of: Callable[[Path, bool, bool], Any]
    files: str  # what must lie where, for whoever has no network
    sorted_out: Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]] = lambda labels: (labels, {})
    places: tuple[str, ...] = ("",)

    def load(self) -> Dataset:
        """Raises WrongInput with what to put where, when the set is neither here, whole, nor to be had."""
        root = data_folder()
        try:
            halves = self._halves(root)
        except UNREADABLE as missing:
            download(root, self._fetch, self.INFO.title, self.files, missing)
            halves = self._halves(root)
        labels, columns = zip(*(self.sorted_out(half.labels) for half in halves), strict=True)
        train, test = (half.relabelled(ours) for half, ours in zip(halves, labels, strict=True))
        counts = tuple(torch.bincount(train.labels, minlength=len(self.INFO.classes)).tolist())
        if counts != self.INFO.train_counts or len(test) != self.INFO.test_count:
            raise WrongInput(
                f"{self.INFO.title} in {root} is not complete: it should have {self.INFO.train_count} images to train on and "
                f"{self.INFO.test_count} to test, and has {len(train)} and {len(test)}."
            )
        return Dataset(self.INFO, train, test, *columns)

    def _halves(self, root: Path) -> tuple[Examples, Examples]:
        """From the first place where it is whole; raises what the first place raised where it is so nowhere."""
        first: Exception | None = None
        for place in self.places:
            if first is not None and place and not (root / place).is_dir():
                continue
            try:
                return examples_of(self.of(root / place, True, False)), examples_of(self.of(root / place, False, False))
            except UNREADABLE as missing:
                first = first or missing
        raise first or FileNotFoundError(f"no place for {self.INFO.title}")

    def _fetch(self, root: Path) -> None:
        for train in (True, False):
            examples_of(self.of(root / self.places[0], train, True))  # opened too: what cannot be read must not be kept


def examples_of(opened: Any) -> Examples:
    """A torchvision set's `data` and `targets` (or `labels`) as bytes (N, C, H, W) and int64 labels."""
    images = torch.as_tensor(opened.data)
    if images.ndim == 3:  # (N, H, W)
        images = images[:, None]
    elif images.shape[-1] == 3:  # (N, H, W, C)
        images = images.permute(0, 3, 1, 2)
    labels: Tensor = torch.as_tensor(opened.targets if hasattr(opened, "targets") else opened.labels).long()
    return Examples(images.contiguous(), labels)
