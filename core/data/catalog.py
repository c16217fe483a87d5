"""The shelf of datasets. To add one: write its file, then its line here."""

from functools import cache
from typing import Protocol

from core.data import cifar100, digits, face_sets
from core.data.dataset import Dataset
from core.data.published_sets import SETS
from core.descriptions import DatasetInfo


class Source(Protocol):
    """What a dataset's module, or an object like one, offers."""

    @property
    def INFO(self) -> DatasetInfo:  # noqa: N802  # a module's constant
        """The description, without reading a file."""

    def load(self) -> Dataset:
        """Raises WrongInput where it cannot be had."""


SOURCES: tuple[Source, ...] = (digits, *face_sets.SETS, *SETS, *cifar100.SETS)
DATASETS: dict[str, Source] = {source.INFO.key: source for source in SOURCES}


@cache
def load_dataset(key: str) -> Dataset:
    """Loaded once a process. Raises KeyError for an unknown key."""
    return DATASETS[key].load()
