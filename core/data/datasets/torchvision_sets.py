"""Published image sets by way of torchvision: read where they lie, else downloaded where that is allowed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.data.dataset import Dataset, Examples
from core.data.datasets.idx import PLACES as IDX_PLACES
from core.data.downloads import download
from core.data.paths import data_folder
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo

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


_IDX = "the four files that torchvision reads, {name}/raw/*-ubyte,"


def halves(name: str) -> Any:
    """How to open one half of a set that torchvision parts by `train`."""

    def of(root: Path, train: bool, download: bool) -> Any:
        return getattr(_torchvision(), name)(root, train=train, download=download)

    return of


def _svhn(root: Path, train: bool, download: bool) -> Any:
    return _torchvision().SVHN(root, split="train" if train else "test", download=download)


def _torchvision() -> Any:
    from torchvision import datasets  # noqa: PLC0415  # a second that who loads another dataset need not pay

    return datasets


MNIST = Published(
    DatasetInfo(
        key="mnist", title="MNIST", about="Handwritten digits, 28x28 grey; LeCun, Cortes and Burges (CC BY-SA 3.0).",
        channels=1, height=28, width=28, classes=tuple("0123456789"),
        train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949), test_count=10_000,
        mean=(0.1307,), deviation=(0.3081,),
    ),
    halves("MNIST"), _IDX.format(name="MNIST"), places=IDX_PLACES["mnist"],
)  # fmt: skip
FASHION_MNIST = Published(
    DatasetInfo(
        key="fashion_mnist", title="Fashion-MNIST", about="Pictures of clothes, 28x28 grey; Zalando Research (MIT).",
        channels=1, height=28, width=28,
        classes=("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
        train_counts=(6000,) * 10, test_count=10_000, mean=(0.2860,), deviation=(0.3530,),
    ),
    halves("FashionMNIST"), _IDX.format(name="FashionMNIST"), places=IDX_PLACES["fashion_mnist"],
)  # fmt: skip
CIFAR10 = Published(
    DatasetInfo(
        key="cifar10", title="CIFAR-10", about="Small photographs of ten kinds of things, 32x32 colour; Krizhevsky 2009.",
        channels=3, height=32, width=32,
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        train_counts=(5000,) * 10, test_count=10_000, mean=(0.4914, 0.4822, 0.4465), deviation=(0.2470, 0.2435, 0.2616),
    ),
    halves("CIFAR10"), "the folder cifar-10-batches-py", places=("", "CIFAR10", "cifar10"),
)  # fmt: skip
SVHN = Published(
    DatasetInfo(
        key="svhn", title="SVHN", about="House numbers in photographs, 32x32 colour; Netzer et al. 2011.",
        channels=3, height=32, width=32, classes=tuple("0123456789"),
        train_counts=(4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659), test_count=26_032,
        mean=(0.4377, 0.4438, 0.4728), deviation=(0.1980, 0.2010, 0.1970),
    ),
    _svhn, "SVHN/train_32x32.mat and SVHN/test_32x32.mat (or both without the folder)", places=("SVHN", "", "svhn"),
)  # fmt: skip
SETS = (MNIST, FASHION_MNIST, CIFAR10, SVHN)
