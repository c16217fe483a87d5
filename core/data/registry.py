"""The shelf of datasets, and those that the user added. To add one to the shelf: write its file, then its line here."""

from functools import cache
from pathlib import Path
from typing import Protocol

from core.data.dataset import Dataset
from core.data.datasets import cifar100, digits
from core.data.datasets.cartoon_faces import sets
from core.data.datasets.torchvision_sets import SETS
from core.data.importing import store as imported
from core.data.importing.load import load_added
from core.data.shelf_copies import fetched
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.shelf import Shelf


class Source(Protocol):
    """What a dataset's module, or an object like one, offers."""

    @property
    def INFO(self) -> DatasetInfo:  # noqa: N802  # a module's constant
        """The description, without reading a file."""

    def load(self) -> Dataset:
        """Raises WrongInput where it cannot be had."""


SOURCES: tuple[Source, ...] = (digits, *sets.SETS, *SETS, *cifar100.SETS)
DATASETS: Shelf[Source] = Shelf("dataset", {source.INFO.key: source for source in SOURCES})


def info_of(key: str, datasets: Path | None = None) -> DatasetInfo:
    """The description alone, of a set on the shelf or of one that the user added; datasets: where those lie.

    Raises WrongInput for a key that is not on the shelf, and where an added set is gone or damaged.
    """
    if datasets is not None and imported.KEY.fullmatch(key):
        return imported.info_of(datasets, key)
    return DATASETS[key].INFO


@cache
def load_dataset(key: str, datasets: Path | None = None) -> Dataset:
    """Loaded once a process. datasets: where those lie that the user added.

    Raises WrongInput for a key that is not on the shelf, and where an added set is gone or damaged.
    """
    if datasets is not None and imported.KEY.fullmatch(key):
        return load_added(datasets, key)
    try:
        return DATASETS[key].load()
    except WrongInput:
        if (copy := fetched(DATASETS[key].INFO)) is None:
            raise
        return copy
