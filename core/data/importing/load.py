"""A dataset that a user added, as tensors."""

from pathlib import Path
import warnings

import torch
from torch import Tensor

from core.data.dataset import Dataset, Examples
from core.data.importing import store as imported


def load_added(datasets: Path, key: str) -> Dataset:
    """The dataset, its tensors mapped from the files: what is not used is never read. Raises Damaged, or WrongInput where it is absent."""
    info = imported.info_of(datasets, key)
    with warnings.catch_warnings():  # torch warns that tensors over read-only files must not be written to; nobody writes
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        arrays = {name: torch.from_numpy(array) for name, array in imported.arrays_of(datasets, key, whole=True).items()}

    def columns(half: str) -> dict[str, Tensor]:
        return {column.name: arrays[f"{half}_column/{column.name}"] for column in info.columns}

    train, test = (Examples(arrays[f"{half}_images"], arrays[f"{half}_labels"]) for half in ("train", "test"))
    return Dataset(info, train, test, columns("train"), columns("test"))
