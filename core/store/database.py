"""One SQLite file that many processes may open: checked, brought up to date, and never half-written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import re
import sqlite3
import time
from typing import Any

from core.domain import WrongInput
from core.store.migrations import APPLICATION_ID, MIGRATIONS
from core.store.trouble import told

PATIENCE = 15.0  # seconds that a call waits for another process's write

Values = tuple[Any, ...] | dict[str, Any]


class Database:
    """A connection whose troubles with the disk come out as WrongInput."""

    def __init__(self, path: Path) -> None:
        """Raises WrongInput where the file is not ours, damaged, or from a newer Forgetscope."""
        self.path = path
        with told(path):
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            try:
                self._db.row_factory = sqlite3.Row
                self._check_ours()
                self._migrate()
                _use_wal(self._db)
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """The file's last connection folds the write-ahead log in."""
        with told(self.path):
            self._db.close()

    def read(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """All rows of one question."""
        with told(self.path):
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block lands or, where it raises, nothing. Holds the file's one write lock from its start."""
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

    def _check_ours(self) -> None:
        """Only reads, so that a file of somebody else's is left as it is.

        The owner is asked last: who else makes the same new file may just now set all three, and then it is ours.
        """
        version = self._db.execute("pragma user_version").fetchone()[0]
        tables = self._db.execute("select count(*) from sqlite_master").fetchone()[0]
        owner = self._db.execute("pragma application_id").fetchone()[0]
        if owner != APPLICATION_ID and (owner or version or tables):
            raise WrongInput(
                f"{self.path} should be Forgetscope's database, but belongs to another program; "
                "move it away or choose another home (FORGETSCOPE_HOME)."
            )
        if version > len(MIGRATIONS):
            raise WrongInput(
                f"{self.path} was written by a newer Forgetscope (version {version} of its tables; this one knows "
                f"{len(MIGRATIONS)}); start the newer one or choose another home (FORGETSCOPE_HOME)."
            )

    def _migrate(self) -> None:
        """Every migration not yet done, all or none; two processes that come at once do it once."""
        if self._version() == len(MIGRATIONS):
            return
        self._db.execute("begin immediate")
        try:
            for sql in MIGRATIONS[self._version() :]:
                for statement in _statements(sql):
                    self._db.execute(statement)
            self._db.execute(f"pragma application_id = {APPLICATION_ID}")
            self._db.execute(f"pragma user_version = {len(MIGRATIONS)}")
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise

    def _version(self) -> int:
        return int(self._db.execute("pragma user_version").fetchone()[0])


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
