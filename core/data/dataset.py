"""What a dataset is: its description, its training and its test examples."""

from dataclasses import dataclass

from core.data.examples import Examples
from core.descriptions import DatasetInfo


@dataclass(frozen=True)
class Dataset:
    """A description with the examples that it describes."""

    info: DatasetInfo
    train: Examples
    test: Examples
