"""How fast images come, networks train, and importance is computed, each beside what people usually do, in one run.

FORGETSCOPE_DATA=FOLDER python tests/benchmarks/bench_speed.py     (a few minutes; the folder as ../shared/data/unpack.py lays it)
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
import sys
import tempfile
from time import perf_counter

import torch
from torch import Tensor, nn
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from core.data.dataset import Dataset
from core.data.importing.importer import ImportOptions, add
from core.data.paths import data_folder
from core.data.registry import load_dataset
from core.models.registry import MODELS
from core.training.fisher import fisher_diagonal, squared_batch_gradient
from tests.benchmarks.bench_importance import by_torch_func
from tests.benchmarks.results import append, table, verdict

BATCH, REPEATS, SECONDS = 128, 3, 4.0
LEAST = 5.0  # times faster than a DataLoader


def rate(batches: Callable[[], Iterator[tuple[Tensor, Tensor]]], work: Callable[[Tensor, Tensor], object]) -> float:
    """Images a second over whole passes, for at least SECONDS; the first batch, which starts the workers, is not counted."""
    seen, began, told = 0, 0.0, False
    while not told or perf_counter() - began < SECONDS:
        for x, y in batches():
            work(x, y)
            if not told:
                began, told = perf_counter(), True
                continue
            seen += len(y)
    return seen / (perf_counter() - began)


def best(ways: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of REPEATS rates of each, taken in turns."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            found[name].append(way())
    return {name: median(rates) for name, rates in found.items()}


def loader(folder: Path, workers: int, augmented: bool) -> DataLoader:  # type: ignore[type-arg]  # of what torchvision makes
    """As public code does it: a file a sample, PIL transforms, worker processes."""
    changes = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()] if augmented else []
    every = transforms.Compose([*changes, transforms.ToTensor(), transforms.Normalize((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))])
    return DataLoader(ImageFolder(str(folder), every), BATCH, shuffle=augmented, num_workers=workers)


def data_path(subset: Dataset, folder: Path) -> list[tuple[str, float]]:
    """Images a second into a training step's first layer."""
    model = MODELS["small_cnn"](subset.info)
    first, bare = nn.Sequential(model[0], model[1]), model[1]

    def ours() -> Iterator[tuple[Tensor, Tensor]]:
        return subset.train.batches(BATCH, torch.Generator().manual_seed(0), "crop")

    theirs = loader(folder, 2, augmented=True)
    with torch.no_grad():
        rates = best({"bytes on the device, changed in batches": lambda: rate(ours, lambda x, _: first(x)),
                      "DataLoader, PIL transforms, 2 workers": lambda: rate(lambda: iter(theirs), lambda x, _: bare(x))})  # fmt: skip
    return list(rates.items())


def training(info_of: Dataset, key: str, size: int) -> list[tuple[str, float]]:
    """Images a second of a whole training step, by memory format and by torch.compile."""
    x, y = info_of.train.first(size).pixels(), info_of.train.labels[:size]

    def way(layout: torch.memory_format, compiled: bool) -> Callable[[], float]:
        model = MODELS[key](info_of.info).to(memory_format=layout)  # type: ignore[call-overload]  # torch's stub knows no variable
        ready = torch.compile(model) if compiled else model
        optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True)
        batch = x.contiguous(memory_format=layout)

        def step(*_: object) -> None:
            optimiser.zero_grad()
            F.cross_entropy(ready(batch), y).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            optimiser.step()

        return lambda: rate(lambda: iter([(batch, y)] * 3), step)

    ways = {"as it comes": way(torch.contiguous_format, False), "channels last (ours)": way(torch.channels_last, False)}
    if key == "small_cnn":
        ways["channels last, torch.compile"] = way(torch.channels_last, True)
    return list(best(ways).items())


def importance(subset: Dataset, folder: Path) -> list[tuple[str, float]]:
    """Seconds for the importance of 2,000 images, small_cnn; and of one plain training pass."""
    model, data = MODELS["small_cnn"](subset.info).eval(), subset.train.first(2000)
    pixels = data.pixels()

    def plain() -> None:
        for some_x, some_y in zip(torch.split(pixels, BATCH), torch.split(data.labels, BATCH), strict=True):
            model.zero_grad()
            F.cross_entropy(model(some_x), some_y).backward()  # type: ignore[no-untyped-call]  # as above

    def authors() -> None:  # one backward a batch, squared, summed with a weight: the shape of public SSD code
        found = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
        for index, (some_x, some_y) in enumerate(loader(folder, 2, augmented=False)):
            if index * BATCH >= len(data):
                break
            model.zero_grad()
            F.cross_entropy(model[1:](some_x), some_y).backward()  # type: ignore[no-untyped-call]  # as above
            for name, p in model.named_parameters():
                found[name] += p.grad.data.clone().pow(2) * len(some_y)  # type: ignore[union-attr]  # backward has just made it

    ways: dict[str, Callable[[], object]] = {
        "one plain pass, batches of 128": plain,
        "exact Fisher diagonal, per sample": lambda: fisher_diagonal(model, data.batches),
        "the same by torch.func": lambda: by_torch_func(model, pixels, data.labels, 32),
        "squared batch gradients, our data path": lambda: squared_batch_gradient(model, data.batches(BATCH)),
        "squared batch gradients, DataLoader and PIL": authors,
    }

    def seconds(way: Callable[[], object]) -> float:
        began = perf_counter()
        way()
        return perf_counter() - began

    return list(best({name: partial(seconds, way) for name, way in ways.items()}).items())


def main() -> bool:
    """Whether every bar was met."""
    torch.manual_seed(0)
    folder = data_folder() / "cifar10-subset"
    with tempfile.TemporaryDirectory() as place:
        subset = load_dataset(add(folder, ImportOptions(), Path(place)).info.key, Path(place))
        fashion = load_dataset("fashion_mnist")
        paths = data_path(subset, folder / "train")
        small, large = training(fashion, "small_cnn", BATCH), training(subset, "resnet18", 64)
        taken = importance(subset, folder / "train")
    ratio = paths[0][1] / paths[1][1]
    good = verdict(f"data path: times faster than a DataLoader with PIL and 2 workers >= {LEAST:g}", f"{ratio:.1f}", ratio >= LEAST)

    def against_first(rows: list[tuple[str, float]]) -> list[tuple[str, float, float]]:
        return [(name, figure, figure / rows[0][1]) for name, figure in rows]

    append(
        "Speed", "Images a second into the first layer, CIFAR-10 subset, cropped and mirrored:",
        table(("path", "images/s", "times the first"), against_first(paths)),
        "Training steps, small_cnn on Fashion-MNIST in batches of 128:",
        table(("way", "images/s", "times the first"), against_first(small)),
        "Training steps, ResNet-18 on the CIFAR-10 subset in batches of 64:",
        table(("way", "images/s", "times the first"), against_first(large)),
        "Importance of 2,000 images of the CIFAR-10 subset, small_cnn:",
        table(("way", "seconds", "times the first"), against_first(taken)),
    )  # fmt: skip
    return good


if __name__ == "__main__":
    sys.exit(not main())
