"""Accuracy of a network with uploaded weights, under each plausible normalisation and order of its classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
import torch
from torch import Tensor, nn

from core.data.dataset import Dataset, Examples
from core.data.label_kinds import is_multi, right
from core.data.name_order import named_orders
from core.domain.run import NORMALISATIONS
from core.models.layers import Normalise
from core.training.loop import predict

MOST_IMAGES = 2000  # of a set, that are evaluated
FEWEST_IMAGES = 16
WORK = 3e11  # multiplications in all: about ten seconds on two cores
GAIN = 0.1  # share of images: what another order of classes must be better by, on training and on test images, to be likely
RIGHT = 0.5  # share of images: what an order that was matched to them must give at least, to be likely
PREFERRED = tuple(NORMALISATIONS)  # where two are right equally often
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's, of channels red, green, blue

Numbers = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation of pixels in [0, 1], by channel


def normalisations(own: Numbers, peak: int, carried: Numbers | None = None) -> dict[str, Numbers]:
    """Key -> mean and deviation: every plausible one for images of so many channels.

    own: the dataset's; peak: the byte that means 1.0; carried: the one that the file of weights contains, if it does.
    """
    channels = len(own[0])
    plausible: dict[str, Numbers] = {
        "dataset": own,
        "raw": ((0.0,) * channels, (1.0,) * channels),
        "signed": ((0.5,) * channels, (0.5,) * channels),
        "bytes": ((0.0,) * channels, (1 / peak,) * channels),
    }
    if channels == len(IMAGENET[0]):
        plausible["imagenet"] = IMAGENET
    return ({"file": carried} if carried else {}) | plausible


def normalise_by(network: nn.Module, numbers: Numbers) -> None:
    """Set the network's first layer, in place; nothing where it has none."""
    layer = _layer(network)
    if layer is not None:
        for own, wanted in zip((layer.mean, layer.deviation), numbers, strict=True):
            own.copy_(torch.tensor(wanted).view(-1, 1, 1))


def normalised_by(network: nn.Module) -> Numbers | None:
    """What the network's first layer normalises by."""
    layer = _layer(network)
    return None if layer is None else (tuple(layer.mean.flatten().tolist()), tuple(layer.deviation.flatten().tolist()))


def _layer(network: nn.Module) -> Normalise | None:
    return next((module for module in network.modules() if isinstance(module, Normalise)), None)


def matched_order(logits: Tensor, labels: Tensor) -> tuple[int, ...]:
    """The class of each row of the last layer by which most of these images (N,) are predicted correctly; ties keep the dataset's order.

    logits: float32 (N, C). The assignment problem on the confusion matrix (Kuhn, 1955).
    """
    count = logits.shape[1]
    confusion = np.zeros((count, count))  # row of the last layer, class
    np.add.at(confusion, (logits.argmax(1).numpy(), labels.numpy()), 1.0)
    rows, order = linear_sum_assignment(confusion + np.eye(count) / (2 * count), maximize=True)
    return tuple(int(order[place]) for place in np.argsort(rows))


def in_order(logits: Tensor, order: tuple[int, ...]) -> Tensor:
    """The logits with their columns in the dataset's order of classes; order: as in WeightsAs, empty for the dataset's own."""
    return logits[:, torch.tensor(order).argsort()] if order else logits


def measured(network: nn.Module, dataset: Dataset, carried: bool, device: str) -> dict[str, Any]:
    """Accuracy on training and test images by normalisation and order of classes, as plain data.

    {"images": [of the training set, of the test set], "tried": [{"key", "title", "likely", "orders": [{"name", "order", "train",
    "test"}]}], "best": a key}. `likely`: the name of the order with which it is far better than with this one here, '' where none is.
    carried: whether the weights came with a normalisation. The network's first layer is
    changed, and given back as it was.
    """
    given, own = (dataset.info.mean, dataset.info.deviation), normalised_by(network)
    tried = normalisations(given, dataset.train.peak, own if carried else None) if own else {"dataset": given}
    count = affordable(network, dataset.train, len(tried))
    sets = [dataset.train.sample(count), dataset.test.sample(count)]
    logits: dict[str, list[Tensor]] = {}
    try:
        for key, numbers in tried.items():
            normalise_by(network, numbers)
            logits[key] = [predict(network, examples, device) for examples in sets]
    finally:
        if own:
            normalise_by(network, own)
    labels = [examples.labels.cpu() for examples in sets]
    alone = {key: _orders(outputs, labels, _candidates(outputs, labels, dataset.info.classes)) for key, outputs in logits.items()}
    best = max(alone, key=lambda key: (alone[key].right, -PREFERRED.index(key)))
    # The order belongs to the file, not to the pixels: the one matched with the best normalisation is used with all.
    orders = {row["name"]: tuple(row["order"]) for row in alone[best].rows}
    table = []
    for key, outputs in logits.items():
        held = _orders(outputs, labels, orders)
        title = NORMALISATIONS[key] + (f", 0 to {dataset.train.peak}" if key == "bytes" else "")
        likely = held.likely if held.likely == alone[best].likely else ""
        table.append({"key": key, "title": title, "likely": likely, "orders": held.rows})
    return {"images": [len(s) for s in sets], "tried": table, "best": best}


@dataclass(frozen=True)
class Orders:
    """rows: accuracy by order; likely: the name of the likely one, '' for the dataset's own; right: images predicted correctly in that."""

    rows: list[dict[str, Any]]
    likely: str
    right: float


def _candidates(logits: list[Tensor], labels: list[Tensor], classes: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Name -> order; '' for the dataset's own."""
    orders: dict[str, tuple[int, ...]] = {"": ()} | named_orders(classes)
    if not is_multi(labels[0]):
        matched = matched_order(logits[0], labels[0])
        if matched not in (*orders.values(), tuple(range(len(classes)))):
            orders["matched"] = matched
    return orders


def _orders(logits: list[Tensor], labels: list[Tensor], orders: dict[str, tuple[int, ...]]) -> Orders:
    """Which order is far better than the one before it, on training and on test images; a matched one also has to be right in the main."""
    halves = [half for half, y in zip(("train", "test"), labels, strict=True) if len(y)]

    def row(name: str, order: tuple[int, ...]) -> dict[str, Any]:
        train, test = (float(right(in_order(x, order), y).mean()) if len(y) else 0.0 for x, y in zip(logits, labels, strict=True))
        return {"name": name, "order": list(order), "train": train, "test": test}

    rows = [row(name, order) for name, order in orders.items()]
    likely = rows[0]
    for other in rows[1:]:
        least = RIGHT if other["name"] == "matched" else 0.0  # also chance can be matched, a little
        if all(other[half] >= max(least, likely[half] + GAIN) for half in halves):
            likely = other
    correct = likely["train"] * len(labels[0]) + likely["test"] * len(labels[1])
    return Orders(rows, likely["name"], round(correct, 6))


def affordable(network: nn.Module, examples: Examples, times: int) -> int:
    """How many images of each of two sets are evaluated `times` times within WORK; the same on every machine."""
    each = multiplications(network, examples.first(1).pixels())
    return int(min(MOST_IMAGES, max(FEWEST_IMAGES, WORK // (2 * times * max(1, each)))))


def multiplications(network: nn.Module, x: Tensor) -> int:
    """Multiplications of convolutions and linear layers for x (1, C, H, W); the rest is negligible."""
    counts = []

    def count(layer: nn.Module, _: Any, out: Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, Tensor)  # both kinds have one; for the type checker
        counts.append(out.numel() * weight[0].numel())

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    try:
        with torch.no_grad():
            network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts)
