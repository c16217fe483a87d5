"""From a ForgetRequest to the named sets of the field: retain, forget, and their test shadows."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.dataset import Dataset, Examples
from core.data.labels import is_multi
from core.domain.errors import WrongInput
from core.domain.forget_request import ForgetRequest

FLIPS = 1  # added to a request's seed: which examples go, and what they are called, are two draws
NAMES = ("train", "retain", "forget", "test", "test_retain", "test_forget")


@dataclass(frozen=True)
class Splits:
    """`forgotten`, `test_forgotten`: bool (N,), which training and test examples the request names.

    Test data is split by the same rule for classes, subclasses and attributes; for others `test_forget` is empty and
    `test_retain` is all. `truth`: the right labels of `train` where a request flipped some, else None.
    """

    request: ForgetRequest
    train: Examples
    test: Examples
    forgotten: Tensor
    test_forgotten: Tensor
    forget_share: float  # k / n; a number, not data: every method may know it
    truth: Tensor | None = None

    @property
    def retain(self) -> Examples:
        """Training examples that may be kept."""
        return self.train.subset(~self.forgotten)

    @property
    def forget(self) -> Examples:
        """The forget set: training examples."""
        return self.train.subset(self.forgotten)

    @property
    def test_retain(self) -> Examples:
        """Unseen examples that the request leaves alone."""
        return self.test.subset(~self.test_forgotten)

    @property
    def test_forget(self) -> Examples:
        """Unseen examples that the request's rule names."""
        return self.test.subset(self.test_forgotten)

    def only(self, names: frozenset[str]) -> "Splits":
        """A view in which a set that is not named raises PermissionError: a data claim becomes a fact."""
        return _Guarded(
            self.request, self.train, self.test, self.forgotten, self.test_forgotten, self.forget_share, None, names
        )


@dataclass(frozen=True)
class _Guarded(Splits):
    allowed: frozenset[str] = frozenset()

    def __getattribute__(self, name: str) -> object:
        if name in NAMES or name in ("forgotten", "test_forgotten"):
            allowed = object.__getattribute__(self, "allowed")
            if name in NAMES and name not in allowed:
                raise PermissionError(f"this method declared uses={sorted(allowed)}, but read {name!r}")
            if name in NAMES:
                return self._derive(name)
            raise PermissionError(f"a method may read sets, not {name!r}")
        return object.__getattribute__(self, name)

    def _derive(self, name: str) -> Examples:
        get = object.__getattribute__
        if name in ("train", "test"):
            whole: Examples = get(self, name)
            return whole
        test = name.startswith("test")
        whole, gone = get(self, "test" if test else "train"), get(self, "test_forgotten" if test else "forgotten")
        return whole.subset(gone if name.endswith("forget") else ~gone)


def split(dataset: Dataset, request: ForgetRequest) -> Splits:
    """Raises WrongInput where nothing or everything would be forgotten."""
    train, truth = dataset.train, None
    if is_multi(train.labels) and (request.by_class or request.kind == "mislabelled"):
        raise WrongInput(f"The request {request.text} names classes, and an example of {dataset.info.key} has attributes.")
    forgotten = _named(train.labels, dataset.train_columns, request, dataset.info.subclass)
    if not forgotten.any():
        raise WrongInput(f"The request {request.text} names no training example; name at least one.")
    if forgotten.all():
        raise WrongInput(f"The request {request.text} names every training example; leave some to keep.")
    shadow = torch.zeros(len(dataset.test), dtype=torch.bool)
    if request.by_rule:
        shadow = _named(dataset.test.labels, dataset.test_columns, request, dataset.info.subclass)
    if request.kind == "mislabelled":
        train, truth = _mislabelled(train, forgotten, len(dataset.info.classes), request.seed), train.labels
    return Splits(request, train, dataset.test, forgotten, shadow, float(forgotten.double().mean()), truth)


def _mislabelled(train: Examples, chosen: Tensor, classes: int, seed: int) -> Examples:
    """The chosen examples under other labels, each drawn evenly from the wrong ones."""
    generator = torch.Generator().manual_seed(seed + FLIPS)
    labels = train.labels.clone()
    shift = torch.randint(1, classes, (int(chosen.sum()),), generator=generator)
    labels[chosen] = (labels[chosen] + shift) % classes
    return train.relabelled(labels)


def _named(labels: Tensor, columns: Mapping[str, Tensor], request: ForgetRequest, subclass: str) -> Tensor:
    """bool (N,): which examples the request names. Raises WrongInput for a column that is not there."""
    if request.by_rule:
        name = subclass if request.kind == "subclass" else request.column
        if not request.by_class and name not in columns:
            known = ", ".join(columns) or "none"
            raise WrongInput(f"The request {request.text} names a column that this dataset has not; it has: {known}.")
        values = labels if request.by_class else columns[name]
        return torch.isin(values, torch.tensor(request.picks, dtype=values.dtype))
    gone = torch.zeros(len(labels), dtype=torch.bool)
    if request.kind == "samples":
        gone[list(request.picks)] = True
    else:
        generator = torch.Generator().manual_seed(request.seed)
        gone[torch.randperm(len(labels), generator=generator)[: request.random_count(len(labels))]] = True
    return gone
