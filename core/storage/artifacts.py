"""Tensors and tables as files named by the SHA-256 of their content: written whole, checked when read."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
import hashlib
from io import BytesIO
import os
from pathlib import Path
import re
import time
from typing import TYPE_CHECKING

from filelock import BaseFileLock, FileLock, Timeout
import numpy as np
import safetensors
from safetensors.numpy import load, save

from core.domain.errors import WrongInput
from core.storage import atomic
from core.storage.disk_and_memory_errors import told

_NAME = re.compile(r"[0-9a-f]{64}\.(safetensors|parquet)")
_LOCK = ".making-"
BLOCK = 2**20  # bytes that are read at once of a large file
GRACE = 3600.0  # seconds in which a file that nothing names may still get its row

if TYPE_CHECKING:
    import pandas as pd


class Damaged(WrongInput):
    """A stored file is missing or is not what was written; what depends on it can be computed anew."""


class Artifacts:
    """The files of one home; `folder` is `Home.artifacts_folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_arrays(self, arrays: dict[str, np.ndarray]) -> str:
        """The name of the file that now holds `arrays`."""
        ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}  # safetensors wants dense ones
        return self._put(save(ordered), "safetensors")

    def get_arrays(self, file: str) -> dict[str, np.ndarray]:
        """Raises Damaged."""
        content = self.content(file)
        try:
            return load(content)
        except safetensors.SafetensorError as error:
            raise _damaged(self._folder / file) from error

    def put_table(self, table: "pd.DataFrame") -> str:
        """The name of the file that now holds `table`; its columns must be named by text."""
        buffer = BytesIO()
        table.to_parquet(buffer)
        return self._put(buffer.getvalue(), "parquet")

    def take(self, file: str, content: bytes) -> None:
        """Put in what came from another machine under its name. Raises Damaged where the content is not what the name says."""
        path = self._path(file)
        if hashlib.sha256(content).hexdigest() != path.stem:
            raise Damaged(f"The file {file} came damaged: its content is not what was sent.")
        with told(path):
            atomic.write(path, content)

    def get_table(self, file: str) -> "pd.DataFrame":
        """Raises Damaged."""
        import pandas as pd  # noqa: PLC0415  # half a second that removing a file or reading tensors need not pay

        return pd.read_parquet(BytesIO(self.content(file)))

    def content(self, file: str) -> bytes:
        """Its bytes, as they were written. Raises Damaged."""
        path = self._path(file)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise _missing(path) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        if hashlib.sha256(content).hexdigest() != path.stem:
            raise _damaged(path)
        return content

    def blocks(self, file: str) -> Iterator[bytes]:
        """Its bytes, a part at a time, however large it is. Raises Damaged, at the end where they are not those that were written."""
        path, hasher = self._path(file), hashlib.sha256()
        try:
            with open(path, "rb") as stream:
                while block := stream.read(BLOCK):
                    hasher.update(block)
                    yield block
        except FileNotFoundError as error:
            raise _missing(path) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        if hasher.hexdigest() != path.stem:
            raise _damaged(path)

    def size(self, file: str) -> int:
        """Its bytes. Raises Damaged where it is missing."""
        path = self._path(file)
        try:
            return path.stat().st_size
        except OSError as error:
            raise _missing(path) from error

    def has(self, file: str) -> bool:
        """Whether the file is there, whatever is in it."""
        return self._path(file).is_file()

    def files(self) -> set[str]:
        """The names of all that are there; one look at the folder, however many are asked about."""
        return {path.name for path in os.scandir(self._folder)} if self._folder.is_dir() else set()

    def sound(self, file: str) -> bool:
        """Whether the file is there and holds what was written; reads all of it. A name that a damaged row gives is no file's."""
        try:
            self.content(file)
        except WrongInput:
            return False
        return True

    def remove(self, file: str) -> None:
        """Nothing where it is gone already."""
        path = self._path(file)
        with told(path):
            path.unlink(missing_ok=True)

    @contextmanager
    def making(self, key: str) -> Iterator[None]:
        """Held while what is kept under a key is made: of two who need it, one waits for the other's. A killed holder's goes with it."""
        lock = self._folder / f"{_LOCK}{key}"
        with told(lock), FileLock(lock):
            yield

    def begin_making(self, key: str) -> BaseFileLock | None:
        """The lock of `making`, held, for whoever makes it elsewhere and releases it from any thread; None where another holds it."""
        lock = FileLock(self._folder / f"{_LOCK}{key}", thread_local=False)
        try:
            return lock.acquire(blocking=False).lock
        except Timeout:
            return None

    def being_made(self) -> set[str]:
        """The keys under which something is made at this moment."""
        found = set[str]()
        for lock in self._folder.glob(f"{_LOCK}*"):
            try:
                with FileLock(lock).acquire(blocking=False):
                    pass
            except Timeout:
                found.add(lock.name.removeprefix(_LOCK))
        return found

    def stats(self) -> dict[str, tuple[int, float]]:
        """Name -> bytes and when it was written, in seconds of the clock, of all files that are there."""
        found = dict[str, tuple[int, float]]()
        for path in os.scandir(self._folder):
            with suppress(FileNotFoundError):
                if _NAME.fullmatch(path.name):
                    found[path.name] = path.stat().st_size, path.stat().st_mtime
        return found

    def remove_older(self, file: str, before: float) -> int:
        """Remove it unless it was written since; the bytes that this freed. A file that is written over at this moment stays."""
        path = self._path(file)
        away = atomic.place_beside(self._folder)
        with told(path), suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.rename(away)
                about = away.stat()
                if about.st_mtime >= before:
                    with suppress(FileExistsError):  # and it was written once more
                        os.link(away, path)
                away.unlink()
                return about.st_size if about.st_mtime < before else 0
        return 0

    def sweep_unnamed(self, named: Collection[str]) -> None:
        """Remove files that no row names (their run was stopped) once they are older than an hour. Call while nothing is made."""
        for path in list(self._folder.iterdir()):
            if path.name.startswith(_LOCK):
                path.unlink(missing_ok=True)
            if not _NAME.fullmatch(path.name) or path.name in named:
                continue
            with suppress(FileNotFoundError):  # removed meanwhile by a page
                if time.time() - path.stat().st_mtime > GRACE:
                    path.unlink()

    def _put(self, content: bytes, kind: str) -> str:
        """Also over an equal file, which may be damaged."""
        file = f"{hashlib.sha256(content).hexdigest()}.{kind}"
        with told(self._folder / file):
            atomic.write(self._folder / file, content)
        return file

    def _path(self, file: str) -> Path:
        if not _NAME.fullmatch(file):
            raise WrongInput(f"A stored file's name is a SHA-256 and .safetensors or .parquet; got {file!r}.")
        return self._folder / file


def _missing(path: Path) -> Damaged:
    return Damaged(f"The stored file {path} is missing; run again what made it.")


def _unreadable(path: Path, error: OSError) -> Damaged:
    return Damaged(f"The stored file {path} cannot be read ({error.strerror}); run again what made it.")


def _damaged(path: Path) -> Damaged:
    return Damaged(f"The stored file {path} is damaged: its content is not what was written; run again what made it.")
