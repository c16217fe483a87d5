"""Stored datasets that users added: a folder of memory-mapped arrays each, written atomically; needs no torch."""

import json
from pathlib import Path
import re
import shutil
from typing import Any
import zlib

import numpy as np

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo, dataset_from
from core.storage.atomic import place_beside

FORMAT = 1
INFO = "info.json"
KEY = re.compile(r"[a-z0-9][a-z0-9-]*@[0-9a-f]{8}")  # of every cached set, and of no other
BLOCK = 1 << 24  # bytes read at once while a file is checked


class Damaged(WrongInput):
    """A stored dataset is not what was written."""


def remove(datasets: Path, key: str) -> None:
    """Remove a stored dataset. Raises WrongInput where there is none; lets OSError through."""
    if not KEY.fullmatch(key) or not (datasets / key).is_dir():
        raise absent(key)
    removed = place_beside(datasets)
    (datasets / key).rename(removed)  # atomic: no reader sees half of it
    shutil.rmtree(removed)


def absent(key: str) -> WrongInput:
    """The error for a dataset that does not exist."""
    return WrongInput(f"There is no added dataset {key!r:.80}; `data list` names those that are, `data add` adds one.")


def keys(datasets: Path) -> list[str]:
    """Of all stored datasets, damaged ones too, sorted."""
    try:
        return sorted(place.name for place in datasets.iterdir() if KEY.fullmatch(place.name) and place.is_dir())
    except OSError:  # nothing was ever added
        return []


def info_of(datasets: Path, key: str) -> DatasetInfo:
    """The description of a stored dataset. Raises Damaged, or WrongInput where there is none."""
    return _manifest(datasets, key)[0]


def _manifest(datasets: Path, key: str) -> tuple[DatasetInfo, dict[str, dict[str, Any]]]:
    if not KEY.fullmatch(key) or not (datasets / key).is_dir():
        raise absent(key)
    try:
        manifest = json.loads((datasets / key / INFO).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise _damaged(datasets / key / INFO, f"is of format {manifest['format']}, not {FORMAT}")
        info = dataset_from(manifest["info"])
        if info.key != key:
            raise _damaged(datasets / key / INFO, f"describes {info.key}")
        return info, manifest["arrays"]
    except OSError as error:
        raise _damaged(datasets / key / INFO, "cannot be read") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, WrongInput):
            raise
        raise _damaged(datasets / key / INFO, "is not what was written") from error


def _damaged(path: Path, what: str) -> Damaged:
    return Damaged(f"The added dataset {path.parent.name} is damaged: {path} {what}; remove it (`data remove`) and add it again.")


def arrays_of(datasets: Path, key: str, *, whole: bool = False) -> dict[str, np.ndarray]:
    """Name -> array mapped from its file, which is never written: train_images uint8 (N, C, H, W), train_labels int64 (N,) or
    uint8 (N, A), train_column/NAME int64 (N,) for every column, the same for test.

    whole: every byte is verified by its checksum too, at 1 to 3 GB a second. Raises Damaged.
    """
    return {name: _mapped(datasets / key, entry, whole) for name, entry in _manifest(datasets, key)[1].items()}


def _mapped(folder: Path, entry: dict[str, Any], whole: bool) -> np.ndarray:
    path = folder / Path(str(entry["file"])).name
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            raise _damaged(path, f"has {size} bytes instead of {entry['bytes']}")
        # Read-only: a mapping that could be written counts as memory, and one larger than memory is refused.
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise _damaged(path, "cannot be read") from error
    except (ValueError, KeyError, TypeError, EOFError) as error:
        if isinstance(error, WrongInput):
            raise
        raise _damaged(path, "is not what was written") from error
    if list(array.shape) != entry["shape"] or array.dtype.str != entry["dtype"]:
        raise _damaged(path, f"holds {array.dtype.str} {array.shape} instead of {entry['dtype']} {tuple(entry['shape'])}")
    if whole and _crc(path, size - array.nbytes) != entry["crc32"]:
        raise _damaged(path, "has changed since it was written")
    return array


def _crc(path: Path, start: int) -> int:
    checksum = 0
    with open(path, "rb") as file:
        file.seek(start)
        while block := file.read(BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum
