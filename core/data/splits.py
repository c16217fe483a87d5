"""From a ForgetRequest to the named sets of the field: retain, forget, and their test shadows."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.dataset import Dataset
from core.data.examples import Examples
from core.domain import ForgetRequest, WrongInput

NAMES = ("train", "retain", "forget", "test", "test_retain", "test_forget")


@dataclass(frozen=True)
class Splits:
    """`forgotten`, `test_forgotten`: bool (N,), which training and test examples the request names.

    Test data is split by the same rule for class requests; for others `test_forget` is empty and `test_retain` is all.
    """

    request: ForgetRequest
    train: Examples
    test: Examples
    forgotten: Tensor
    test_forgotten: Tensor
    forget_share: float  # k / n; a number, not data: every method may know it

    @property
    def retain(self) -> Examples:
        """Training examples that may be kept."""
        return self.train.subset(~self.forgotten)

    @property
    def forget(self) -> Examples:
        """Training examples that must go."""
        return self.train.subset(self.forgotten)

    @property
    def test_retain(self) -> Examples:
        """Unseen examples that the request leaves alone."""
        return self.test.subset(~self.test_forgotten)

    @property
    def test_forget(self) -> Examples:
        """Unseen examples of the forgotten classes."""
        return self.test.subset(self.test_forgotten)

    def only(self, names: frozenset[str]) -> "Splits":
        """A view in which a set that is not named raises PermissionError: a data claim becomes a fact."""
        return _Guarded(
            self.request, self.train, self.test, self.forgotten, self.test_forgotten, self.forget_share, names
        )


@dataclass(frozen=True)
class _Guarded(Splits):
    allowed: frozenset[str]

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
    forgotten = _named(dataset.train.labels, request)
    if not forgotten.any():
        raise WrongInput(f"The request {request.text} names no training example; name at least one.")
    if forgotten.all():
        raise WrongInput(f"The request {request.text} names every training example; leave some to keep.")
    unseen = dataset.test.labels
    shadow = _named(unseen, request) if request.by_class else torch.zeros_like(unseen, dtype=torch.bool)
    return Splits(request, dataset.train, dataset.test, forgotten, shadow, float(forgotten.double().mean()))


def _named(labels: Tensor, request: ForgetRequest) -> Tensor:
    """bool (N,): which examples the request names."""
    if request.by_class:
        return torch.isin(labels, torch.tensor(request.picks, dtype=labels.dtype))
    gone = torch.zeros(len(labels), dtype=torch.bool)
    if request.kind == "samples":
        gone[list(request.picks)] = True
    else:
        generator = torch.Generator().manual_seed(request.seed)
        gone[torch.randperm(len(labels), generator=generator)[: request.random_count(len(labels))]] = True
    return gone
