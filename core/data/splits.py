"""From a ForgetRequest to the named sets of the field: retain, forget, and their test shadows."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.dataset import Dataset, Examples
from core.data.label_kinds import is_multi
from core.domain.errors import WrongInput
from core.domain.requests.base import ForgetRequest
from core.domain.requests.column_values import ValueRequest
from core.domain.requests.samples import SamplesRequest

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

    def only(self, names: frozenset[str]) -> Splits:
        """A narrower view: what this one may not read, that one may not either."""
        get = object.__getattribute__
        gone = get(self, "forgotten"), get(self, "test_forgotten")
        return _Guarded(self.request, get(self, "train"), get(self, "test"), *gone, self.forget_share, None, names & get(self, "allowed"))

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
    if is_multi(train.labels) and request.needs_classes:
        raise WrongInput(f"The request {request.text} names classes, and an example of {dataset.info.key} has attributes.")
    forgotten, shadow = _named(dataset, request)
    if not forgotten.any():
        raise WrongInput(f"The request {request.text} names no training example; name at least one.")
    if forgotten.all():
        raise WrongInput(f"The request {request.text} names every training example; leave some to keep.")
    if request.flips_labels:
        train, truth = _mislabelled(train, forgotten, len(dataset.info.classes), request.seed), train.labels
    return Splits(request, train, dataset.test, forgotten, shadow, float(forgotten.double().mean()), truth)


def _mislabelled(train: Examples, chosen: Tensor, classes: int, seed: int) -> Examples:
    """The chosen examples under other labels, each drawn evenly from the wrong ones."""
    generator = torch.Generator().manual_seed(seed + FLIPS)
    labels = train.labels.clone()
    shift = torch.randint(1, classes, (int(chosen.sum()),), generator=generator)
    labels[chosen] = (labels[chosen] + shift) % classes
    return train.relabelled(labels)


def _named(dataset: Dataset, request: ForgetRequest) -> tuple[Tensor, Tensor]:
    """bool (N,), of the training and of the test set: which examples are named. Raises WrongInput for a column that is not there."""
    if isinstance(request, ValueRequest):
        name = request.column_of(dataset.info).name
        train = dataset.train_columns[name] if name else dataset.train.labels
        test = dataset.test_columns[name] if name else dataset.test.labels
        wanted = torch.tensor(request.picks, dtype=train.dtype)
        return torch.isin(train, wanted), torch.isin(test, wanted)
    total = len(dataset.train)
    if isinstance(request, SamplesRequest):
        rows = torch.tensor(request.indices, dtype=torch.int64)
    else:
        rows = torch.randperm(total, generator=torch.Generator().manual_seed(request.seed))[: request.count(dataset.info)]
    named = torch.zeros(total, dtype=torch.bool)
    named[rows] = True
    return named, torch.zeros(len(dataset.test), dtype=torch.bool)
