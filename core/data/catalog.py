"""The shelf of datasets. To add one: write its file, then its line here."""

from functools import cache

from core.data import digits
from core.data.dataset import Dataset

DATASETS = {module.INFO.key: module for module in (digits,)}


@cache
def load_dataset(key: str) -> Dataset:
    """Loaded once a process. Raises KeyError for an unknown key."""
    dataset: Dataset = DATASETS[key].load()
    return dataset
