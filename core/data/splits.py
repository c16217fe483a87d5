"""From a ForgetRequest to the named sets of the field: retain, forget, and their test shadows."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.dataset import Dataset, Examples
from core.data.label_kinds import is_multi
from core.domain.errors import WrongInput
from core.domain.info import held_of
from core.domain.requests.base import ForgetRequest
from core.domain.requests.column_values import ValueRequest
from core.domain.requests.samples import SamplesRequest

HELD = 0  # seeds which examples a validation share is
FLIPS = 1  # added to a request's seed: which examples go, and what they are called, are two draws
NAMES = ("train", "retain", "forget", "test", "test_retain", "test_forget")


@dataclass(frozen=True)
class HeldOut:
    """The validation share. rows: bool (N,), which training examples are held out; named: bool (N,), those of them that the request's
    rule names, which the reference must not be chosen by.
    """

    rows: Tensor
    named: Tensor


@dataclass(frozen=True)
class Splits:
    """`forgotten`, `test_forgotten`: bool (N,), which training and test examples the request names; of training examples only such as
    a network is trained on. `train`: all of the training set, those that are `held` out among them.

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
    held: HeldOut | None = None

    @property
    def trained(self) -> Examples:
        """What the original is trained on: all training examples but those that are held out."""
        return self.train if self.held is None else self.train.subset(~self.held.rows)

    @property
    def kept(self) -> Tensor:
        """bool (N,): which training examples are retained."""
        return ~self.forgotten if self.held is None else ~(self.forgotten | self.held.rows)

    @property
    def retain(self) -> Examples:
        """Training examples that may be kept."""
        return self.train.subset(self.kept)

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

    def validation(self, *, reference: bool) -> Examples | None:
        """The held-out examples, of a reference only those that the request leaves alone; None where there are none."""
        if self.held is None:
            return None
        rows = self.held.rows & ~self.held.named if reference else self.held.rows
        return self.train.subset(rows) if rows.any() else None

    def only(self, names: frozenset[str]) -> "Splits":
        """A view in which a set that is not named raises PermissionError: a data claim becomes a fact. What is held out is not in it."""
        forgotten = self.forgotten if self.held is None else self.forgotten[~self.held.rows]
        return _Guarded(self.request, self.trained, self.test, forgotten, self.test_forgotten, self.forget_share, allowed=names)


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
        gone, allowed = (get(self, "forgotten"), get(self, "test_forgotten")), names & get(self, "allowed")
        return _Guarded(self.request, get(self, "train"), get(self, "test"), *gone, self.forget_share, allowed=allowed)

    def _derive(self, name: str) -> Examples:
        get = object.__getattribute__
        if name in ("train", "test"):
            whole: Examples = get(self, name)
            return whole
        test = name.startswith("test")
        whole, gone = get(self, "test" if test else "train"), get(self, "test_forgotten" if test else "forgotten")
        return whole.subset(gone if name.endswith("forget") else ~gone)


def split(dataset: Dataset, request: ForgetRequest, share: float = 0.0) -> Splits:
    """share: of training examples that are held out; see `held_out`.

    Raises WrongInput where nothing or everything would be forgotten, and where a request by index names what is held out.
    """
    train, truth = dataset.train, None
    if is_multi(train.labels) and request.needs_classes:
        raise WrongInput(f"The request {request.text} names classes, and an example of {dataset.info.key} has attributes.")
    held = held_out(train.labels, share)
    forgotten, shadow = _named(dataset, request, held)
    named, forgotten = forgotten & held, forgotten & ~held
    if not forgotten.any():
        besides = " that is not held out by the recipe's validation share" if share else ""
        raise WrongInput(f"The request {request.text} names no training example{besides}; name at least one.")
    if (forgotten | held).all():
        besides = " that the recipe's validation share leaves" if share else ""
        raise WrongInput(f"The request {request.text} names every training example{besides}; leave some to keep.")
    if request.flips_labels:
        train, truth = _mislabelled(train, forgotten, len(dataset.info.classes), request.seed), train.labels
    of_trained = float(forgotten[~held].double().mean())
    return Splits(request, train, dataset.test, forgotten, shadow, of_trained, truth, HeldOut(held, named) if share else None)


def held_out(labels: Tensor, share: float) -> Tensor:
    """bool (N,): a draw of that share of each class, of examples with several attributes of all; the same every time, so that runs of
    all seeds can be compared image by image. labels: int64 (N,) or uint8 (N, A).
    """
    held, generator = torch.zeros(len(labels), dtype=torch.bool), torch.Generator().manual_seed(HELD)
    groups = torch.zeros(len(labels), dtype=torch.int64) if is_multi(labels) else labels.cpu()
    for group in torch.unique(groups) if share else ():
        rows = (groups == group).nonzero()[:, 0]
        held[rows[torch.randperm(len(rows), generator=generator)[: held_of(len(rows), share)]]] = True
    return held


def _mislabelled(train: Examples, chosen: Tensor, classes: int, seed: int) -> Examples:
    """The chosen examples under other labels, each drawn evenly from the wrong ones."""
    generator = torch.Generator().manual_seed(seed + FLIPS)
    labels = train.labels.clone()
    shift = torch.randint(1, classes, (int(chosen.sum()),), generator=generator)
    labels[chosen] = (labels[chosen] + shift) % classes
    return train.relabelled(labels)


def _named(dataset: Dataset, request: ForgetRequest, held: Tensor) -> tuple[Tensor, Tensor]:
    """bool (N,), of the training and of the test set: which examples are named; draws are from those that are not held out.

    Raises WrongInput for a column that is not there, and for an index that is held out.
    """
    if isinstance(request, ValueRequest):
        name = request.column_of(dataset.info).name
        train = dataset.train_columns[name] if name else dataset.train.labels
        test = dataset.test_columns[name] if name else dataset.test.labels
        wanted = torch.tensor(request.picks, dtype=train.dtype)
        return torch.isin(train, wanted), torch.isin(test, wanted)
    total = len(dataset.train)
    if isinstance(request, SamplesRequest):
        rows = torch.tensor(request.indices, dtype=torch.int64)
        if len(gone := rows[held[rows]].tolist()):
            raise WrongInput(
                f"The recipe's validation share holds out {len(gone)} of the images that {request.text:.60} names (image {gone[0]} "
                "among them), and no network is trained on those; name others, or leave validation out of the recipe."
            )
    else:
        order = torch.randperm(total, generator=torch.Generator().manual_seed(request.seed))
        rows = order[~held[order]][: request.count(dataset.info)]
    named = torch.zeros(total, dtype=torch.bool)
    named[rows] = True
    return named, torch.zeros(len(dataset.test), dtype=torch.bool)
