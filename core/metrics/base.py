"""The data that metrics are computed from, and what a metric is."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from time import perf_counter
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import is_multi, right
from core.data.splits import Splits
from core.domain.evaluation import COSTLY
from core.domain.info import MetricInfo
from core.domain.run import MODELS

T = TypeVar("T")
COSTLY_RESULTS = {result for results in COSTLY.values() for result in results}
SAMPLE_SEED = 0  # of the draw of evaluated examples: the same in runs of every seed, so that they can be paired


def drawn(rows: Tensor, count: int) -> Tensor:
    """At most `count` of the rows, int64 (n,), rising: the same draw every time."""
    if len(rows) <= count:
        return rows
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(SAMPLE_SEED))[:count].sort().values]


class NotApplicable(ValueError):
    """The metric has no value for this run; the message is the reason, one sentence."""


@dataclass(frozen=True)
class Logits:
    """One model's logits, float32 on the CPU: (N, C) of training images, (M, C) of the test set, in the data's order.

    rows: int64 (N,), rising, which images of the training set were evaluated; None where all were.
    """

    train: Tensor
    test: Tensor
    rows: Tensor | None = None

    def of(self, name: str, splits: Splits) -> tuple[Tensor, Tensor]:
        """Logits (n, C) and labels int64 (n,), or uint8 (n, A), of the evaluated examples of the named split.

        Raises NotApplicable where it has none.
        """
        test = name.startswith("test")
        rows = rows_of(name, splits, self.rows)
        return self.at(rows, test=test), (splits.test if test else splits.train).labels.cpu()[rows]

    def at(self, rows: Tensor, *, test: bool) -> Tensor:
        """Logits (n, C) of rows of the test or the training set, int64 (n,), which must be among the evaluated ones."""
        if test or self.rows is None:
            return (self.test if test else self.train)[rows]
        return self.train[torch.searchsorted(self.rows, rows)]

    @property
    def train_rows(self) -> Tensor:
        """The evaluated rows of the training set, int64 (N,)."""
        return torch.arange(len(self.train)) if self.rows is None else self.rows


def rows_of(name: str, splits: Splits, evaluated: Tensor | None = None) -> Tensor:
    """Rows int64 (n,), rising, of a named split in its data: of the training set those that are among `evaluated`; None for all that a
    network is trained on.

    Raises NotApplicable where there are none.
    """
    test = name.startswith("test")
    forgotten = (splits.test_forgotten if test else splits.forgotten).cpu()
    rows = torch.arange(len(forgotten)) if test or evaluated is None else evaluated
    if not test and splits.held is not None:
        rows = rows[~splits.held.rows[rows]]
    here = forgotten[rows]
    rows = rows[{"forget": here, "retain": ~here}.get(name.rpartition("_")[2], torch.ones_like(here))]
    if not len(rows):
        raise NotApplicable(f"There are no {name.replace('_', '-')} examples for this request.")
    return rows


@dataclass
class Costs:
    """Seconds that each part of an evaluation took on each model, without those of parts within it."""

    seconds: dict[tuple[str, str], float] = field(default_factory=dict)  # (part, model), the model '' where it is of all
    _inner: list[float] = field(default_factory=lambda: [0.0])  # of the parts within each part that is being measured

    @contextmanager
    def of(self, part: str, model: str = "") -> Iterator[None]:
        """Measures what is computed within."""
        began = perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            took, inner = perf_counter() - began, self._inner.pop()
            self._inner[-1] += took
            self.seconds[part, model] = self.seconds.get((part, model), 0.0) + took - inner


class Stored(Protocol):
    """Results of the original and the reference that earlier runs stored, by the names of `Evidence.cached`."""

    def get(self, name: str) -> Any:
        """The stored value, an instance of NotApplicable among them; None where there is none."""

    def put(self, name: str, value: Any) -> None:
        """Store it for later runs, if its name is one of those that are shared."""


@dataclass(frozen=True)
class Limits:
    """What an evaluation leaves out: first word of `Evidence.cached`'s names -> why; and when no costly part begins any more."""

    without: Mapping[str, str] = field(default_factory=dict)
    until: float = inf  # by `perf_counter`
    too_late: str = ""  # why, then

    def reason(self, part: str) -> str:
        """Why a part is left out; '' where it is not."""
        late = perf_counter() >= self.until and part in COSTLY_RESULTS
        return self.without.get(part) or (self.too_late if late else "")


class NothingStored:
    """Of an evaluation by itself."""

    def get(self, name: str) -> Any:
        """Nothing."""

    def put(self, name: str, value: Any) -> None:
        """Nowhere."""


@dataclass(frozen=True)
class Evidence:
    """All that metrics may read: computed once per model by the pipeline. `reference` may be missing.

    `networks` are the models themselves in eval mode, for metrics of their features, and an `untrained` one; a metric that
    changes a network must change a copy.
    """

    splits: Splits
    logits: Mapping[str, Logits]  # by model
    weights: Mapping[str, Mapping[str, Tensor]]  # by model: parameter name -> tensor, without buffers
    seed: int = 0
    networks: Mapping[str, nn.Module] = field(default_factory=dict)  # by model, and `untrained`
    device: str = "cpu"  # of the networks
    rows: Tensor | None = None  # of the training set, int64 (n,), rising: those that were evaluated; None where all were
    operations: int | None = None  # of predicting one image, by which costly parts are shortened; None where none is to be
    cache: dict[str, Any] = field(default_factory=dict, compare=False)  # intermediate results that several metrics share
    stored: Stored = field(default_factory=NothingStored, compare=False)
    costs: Costs = field(default_factory=Costs, compare=False)
    limits: Limits = field(default_factory=Limits, compare=False)

    @property
    def drawn(self) -> bool:
        """Whether not all examples that networks are trained on are evaluated, as one of these is costly."""
        return self.rows is not None and len(self.rows) < len(self.splits.trained)

    @property
    def multi(self) -> bool:
        """Whether examples have several attributes instead of one class: see `core.data.label_kinds`."""
        return is_multi(self.splits.train.labels)

    def cached(self, name: str, compute: Callable[[], T]) -> T:
        """The result of `compute()`, which is called once for each name; if it raised NotApplicable, that is raised again.

        Raises NotApplicable too where this evaluation leaves it out and no earlier run stored it.
        name: `part/model`, or `part/.../model`, by which its seconds are counted.
        """
        if name not in self.cache:
            if (value := self.stored.get(name)) is None:
                if reason := self.limits.reason(name.partition("/")[0]):
                    raise NotApplicable(reason)
                with self.costs.of(name.partition("/")[0], name.rpartition("/")[2]):
                    try:
                        value = compute()
                    except NotApplicable as reason:
                        value = reason
                self.stored.put(name, value)
            self.cache[name] = value
        found: T = self.cache[name]
        if isinstance(found, NotApplicable):
            raise found
        return found

    def network(self, model: str) -> nn.Module:
        """The model, in eval mode. Raises NotApplicable where it is missing."""
        if model not in self.networks:
            raise NotApplicable(f"This run has no {model} model to analyse.")
        return self.networks[model]

    def sample_rows(self, name: str, count: int) -> Tensor:
        """Indices int64 (n,), n <= count, of a named split's evaluated rows in its data: the same draw in every call and every run.

        Of fewer the draw is a part of that of more. Raises NotApplicable where the split has no examples.
        """
        return drawn(rows_of(name, self.splits, self.rows), count)

    def examples(self, name: str, count: int) -> Examples:
        """The examples at `sample_rows`, on the networks' device."""
        examples = self.splits.test if name.startswith("test") else self.splits.train
        return examples.subset(self.sample_rows(name, count).to(examples.labels.device)).to(self.device)

    def accuracy(self, model: str, name: str, count: int) -> float:
        """On at most `count` evaluated examples of a named split, from the model's logits, in [0, 1]."""
        test = name.startswith("test")
        rows = self.sample_rows(name, count)
        labels = (self.splits.test if test else self.splits.train).labels.cpu()[rows]
        return float(right(self.logits_of(model).at(rows, test=test), labels).mean())

    def logits_of(self, model: str) -> Logits:
        """The model's logits. Raises NotApplicable where it is missing."""
        if model not in self.logits:
            raise NotApplicable(f"This run has no {model} model to compare with.")
        return self.logits[model]


@dataclass(frozen=True)
class Metric:
    """A named quantity. `compute(evidence, model)` returns its value for one model or raises NotApplicable."""

    info: MetricInfo
    compute: Callable[[Evidence, str], float]
    models: tuple[str, ...] = MODELS  # those it is measured on
    trains: bool = False  # measured after those that do not train
