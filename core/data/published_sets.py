"""MNIST, Fashion-MNIST, CIFAR-10 and SVHN: their facts, and how torchvision opens them."""

from pathlib import Path
from typing import Any

from core.data.idx import PLACES as IDX_PLACES
from core.data.published import Published
from core.descriptions import DatasetInfo

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
