"""The way from queued to an end that runs and jobs share: one set of statements for both tables, each for the rightful process alone.

A row belongs to one attempt: a process that computes for an earlier one changes nothing any more.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from functools import cache
import sqlite3
from typing import Any

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.storage.database import Database
from core.storage.disk_and_memory_errors import oom_kills
from core.storage.processes import ProcessId

RUNS, JOBS = "runs", "jobs"  # the tables
RUN, ANALYSIS, IMPORT, SEARCH, SEQUENCE = "run", "analysis", "import", "search", "sequence"  # what is computed, one of each at a time
TRIALS = "trials"  # of a search, on a node of a cluster: in no table, since its search is
TABLES = {RUN: RUNS, ANALYSIS: JOBS, IMPORT: JOBS, SEARCH: JOBS, SEQUENCE: JOBS}
# A row that says so little of itself can neither begin nor end; it holds nobody up.
MOVABLE = "typeof(id) = 'text' and typeof(attempt) = 'integer'"
QUEUED_ANEW = """
    status = 'queued', attempt = attempt + 1, share = 0, stage = '', note = '', seconds_left = null, cancel_requested = 0,
    started_at = null, finished_at = null, error = '', oom_kills = null,
    supervisor_pid = null, supervisor_started = null, worker_pid = null, worker_started = null
"""


def now() -> str:
    """UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def has(db: Database, kind: str, status: RunStatus) -> bool:
    """Whether any of a kind is in that status; damaged rows that can neither begin nor end are not counted."""
    table, only = TABLES[kind], "" if kind == RUN else f"and kind = '{kind}'"
    return bool(db.read(f"select 1 from {table} where status = ? and {MOVABLE} {only} limit 1", (str(status),)))


def claim(write: sqlite3.Connection, table: str, row_id: str, supervisor: ProcessId) -> sqlite3.Row:
    """The row, now running."""
    values = (now(), supervisor.pid, supervisor.started, oom_kills(), row_id)
    taken = "status = 'running', started_at = ?, supervisor_pid = ?, supervisor_started = ?, oom_kills = ?"
    row: sqlite3.Row = write.execute(f"update {table} set {taken} where id = ? returning *", values).fetchone()
    return row


def change(write: sqlite3.Connection, table: str, row_id: str, attempt: int, **values: Any) -> bool:
    """Set columns of a running row, where a share never goes down; False where the row is another attempt's now. Raises WrongInput."""
    names = ", ".join(f"{name} = max(share, :share)" if name == "share" else f"{name} = :{name}" for name in values)
    mine = "id = :row_id and attempt = :of_attempt and status = 'running'"
    if write.execute(f"update {table} set {names} where {mine}", values | {"row_id": row_id, "of_attempt": attempt}).rowcount:
        return True
    is_flagged(write, table, row_id)  # raises where there is no such row
    return False


def change_one(db: Database, table: str, row_id: str, attempt: int, **values: Any) -> bool:
    """`change`, by itself."""
    with db.transaction() as write:
        return change(write, table, row_id, attempt, **values)


def started(db: Database, table: str, row_id: str, attempt: int, worker: ProcessId, device: str = "") -> bool:
    """`change` to the process that computes it."""
    about = {"device": device} if table == RUNS else {}
    return change_one(db, table, row_id, attempt, worker_pid=worker.pid, worker_started=worker.started, **about)


def progress(db: Database, table: str, row_id: str, attempt: int, at: tuple[float, str, str, float | None]) -> bool:
    """`change` of share, stage, note, seconds left."""
    return change_one(db, table, row_id, attempt, **dict(zip(("share", "stage", "note", "seconds_left"), at, strict=True)))


def end(
    write: sqlite3.Connection, table: str, row_id: str, attempt: int, status: RunStatus, error: str, **more: Any
) -> bool:  # fmt: skip
    """`change` to the status in which it ends."""
    whole = {"share": 1} if status == RunStatus.DONE else {}
    ended = {"status": str(status), "finished_at": now(), "error": error, "seconds_left": None}
    return change(write, table, row_id, attempt, **ended, **whole, **more)


def is_flagged(write: sqlite3.Connection, table: str, row_id: str) -> bool:
    """Whether a cancel was asked for. Raises WrongInput for a row that is not there."""
    row = write.execute(f"select cancel_requested from {table} where id = ?", (row_id,)).fetchone()
    if row is None:
        raise no_such_run(row_id) if table == RUNS else WrongInput(f"There is no job {row_id!r}.")
    return bool(row["cancel_requested"])


def no_such_run(run_id: str) -> WrongInput:
    """The one sentence for a run that is not there."""
    return WrongInput(f"There is no run {run_id!r}; the Runs page and `python -m core runs` list those that there are.")


def cancel(write: sqlite3.Connection, table: str, row_id: str) -> RunStatus | None:
    """Queued: cancelled at once. Running: flagged for its supervisor. Returns which of both it was, None for neither."""
    ended = f"update {table} set status = 'cancelled', finished_at = ? where id = ? and status = 'queued'"
    if write.execute(ended, (now(), row_id)).rowcount:
        return RunStatus.QUEUED
    flagged = f"update {table} set cancel_requested = 1 where id = ? and status = 'running'"
    return RunStatus.RUNNING if write.execute(flagged, (row_id,)).rowcount else None


def is_unwanted(db: Database, table: str, row_id: str, attempt: int) -> bool:
    """Whether the process that computes this attempt must be ended: it was cancelled, and perhaps asked for again since."""
    return bool(db.read(f"select 1 from {table} where id = ? and (cancel_requested or attempt != ?)", (row_id, attempt)))


def dead(db: Database, table: str, alive: Collection[str] | None) -> list[tuple[sqlite3.Row, bool]]:
    """Running rows whose supervisor or worker is gone, each with whether memory ran out meanwhile; a worker without supervisor is ended.

    alive: the rows that run for certain, where the caller is the supervisor; None where it must ask the system about each process.
    """
    found, lives = [], cache(ProcessId.alive)  # many rows have one supervisor
    for row in db.read(f"select * from {table} where status = 'running' and {MOVABLE}"):
        supervisor = ProcessId.stored(row["supervisor_pid"], row["supervisor_started"])
        worker = ProcessId.stored(row["worker_pid"], row["worker_started"])
        watched = row["id"] in alive if alive is not None else supervisor is not None and lives(supervisor)
        if type(row["id"]) is not str or (watched and (alive is not None or worker is None or lives(worker))):
            continue  # text that cannot be decoded names no row
        if worker and not watched:
            worker.kill()  # it leaves by itself unless it hangs; nobody else would end it
        kills, before = oom_kills(), row["oom_kills"]
        found.append((row, kills is not None and type(before) is int and kills > before))
    return found
