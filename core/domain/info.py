"""Plain descriptions of what is on the shelves, so that a page can offer it without importing torch."""

from dataclasses import dataclass, replace
from typing import Any

from core.domain.hyperparameters import Param


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
    extension: str = ""  # digest of the extension that brought it; '' for the house's own

    @property
    def train_count(self) -> int:
        """Training examples (n)."""
        return self.multi_count if self.multi else sum(self.train_counts)

    def trained_on(self, share: float) -> "DatasetInfo":
        """With the counts of what is left to train on where a share is held out: exact in all and by class; of other columns about."""
        if not share:
            return self

        def left(counts: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(count - held_of(count, share) for count in counts)

        columns = tuple(replace(column, counts=left(column.counts)) for column in self.columns)
        return replace(self, train_counts=left(self.train_counts), columns=columns, multi_count=left((self.multi_count,))[0])


def held_of(count: int, share: float) -> int:
    """Images that are held out of `count`; never all of them, for a share of at most a half."""
    return int(share * count)


def dataset_from(raw: dict[str, Any]) -> DatasetInfo:
    """From `asdict` by way of JSON."""
    return DatasetInfo(**tuples({**raw, "columns": [Column(**tuples(c)) for c in raw["columns"]]}))


def tuples(raw: dict[str, Any]) -> dict[str, Any]:
    """The same with tuples where JSON has lists."""
    return {k: tuple(v) if isinstance(v, list | map) else v for k, v in raw.items()}


@dataclass(frozen=True)
class ExtensionInfo:
    """Files of a user's own that join the shelves.

    keys: what it put there, as `method my_method`; error: why it put nothing there; notes: sentences on parts of it that were left out.
    """

    name: str
    origin: str
    file: str
    digest: str
    keys: tuple[str, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelInfo:
    """An architecture on the shelf. extension: as in `DatasetInfo`."""

    key: str
    title: str
    about: str
    extension: str = ""


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
    needs_shards: bool = False  # serves only networks that were trained by shards or slices
    not_ensemble: str = ""  # why it cannot serve an ensemble; '' where it can
    passes: float = 0.0  # over the training set of digits: what forgetting one class costs by the preset, without stored statistics
    extension: str = ""  # as in `DatasetInfo`
    steps: tuple["MethodInfo", ...] = ()  # of a chain, its methods; see core.domain.methods.chains

    @property
    def searches(self) -> bool:
        """Whether it can choose some of its settings itself, for which it evaluates forget and retain images."""
        return any(p.searched for p in self.params)

    def unfit(self, data: DatasetInfo, kind: str = "") -> str:
        """Why it cannot serve requests of a kind on this dataset, in one sentence; '' where it can, or where no kind is named."""
        if data.multi and not self.multi:
            return no_attributes(self.title, self.not_multi)
        if kind and kind not in self.kinds:
            return f"{self.title} serves requests of kind {', '.join(self.kinds)}, not {kind}."
        return ""


def unfit_recipe(title: str, shards: int, slices: int, needs_shards: bool, not_ensemble: str) -> str:
    """Why a method cannot serve networks trained by so many shards and slices, in one sentence; '' where it can."""
    if needs_shards and shards == slices == 1:
        return f"{title} needs an original that was trained by shards or slices; set the training recipe so: --recipe shards=5 slices=3."
    if not_ensemble and shards > 1:
        return f"{title} cannot serve an ensemble, which shards={shards} makes: {not_ensemble}."
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
    extension: str = ""  # as in `DatasetInfo`
