"""Plain descriptions of what is on the shelves, so that a page can offer it without importing torch."""

from dataclasses import dataclass, field
from typing import Any

from core.domain.forget_request import ForgetRequest
from core.domain.hyperparameters import Param, Value
from core.domain.run import Recipe


@dataclass(frozen=True)
class Column:
    """What is known of every example besides its class: one of `values`; `counts`: training examples by value."""

    name: str
    values: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class DatasetInfo:
    """mean, deviation: of the training pixels in [0, 1], per channel; the model's first layer normalises by them.

    multi: `classes` are attributes, of which an example has any number; else it has one class. subclass: the column that
    is finer than the classes, '' for none.
    """

    key: str
    title: str
    about: str
    channels: int
    height: int
    width: int
    classes: tuple[str, ...]
    train_counts: tuple[int, ...]  # training examples by class (those that have it)
    test_count: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    embedded: bool = False  # comes with the requirements, small enough to be written beside the catalogue
    multi: bool = False
    columns: tuple[Column, ...] = ()
    subclass: str = ""
    multi_count: int = 0  # training examples of a multi-label set

    @property
    def train_count(self) -> int:
        """Training examples (n)."""
        return self.multi_count if self.multi else sum(self.train_counts)

    def column(self, request: ForgetRequest) -> Column | None:
        """The column that a subclass or attribute request names; None where there is no such column."""
        name = self.subclass if request.kind == "subclass" else request.column
        return next((column for column in self.columns if column.name == name), None)

    def forget_count(self, request: ForgetRequest) -> int:
        """How many training examples a request that has been checked names (k)."""
        if request.drawn:
            return request.random_count(self.train_count)
        column = self.column(request)
        counts = column.counts if column else self.train_counts
        return sum(counts[pick] for pick in request.picks) if request.by_rule else len(request.picks)


def dataset_from(raw: dict[str, Any]) -> DatasetInfo:
    """From `asdict` by way of JSON."""
    return DatasetInfo(**tuples({**raw, "columns": [Column(**tuples(c)) for c in raw["columns"]]}))


def tuples(raw: dict[str, Any]) -> dict[str, Any]:
    """The same with tuples where JSON has lists."""
    return {k: tuple(v) if isinstance(v, list | map) else v for k, v in raw.items()}


@dataclass(frozen=True)
class ModelInfo:
    """An architecture on the shelf."""

    key: str
    title: str
    about: str


@dataclass(frozen=True)
class MethodInfo:
    """A method on the shelf: what a form, a badge or a table needs to know of it."""

    key: str
    title: str
    about: str
    paper: str
    kinds: tuple[str, ...]  # of forget request that it can serve
    uses: tuple[str, ...]  # splits that it reads
    keeps: tuple[str, ...]  # statistics of the training set that it reads besides
    params: tuple[Param, ...]
    reconstruction: bool = False  # not public: our reading of it, and labelled so wherever it is shown
    explorable: str = ""  # what the Parameters page can do with its finished runs: "dampening" or nothing
    multi: bool = False  # can serve multi-label sets
    not_multi: str = ""  # why it cannot; '' where it can

    def unfit(self, data: DatasetInfo, request: ForgetRequest | None = None) -> str:
        """Why it cannot serve a request on this dataset, in one sentence; '' where it can, or where no request is named."""
        if data.multi and not self.multi:
            return no_attributes(self.title, self.not_multi)
        if request is not None and request.kind not in self.kinds:
            return f"{self.title} serves requests of kind {', '.join(self.kinds)}, not {request.kind}."
        return ""


def no_attributes(title: str, reason: str) -> str:
    """The sentence that refuses a multi-label set to a method."""
    return f"{title} cannot serve images with several attributes: {reason}."


@dataclass(frozen=True)
class MetricInfo:
    """goal: `high`, `low`, or `match` (closeness to the reference's own value). family: the heading that pages list it under."""

    key: str
    title: str
    unit: str
    goal: str
    definition: str
    family: str = "Other"


@dataclass(frozen=True)
class OfCeiling:
    """For class requests: a threshold as a share of n/k, the highest ratio that any weight can have.

    Other requests take the method's own default: examples without a class in common leave most ratios near 1, whatever n/k.
    """

    share: float

    def at(self, train_count: int, forget_count: int) -> float:
        """The number for a request that names `forget_count` of `train_count` examples, to two decimals."""
        return round(self.share * train_count / forget_count, 2)


@dataclass(frozen=True)
class ForClasses:
    """For class requests: a value of its own. Other requests take the method's default."""

    value: Value

    def at(self, train_count: int, forget_count: int) -> Value:
        """The value, whatever the counts."""
        return self.value


@dataclass(frozen=True)
class Preset:
    """Settings that work on one dataset with one model: the training recipe, and each method's parameters."""

    recipe: Recipe
    methods: dict[str, dict[str, Value | OfCeiling | ForClasses]] = field(default_factory=dict)


@dataclass(frozen=True)
class PaperValues:
    """What a paper or its code used: where, the values by param name, and why they fail on a (dataset, model) of ours."""

    where: str
    values: dict[str, Value]
    failures: dict[tuple[str, str], str]
