"""The content of a folder of images before any image is opened: each file's half, class and other columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import category

import numpy as np

from core.data.name_order import composed, natural
from core.domain.errors import WrongInput

CLASS = "class"  # the column of the class as the layout gives it
FINER = (CLASS, "subclass")  # columns that may be finer than the chosen class
NO_YES = ("no", "yes")


@dataclass(frozen=True)
class Listing:
    """A folder as a layout reads it. What is per image has one entry for each of `paths`, relative to `root`.

    train: bool (N,), the others are test images. columns: name -> each image's value. label: the column that is the class;
    '' where an example has any number of `attributes` instead, `marks` uint8 (N, A). order: the order of a column's values
    where it is not the natural one. size, channels: what the layout asks for where the user says nothing; None: as they are.
    """

    root: Path
    paths: Sequence[str]
    train: np.ndarray
    columns: Mapping[str, Sequence[str]]
    label: str = CLASS
    attributes: tuple[str, ...] = ()
    marks: np.ndarray | None = None
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    size: int | None = None
    channels: int | None = None
    notes: tuple[str, ...] = ()  # sentences on what was not read
    about: str = ""  # how the halves were drawn, for the dataset's description


@dataclass(frozen=True)
class Coded:
    """A column as numbers: codes int64 (N,), places in `values`."""

    name: str
    values: tuple[str, ...]
    codes: np.ndarray


@dataclass(frozen=True)
class Labelled:
    """A listing whose classes are chosen: labels int64 (N,), or uint8 (N, A) for several attributes."""

    classes: tuple[str, ...]
    labels: np.ndarray
    columns: tuple[Coded, ...]
    subclass: str

    @property
    def multi(self) -> bool:
        """Whether `classes` are attributes."""
        return self.labels.ndim == 2


def labelled(listing: Listing, label: str = "") -> Labelled:
    """The listing with `label` as its class, '' for the layout's own; names are in Unicode's composed form.

    Raises WrongInput where there is no such column, or a class that lacks training or test images.
    """
    columns = {composed(name): _coded(composed(name), values, listing.order.get(name)) for name, values in listing.columns.items()}
    attributes = tuple(map(composed, listing.attributes))
    if listing.marks is not None:
        columns |= {name: Coded(name, NO_YES, listing.marks[:, place].astype(np.int64)) for place, name in enumerate(attributes)}
    name = composed(label or listing.label)
    if not name:
        assert_some(listing)
        marks = np.zeros((0, 0), np.uint8) if listing.marks is None else listing.marks
        return Labelled(attributes, marks, _informative(columns.values(), listing, None), "")
    if name not in columns:
        raise WrongInput(f"There is no column {name!r:.80} to be the class; there are: {', '.join(columns) or 'none'}.")
    chosen = columns.pop(name)
    _check_classes(chosen, listing.train)
    informative = _informative(columns.values(), listing, chosen)
    finer = (c.name for c in informative if c.name in FINER and pairs(c, chosen) == _spread(c))
    return Labelled(chosen.values, chosen.codes, informative, next(finer, ""))


def assert_some(listing: Listing) -> None:
    """Raises WrongInput where a half is empty."""
    for half, count in (("train", int(listing.train.sum())), ("test", int((~listing.train).sum()))):
        if not count:
            raise WrongInput(f"{listing.root} has no image for the {half} half; both halves are wanted.")


def _coded(name: str, values: Sequence[str], order: tuple[str, ...] | None) -> Coded:
    values = list(map(composed, values))
    present = sorted(set(values), key=natural)
    for value in present:
        if any(category(letter) in ("Cc", "Cs") for letter in value):  # no page and no address could show it
            raise WrongInput(f"The {name} {ascii(value)[:200]} has letters that cannot be shown; name it otherwise.")
    ordered = [v for v in order if v in present] if order else present
    place = {value: index for index, value in enumerate(ordered)}
    return Coded(name, tuple(ordered), np.fromiter((place[v] for v in values), np.int64, len(values)))


def _check_classes(chosen: Coded, train: np.ndarray) -> None:
    if len(chosen.values) < 2:
        raise WrongInput(f"At least two classes are wanted; the column {chosen.name} has {', '.join(chosen.values) or 'none'}.")
    counts = [np.bincount(chosen.codes[half], minlength=len(chosen.values)) for half in (train, ~train)]
    for value, to_train, to_test in zip(chosen.values, *counts, strict=True):
        if not to_train or not to_test:
            raise WrongInput(
                f"The {chosen.name} {value!r} has {to_train} images to train on and {to_test} to test; each needs one of both at least."
            )


def pairs(one: Coded, other: Coded) -> int:
    """How many combinations of values there are."""
    return len(np.unique(one.codes * len(other.values) + other.codes))


def _informative(columns: Iterable[Coded], listing: Listing, chosen: Coded | None) -> tuple[Coded, ...]:
    """The informative columns: not one value for all, not another for each image, not equivalent to an earlier one.

    Of equivalent columns, one of words is preferred to one of numbers.
    """
    given, informative = list(columns), [chosen] if chosen else []
    for column in sorted(given, key=lambda c: all(v.isdigit() for v in c.values)):
        is_attribute = chosen is None and column.name in map(composed, listing.attributes)  # every attribute stays one where it is learnt
        if is_attribute or (1 < _spread(column) < len(listing.paths) and not any(_same(column, other) for other in informative)):
            informative.append(column)
    return tuple(c for c in given if any(c is other for other in informative))


def _spread(column: Coded) -> int:
    """How many different values occur."""
    return len(np.unique(column.codes))


def _same(one: Coded, other: Coded) -> bool:
    """Whether each column's value determines the other's."""
    return _spread(one) == _spread(other) == pairs(one, other)
