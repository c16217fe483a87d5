"""Analyses and imports of images on their way from queued to an end: in the order of asking, each kind one at a time.

One whose process ended without a word is computed once more; the second time it is `interrupted`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import json
import sqlite3
from typing import Any

from core.domain.run import ACTIVE, RunStatus
from core.storage.access import actors
from core.storage.database import Database
from core.storage.processes import ProcessId
from core.storage.queues import lifecycle
from core.storage.queues.lifecycle import JOBS, MOVABLE, QUEUED_ANEW

STORED = timedelta(days=1)  # for which a job that is over can be looked at
SILENT_END = "The process that computed it ended without a word, twice."
MEMORY_END = "The system ended its process because memory ran out; close other programs and try again."

_ADD = f"""
    insert into jobs (id, kind, payload, status, turn, created_at, owner)
    values (:id, :kind, :payload, 'queued', (select coalesce(max(turn), 0) + 1 from jobs where typeof(turn) = 'integer'), :now, :owner)
    on conflict (id) do update set
        {QUEUED_ANEW}, turn = excluded.turn, owner = excluded.owner, crashes = 0, outcome = 'null',
        kind = excluded.kind, payload = excluded.payload
    where status not in ('queued', 'running') or cancel_requested
        or kind != excluded.kind or not json_valid(payload) or not ({MOVABLE})  -- damaged: nobody would compute it
"""
_NEXT = f"""
    select id from jobs where kind = :kind and status = 'queued' and {MOVABLE}
        and not exists (select 1 from jobs where kind = :kind and status = 'running' and {MOVABLE})
    order by turn
"""


@dataclass(frozen=True)
class Job:
    """payload, outcome: plain data. note: what is being done."""

    id: str
    kind: str
    payload: Any
    status: RunStatus
    share: float
    note: str
    error: str
    outcome: Any
    cancel_requested: bool
    owner: str = ""

    @property
    def error_line(self) -> str:
        """The last line of the error: the one that says what went wrong."""
        return self.error.strip().rpartition("\n")[2]

    @property
    def active(self) -> bool:
        """Whether it waits or is being computed; one that was cancelled only has still to end."""
        return self.status in ACTIVE and not self.cancel_requested


def add(db: Database, job_id: str, kind: str, payload: Any) -> None:
    """Queue a job unless it is queued or running; what came of it before is forgotten. It is of who asked for it last."""
    me = actors.owner()
    with db.transaction() as write, actors.as_system():  # no reader comes so far, and what is over anybody may ask for again
        write.execute(_ADD, {"id": job_id, "kind": kind, "payload": json.dumps(payload), "now": lifecycle.now(), "owner": me})


def claim(db: Database, kind: str, supervisor: ProcessId) -> tuple[str, int] | None:
    """The job of a kind whose turn it is and its attempt, now running; None where there is none, or another one of the kind runs."""
    if not lifecycle.has(db, kind, RunStatus.QUEUED):
        return None
    with db.transaction() as write:
        waiting = [row["id"] for row in write.execute(_NEXT, {"kind": kind}) if type(row["id"]) is str]  # else it cannot be decoded
        return (waiting[0], lifecycle.claim(write, JOBS, waiting[0], supervisor)["attempt"]) if waiting else None


def finish(
    db: Database, job_id: str, attempt: int, status: RunStatus, *, outcome: Any = None, error: str = ""
) -> bool:  # fmt: skip
    """How it ended, with its outcome as plain data; False where the job is not that attempt's any more.

    One whose cancel was asked for ends `cancelled`, whatever came of it.
    """
    with db.transaction() as write:
        if lifecycle.is_flagged(write, JOBS, job_id):
            status, outcome, error = RunStatus.CANCELLED, None, ""
        return lifecycle.end(write, JOBS, job_id, attempt, status, error, outcome=json.dumps(outcome))


def cancel(db: Database, job_id: str) -> None:
    """Queued: cancelled at once. Running: flagged for its supervisor. Else nothing."""
    with db.transaction() as write:
        lifecycle.cancel(write, JOBS, job_id)


def reconcile(db: Database, alive: Collection[str] | None = None) -> None:
    """Jobs whose process is gone are queued once more, the second time `interrupted`; `cancelled` where that was asked for.

    alive: as for `lifecycle.dead`.
    """
    for row, out_of_memory in lifecycle.dead(db, JOBS, alive):
        if row["crashes"] or row["cancel_requested"] or out_of_memory:
            why = MEMORY_END if out_of_memory else SILENT_END
            finish(db, row["id"], row["attempt"], RunStatus.INTERRUPTED, error=why)
            continue
        with db.transaction() as write:
            mine = "id = ? and attempt = ? and status = 'running' and not cancel_requested"
            write.execute(f"update jobs set {QUEUED_ANEW}, crashes = crashes + 1 where {mine}", (row["id"], row["attempt"]))


def is_wanted(db: Database, job_id: str, attempt: int) -> bool:
    """Whether a job is being computed by this attempt, and no cancel was asked for."""
    mine = "id = ? and attempt = ? and status = 'running' and not cancel_requested"
    return bool(db.read(f"select 1 from jobs where {mine}", (job_id, attempt)))


def put_back(db: Database, job_id: str, attempt: int) -> None:
    """Queue a job anew whose process was ended because its supervisor was asked to stop; `cancelled` where that was asked for."""
    with db.transaction() as write:
        mine = "id = ? and attempt = ? and status = 'running' and not cancel_requested"
        put = write.execute(f"update jobs set {QUEUED_ANEW} where {mine}", (job_id, attempt)).rowcount
    if not put:
        finish(db, job_id, attempt, RunStatus.INTERRUPTED, error=SILENT_END)


def job(db: Database, job_id: str) -> Job | None:
    """None where there is no such job, or its row is damaged."""
    rows = db.read("select * from jobs where id = ?", (job_id,))
    return _job(rows[0]) if rows else None


def jobs(db: Database, kind: str) -> list[Job]:
    """Those of a kind, the last asked for first; damaged rows are left out."""
    rows = db.read("select * from jobs where kind = ? order by turn desc", (kind,))
    return [one for row in rows if (one := _job(row))]


def _job(row: sqlite3.Row) -> Job | None:
    if row["kind"] not in lifecycle.TABLES or type(row["attempt"]) is not int:
        return None
    try:
        return Job(
            str(row["id"]), str(row["kind"]), json.loads(row["payload"]), RunStatus(row["status"]), float(row["share"]),
            str(row["stage"]), str(row["error"]), json.loads(row["outcome"]), bool(row["cancel_requested"]),
            str(row["owner"]),
        )  # fmt: skip
    except (ValueError, TypeError, RecursionError):
        return None


def sweep(db: Database) -> list[str]:
    """Forget jobs that have been over for a day; returns their ids."""
    before = (datetime.now(UTC) - STORED).isoformat(timespec="milliseconds")
    old = "status not in ('queued', 'running') and coalesce(finished_at, created_at) < ?"
    if not db.read(f"select 1 from jobs where {old} limit 1", (before,)):
        return []  # looks often, and must not take the write lock for it
    with actors.as_system(), db.transaction() as write:
        return [row["id"] for row in write.execute(f"delete from jobs where {old} returning id", (before,)) if type(row["id"]) is str]
