"""One SQLite file that many processes may open: checked, brought up to date, and never half-written."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
import os
from pathlib import Path
import re
import shutil
import sqlite3
from tempfile import TemporaryDirectory
import time
from typing import Any

from core.domain.errors import WrongInput
from core.storage import permissions
from core.storage.access import actors
from core.storage.access.guard import Guard, forbidden
from core.storage.disk_and_memory_errors import DiskTrouble, read_only, sentence_of, told
from core.storage.migrations import APPLICATION_ID, MIGRATIONS
from core.storage.rows import text_of

PATIENCE = 15.0  # seconds that a call waits for another process's write
# Where the database cannot be opened for one of these, it may still be looked at.
_NOT_TO_WRITE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM)

Values = tuple[Any, ...] | dict[str, Any]


class Database:
    """A connection whose troubles with the disk come out as DiskTrouble or WrongInput.

    read_only: why nothing can be written, in a sentence; '' where it can. What is stored is looked at all the same.
    """

    def __init__(self, path: Path) -> None:
        """Raises WrongInput where the file is not ours, damaged, or from a newer Forgetscope; Forbidden where nobody is logged in."""
        acts = actors.current()
        self.path = path
        self.read_only = ""
        with told(path):
            try:
                if not path.exists():
                    with suppress(FileNotFoundError):  # its folder is gone, which SQLite says better
                        permissions.make_file(path)
                self._db = _opened(path, sqlite3.connect(path, timeout=PATIENCE, isolation_level=None))
                self.read_only = "" if os.access(path, os.W_OK) else read_only(path)
            except (sqlite3.Error, OSError) as error:
                why = sentence_of(error, path)
                if not why or not _may_be_read(path, error):
                    raise
                self._db = to_look_at(path)
                self.read_only = why if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else read_only(path)
        self._guard = None if acts is None else Guard(self._db)

    def close(self) -> None:
        """The file's last connection folds the write-ahead log in."""
        with told(self.path):
            self._db.close()

    def read(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """All rows of one question."""
        with told(self.path):
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self, *, readers: bool = False) -> Iterator[sqlite3.Connection]:
        """All of the block lands or, where it raises, nothing. Holds the file's one write lock from its start.

        readers: whether it is one that readers may begin too. Raises Forbidden where a row is not of who acts.
        """
        if self.read_only:
            raise DiskTrouble(self.read_only)
        acts = actors.current()
        if acts is None and self._guard is None:  # as without a login
            with self._writing() as write:
                yield write
            return
        self._guard = self._guard or Guard(self._db)
        try:
            self._guard.admit(acts, readers=readers)
            with self._writing() as write:
                yield write
        except sqlite3.Error as error:
            if refused := forbidden(error):
                raise refused from None
            raise
        finally:
            self._guard.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with told(self.path):
            self._db.execute("begin immediate")
            try:
                before = self._db.total_changes
                yield self._db
                if self._db.total_changes > before:
                    self._db.execute("update revision set value = value + 1")
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:  # SQLite itself rolls back on some errors, a full disk among them
                    self._db.execute("rollback")
                raise

    def _version(self) -> int:
        return _version(self._db)


def to_look_at(path: Path) -> sqlite3.Connection:
    """The database as it is, for reading alone: where its disk is full or read-only, SQLite cannot make what lies beside it."""
    try:
        found = _connected(path, "mode=ro")
        if _version(found) == len(MIGRATIONS):
            return _for_reading(found)
        found.close()
    except sqlite3.OperationalError:  # no file for the shared index can be made
        pass
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        found = _connected(path, "immutable=1")
        if _version(found) == len(MIGRATIONS):
            return _for_reading(found)
        return _in_memory(found)
    with TemporaryDirectory() as folder:  # changes that are not folded in yet: only SQLite can, and only where it may write
        copy = Path(folder) / path.name
        for file in (path, log):
            shutil.copyfile(file, copy.with_name(file.name))
        return _in_memory(sqlite3.connect(copy, isolation_level=None))


def check_copy(db: sqlite3.Connection, version: int) -> str:
    """What is wrong with a database that came from elsewhere, after `its database`; '' where it is whole and has our tables and no others.

    Nothing of it is executed but what reads: a trigger or a view that is not ours is refused.
    """
    owner, found = (db.execute(f"pragma {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if owner != APPLICATION_ID or found != version or not 0 < version <= len(MIGRATIONS):
        return "is not Forgetscope's, or of another version than it says"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as ours:
        for sql in MIGRATIONS[:version]:
            for statement in _statements(sql):
                ours.execute(statement)
        if _schema(db) != _schema(ours):
            return "has other tables than Forgetscope's"
    said = db.execute("pragma quick_check(1)").fetchone()[0]
    return "" if said == "ok" else f"is damaged ({said:.120})"


def _schema(db: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Everything that is declared in it, whatever blanks and lines it was written with; not what SQLite's own `analyze` adds."""
    rows = db.execute("select type, name, tbl_name, coalesce(sql, '') from sqlite_master where name not like 'sqlite!_stat%' escape '!'")
    return {(row[0], row[1], row[2], " ".join(str(row[3]).split())) for row in rows}


def _connected(path: Path, how: str) -> sqlite3.Connection:
    found = sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, timeout=PATIENCE, isolation_level=None)
    try:
        _check_ours(path, found)
    except BaseException:
        found.close()
        raise
    return found


def _in_memory(found: sqlite3.Connection) -> sqlite3.Connection:
    """A copy, brought up to date; `found` is closed."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    with closing(found):
        found.backup(copy)
    _migrate(copy)
    return _for_reading(copy)


def _for_reading(db: sqlite3.Connection) -> sqlite3.Connection:
    db.row_factory, db.text_factory = sqlite3.Row, text_of
    db.execute("pragma query_only = on")
    return db


def _may_be_read(path: Path, error: Exception) -> bool:
    """Whether the database is there, and only writing it is the trouble."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", -1) & 0xFF not in _NOT_TO_WRITE:
        return False
    return path.is_file() and os.access(path, os.R_OK)


def _opened(path: Path, db: sqlite3.Connection) -> sqlite3.Connection:
    """Checked, brought up to date, and for its owner alone."""
    try:
        db.row_factory, db.text_factory = sqlite3.Row, text_of
        _check_ours(path, db)
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            permissions.tighten(path.with_name(name))
        _migrate(db)
        _use_wal(db)
    except BaseException:
        db.close()
        raise
    return db


def _check_ours(path: Path, db: sqlite3.Connection) -> None:
    """Only reads, so that a file of somebody else's is left as it is.

    The owner is asked last: who else makes the same new file may just now set all three, and then it is ours.
    """
    version = db.execute("pragma user_version").fetchone()[0]
    tables = db.execute("select count(*) from sqlite_master").fetchone()[0]
    owner = db.execute("pragma application_id").fetchone()[0]
    if owner != APPLICATION_ID and (owner or version or tables):
        raise WrongInput(
            f"{path} should be Forgetscope's database, but belongs to another program; "
            "move it away or choose another home (FORGETSCOPE_HOME)."
        )
    if version > len(MIGRATIONS):
        raise WrongInput(
            f"{path} was written by a newer Forgetscope (version {version} of its tables; this one knows "
            f"{len(MIGRATIONS)}); start the newer one or choose another home (FORGETSCOPE_HOME)."
        )


def _migrate(db: sqlite3.Connection) -> None:
    """Every migration not yet done, all or none; two processes that come at once do it once."""
    if _version(db) == len(MIGRATIONS):
        return
    db.execute("begin immediate")
    try:
        for sql in MIGRATIONS[_version(db) :]:
            for statement in _statements(sql):
                db.execute(statement)
        db.execute(f"pragma application_id = {APPLICATION_ID}")
        db.execute(f"pragma user_version = {len(MIGRATIONS)}")
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])


def _use_wal(db: sqlite3.Connection) -> None:
    """Readers never wait for the writer. The switch itself does not honour the busy timeout, hence the loop."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("pragma journal_mode = wal")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
    db.execute("pragma synchronous = normal")


def _statements(sql: str) -> Iterator[str]:
    """One at a time: executescript would commit before it starts."""
    statement = ""
    for piece in re.split("(?<=;)", sql):
        statement += piece
        if sqlite3.complete_statement(statement):  # a semicolon in a comment, a text or a trigger ends nothing
            yield statement
            statement = ""
    if statement.strip():
        yield statement
