"""Writes a stored dataset atomically: arrays grow by rows in a temporary folder, which is renamed when complete, else removed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
import json
import os
from pathlib import Path
from typing import Any, Self
import zlib

import numpy as np

from core.data.importing.store import FORMAT, INFO
from core.domain.info import DatasetInfo
from core.storage.atomic import folder_beside


class Growing:
    """A .npy file to which rows are appended; their number is given beforehand.

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
        """Flush it to the disk; returns its entry for the manifest. Raises ValueError where rows are missing."""
        if self._rows != self.shape[0]:
            raise ValueError(f"{self.path.name} has {self._rows} of {self.shape[0]} rows")
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        return {"file": self.path.name, "bytes": size, "crc32": self._crc, "shape": list(self.shape), "dtype": self.dtype.str}

    def close(self) -> None:
        """Close the file; a second error of a full disk is ignored."""
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
    """A draft that is stored under `key` when the block ends without an error, and removed when it does not.

    Lets OSError through (a full disk), which the caller explains to the user.
    """
    with folder_beside(datasets) as folder, Draft(folder) as draft:
        yield draft
        draft.finish()
        try:
            folder.rename(datasets / key)
        except OSError:
            if not (datasets / key / INFO).is_file():  # else another process was quicker, with the same content
                raise
        _sync(datasets)


def _sync(folder: Path) -> None:
    """Flush the rename to the disk, where the system can do that for a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
