"""A dataset decoded once: a folder of arrays that are mapped into memory, whole or not there; needs no torch."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
import json
import os
from pathlib import Path
import re
import shutil
from typing import Any, Self
import zlib

import numpy as np

from core.data.beside import folder_beside, place_beside
from core.descriptions import DatasetInfo, dataset_from
from core.domain import WrongInput

FORMAT = 1
INFO = "info.json"
KEY = re.compile(r"[a-z0-9][a-z0-9-]*@[0-9a-f]{8}")  # of every cached set, and of no other
BLOCK = 1 << 24  # bytes read at once while a file is checked


class Damaged(WrongInput):
    """A cached set is not what was written."""


class Growing:
    """A .npy file to which rows are appended; how many, is said beforehand.

    Written, not mapped: on a full disk a write fails with a sentence, and a mapped page kills the process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.path, self.shape, self.dtype = path, shape, dtype
        self._rows, self._crc = 0, 0
        self._file = open(path, "wb")  # noqa: SIM115  # `Draft` closes it
        try:
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(self._file, header)
        except BaseException:
            self.close()
            raise

    def append(self, rows: np.ndarray) -> None:
        """rows: (B, ...) of the file's own kind. Raises OSError where they cannot be written."""
        if rows.shape[1:] != self.shape[1:] or rows.dtype != self.dtype:
            raise ValueError(f"{self.path.name} takes {self.dtype} {self.shape[1:]}, not {rows.dtype} {rows.shape[1:]}")
        raw = np.ascontiguousarray(rows).tobytes()
        self._file.write(raw)
        self._crc = zlib.crc32(raw, self._crc)
        self._rows += len(rows)

    def finish(self) -> dict[str, Any]:
        """What the manifest says of it, once it is on the disk."""
        if self._rows != self.shape[0]:
            raise ValueError(f"{self.path.name} has {self._rows} of {self.shape[0]} rows")
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        return {"file": self.path.name, "bytes": size, "crc32": self._crc, "shape": list(self.shape), "dtype": self.dtype.str}

    def close(self) -> None:
        """Whatever happened; a full disk complains a second time here."""
        with suppress(OSError):
            self._file.close()


@dataclass
class Draft:
    """A set that is being written; `info` must be set before it ends."""

    folder: Path
    info: DatasetInfo | None = None
    _growing: dict[str, Growing] = field(default_factory=dict)

    def array(self, name: str, shape: tuple[int, ...], dtype: type[np.generic] = np.uint8) -> Growing:
        """A new array of that name, `shape[0]` rows of which are to be appended."""
        file = self.folder / f"{len(self._growing)}.npy"
        self._growing[name] = Growing(file, shape, np.dtype(dtype))
        return self._growing[name]

    def finish(self) -> None:
        """All on the disk, the manifest last."""
        if self.info is None:
            raise ValueError("a cached set needs its description")
        manifest = {name: growing.finish() for name, growing in self._growing.items()}
        with open(self.folder / INFO, "w", encoding="utf-8") as file:
            json.dump({"format": FORMAT, "info": asdict(self.info), "arrays": manifest}, file)
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """All files, written or not."""
        for growing in self._growing.values():
            growing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def writing(datasets: Path, key: str) -> Iterator[Draft]:
    """A set that is there under `key` when the block has ended well, and of which nothing is left when it has not.

    Lets OSError through (a full disk); who calls says it in a sentence.
    """
    with folder_beside(datasets) as beside, Draft(beside) as draft:
        yield draft
        draft.finish()
        try:
            beside.rename(datasets / key)
        except OSError:
            if not (datasets / key / INFO).is_file():  # else another process was quicker, with the same content
                raise
        _sync(datasets)


def _sync(folder: Path) -> None:
    """The rename itself is on the disk, where the system can say so of a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(datasets: Path, key: str) -> None:
    """Forget a cached set. Raises WrongInput where there is none; lets OSError through."""
    if not KEY.fullmatch(key) or not (datasets / key).is_dir():
        raise absent(key)
    gone = place_beside(datasets)
    (datasets / key).rename(gone)  # at once: nobody sees half of it
    shutil.rmtree(gone)


def absent(key: str) -> WrongInput:
    """For a set that was removed, or never was."""
    return WrongInput(f"There is no added dataset {key!r}; `data list` names those that are, `data add` adds one.")


def keys(datasets: Path) -> list[str]:
    """Of all cached sets, whole or damaged, sorted."""
    try:
        return sorted(place.name for place in datasets.iterdir() if KEY.fullmatch(place.name) and place.is_dir())
    except OSError:  # nothing was ever added
        return []


def info_of(datasets: Path, key: str) -> DatasetInfo:
    """Raises Damaged, or WrongInput where there is no such set."""
    return _manifest(datasets, key)[0]


def _manifest(datasets: Path, key: str) -> tuple[DatasetInfo, dict[str, dict[str, Any]]]:
    if not KEY.fullmatch(key) or not (datasets / key).is_dir():
        raise absent(key)
    try:
        told = json.loads((datasets / key / INFO).read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise _damaged(datasets / key / INFO, f"is of format {told['format']}, not {FORMAT}")
        info = dataset_from(told["info"])
        if info.key != key:
            raise _damaged(datasets / key / INFO, f"describes {info.key}")
        return info, told["arrays"]
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

    whole: every byte is held against its checksum too, at 1 to 3 GB a second. Raises Damaged.
    """
    return {name: _mapped(datasets / key, said, whole) for name, said in _manifest(datasets, key)[1].items()}


def _mapped(folder: Path, said: dict[str, Any], whole: bool) -> np.ndarray:
    path = folder / Path(str(said["file"])).name
    try:
        size = path.stat().st_size
        if size != said["bytes"]:
            raise _damaged(path, f"has {size} bytes instead of {said['bytes']}")
        # Read-only: a mapping that could be written counts as memory, and one larger than memory is refused.
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise _damaged(path, "cannot be read") from error
    except (ValueError, KeyError, TypeError, EOFError) as error:
        if isinstance(error, WrongInput):
            raise
        raise _damaged(path, "is not what was written") from error
    if list(array.shape) != said["shape"] or array.dtype.str != said["dtype"]:
        raise _damaged(path, f"holds {array.dtype.str} {array.shape} instead of {said['dtype']} {tuple(said['shape'])}")
    if whole and _crc(path, size - array.nbytes) != said["crc32"]:
        raise _damaged(path, "has changed since it was written")
    return array


def _crc(path: Path, start: int) -> int:
    found = 0
    with open(path, "rb") as file:
        file.seek(start)
        while block := file.read(BLOCK):
            found = zlib.crc32(block, found)
    return found
