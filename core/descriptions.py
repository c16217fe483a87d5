"""Plain descriptions of what is on the shelves, so that a page can offer it without importing torch."""

from dataclasses import dataclass, field

from core.domain import Recipe
from core.params import Param, Value


@dataclass(frozen=True)
class DatasetInfo:
    """mean, deviation: of the training pixels in [0, 1], per channel; the model's first layer normalises by them."""

    key: str
    title: str
    about: str
    channels: int
    height: int
    width: int
    classes: tuple[str, ...]
    train_count: int
    test_count: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


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


@dataclass(frozen=True)
class MetricInfo:
    """goal: `high`, `low`, or `match` (closeness to the reference's own value)."""

    key: str
    title: str
    unit: str
    goal: str
    definition: str


@dataclass(frozen=True)
class Preset:
    """Settings that work on one dataset with one model: the training recipe, and each method's parameters."""

    recipe: Recipe
    methods: dict[str, dict[str, Value]] = field(default_factory=dict)
