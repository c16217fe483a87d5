"""A set of the shelf from arrays that another machine read, as `core.jobs.catalogue.dataset_images` gives them."""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from core.data.dataset import Dataset, Examples
from core.domain.info import DatasetInfo

Arrays = Mapping[str, np.ndarray]
# Of a process on a node of a cluster, at most one: key -> the arrays of a set that is not here; None where the head has it not either.
ELSEWHERE: list[Callable[[str], Arrays | None]] = []


def dataset_of(info: DatasetInfo, arrays: Arrays) -> Dataset:
    """The same images, labels and columns."""
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    peak = int(tensors["peak"])
    halves = [Examples(tensors[f"{half}_images"], tensors[f"{half}_labels"], peak) for half in ("train", "test")]
    columns = [{column.name: tensors[f"{half}_column/{column.name}"] for column in info.columns} for half in ("train", "test")]
    return Dataset(info, halves[0], halves[1], columns[0], columns[1])


def fetched(info: DatasetInfo) -> Dataset | None:
    """The set from elsewhere; None where it is nowhere."""
    arrays = ELSEWHERE[0](info.key) if ELSEWHERE else None
    return None if arrays is None else dataset_of(info, arrays)
