"""What a dataset is: its description, its training and its test examples."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from core.data.examples import Examples
from core.descriptions import DatasetInfo


@dataclass(frozen=True)
class Dataset:
    """A description with the examples that it describes.

    train_columns, test_columns: name of each of `info.columns` -> int64 (N,), every example's value, an index.
    """

    info: DatasetInfo
    train: Examples
    test: Examples
    train_columns: Mapping[str, Tensor] = field(default_factory=dict)
    test_columns: Mapping[str, Tensor] = field(default_factory=dict)
