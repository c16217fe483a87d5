"""What the disk and SQLite complain of, said in one sentence; the only place where that is done."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import errno
from pathlib import Path
import sqlite3

from core.domain.errors import WrongInput


class DiskTrouble(WrongInput):
    """Nothing was asked for wrongly: the disk is full or read-only, say, or another process holds the database."""


_DISK = {
    errno.ENOSPC: "There is no space left to write {path}; free some and try again.",
    errno.EDQUOT: "The disk quota leaves no room to write {path}; free some and try again.",
    errno.EROFS: "Forgetscope must be able to write to {path}, but its disk is read-only.",
    errno.EACCES: "Forgetscope must be able to write to {path}, but has no permission to.",
    errno.EPERM: "Forgetscope must be able to write to {path}, but has no permission to.",
    errno.ENOTDIR: "A folder is wanted at {path}, but a file is in its way.",
    errno.EEXIST: "A folder is wanted at {path}, but a file is in its way.",
    errno.EISDIR: "A file is wanted at {path}, but a folder is in its way.",
    errno.ENAMETOOLONG: "A shorter path is wanted than {path}: the system allows no name that long.",
    errno.ELOOP: "A folder is wanted at {path}, but its links lead in a circle.",
}
LONGEST = 300  # letters of a path in a sentence
_DAMAGED = (
    "{path} should be Forgetscope's database, but is damaged or of another kind; "
    "move it away or choose another home (FORGETSCOPE_HOME)."
)
_SQLITE = {
    sqlite3.SQLITE_FULL: _DISK[errno.ENOSPC],
    sqlite3.SQLITE_READONLY: "Forgetscope must be able to write to {path}, but it is read-only.",
    sqlite3.SQLITE_PERM: _DISK[errno.EACCES],
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: "{path} must be a file that Forgetscope may read and write, but it cannot be opened.",
    sqlite3.SQLITE_IOERR: "The disk failed while Forgetscope's database {path} was read or written.",
    sqlite3.SQLITE_BUSY: "Another process has kept Forgetscope's database {path} locked for too long; try again.",
}
_NOBODYS_FAULT = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
_FILES_FAULT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN}


def read_only(path: Path) -> str:
    """The sentence for a file that may be read alone."""
    return f"Forgetscope must be able to write to {path}, but it is read-only."


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns what the disk or SQLite says about `path` into DiskTrouble, or into WrongInput where the path itself is wrong; lets
    every other error through."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        sentence = sentence_of(error, path)
        if sentence is None:
            raise
        raise (DiskTrouble if _is_trouble(error) else WrongInput)(sentence) from error


def _is_trouble(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NOBODYS_FAULT
    return getattr(error, "sqlite_errorcode", -1) & 0xFF not in _FILES_FAULT


def sentence_of(error: Exception, path: Path) -> str | None:
    """None where the trouble is not the disk's or the file's."""
    sentence = None
    if isinstance(error, OSError):
        sentence = _DISK.get(error.errno or 0)
    elif isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", -1)  # absent where Python's module complains, not the library
        sentence = _SQLITE.get(code & 0xFF)  # the low byte is the kind
    shown = str(path) if len(str(path)) < LONGEST else str(path)[:LONGEST] + "…"
    return sentence and sentence.format(path=shown)


VMSTAT = Path("/proc/vmstat")


def out_of_memory(error: BaseException) -> bool:
    """Also torch's own: `OutOfMemoryError` on a GPU, a RuntimeError with these words on a CPU."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    words = ("can't allocate memory", "not enough memory", "CUDA out of memory")
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and any(word in str(error) for word in words))


def oom_kills() -> int | None:
    """How often this machine has ended a process because memory ran out, containers' own limits included; None where it does not say."""
    with suppress(OSError, ValueError):
        for line in VMSTAT.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return None
