"""A run's way from queued to its verdict, each step one transaction that only the rightful process can take."""

from collections.abc import Iterable
from datetime import UTC, datetime
import json
import sqlite3

from core.domain import STOPPED, Measurement, RunSpec, RunStatus, WrongInput
from core.store.database import Database
from core.store.liveness import ProcessId
from core.store.outcome import Outcome

SILENT_END = "The process that computed this run ended without a word; Retry goes on with what was already trained."
NOTHING = Outcome()

_QUEUE_ANEW = """
    insert into runs (id, spec, status, turn, created_at)
    values (:id, :spec, 'queued', coalesce((select turn from runs where typeof(turn) = 'integer' order by turn desc limit 1), 0) + 1, :now)
    on conflict (id) do update set
        status = 'queued', attempt = attempt + 1, turn = excluded.turn, share = 0, stage = '', note = '',
        seconds_left = null, cancel_requested = 0, started_at = null, finished_at = null, error = '',
        supervisor_pid = null, supervisor_started = null, worker_pid = null, worker_started = null
    where status in (:failed, :cancelled, :interrupted)
"""
_CLAIM = """
    update runs set status = 'running', started_at = ?, supervisor_pid = ?, supervisor_started = ?
    where id = (
        select id from runs as waiting where status = 'queued' and typeof(id) = 'text' and typeof(attempt) = 'integer' and not exists
            (select 1 from runs where status = 'running' and slot = waiting.slot)
        order by turn limit 1)
    returning id, spec, attempt
"""
_UNREADABLE = "update runs set status = 'failed', finished_at = ?, error = ? where id = ?"
_PROGRESS = """
    update runs set share = max(share, ?), stage = ?, note = ?, seconds_left = ?
    where id = ? and attempt = ? and status = 'running'
"""
_VERDICT = """
    update runs set status = :status, finished_at = :now, error = :error, seconds = :seconds, speedup = :speedup,
        share = case when :status = 'done' then 1 else share end, seconds_left = null,
        device = case when :device = '' then device else :device end
    where id = :id and attempt = :attempt and status = 'running'
"""


def add(db: Database, spec: RunSpec) -> str:
    """Queue a spec; one that is queued, running or done stays as it is, one that stopped is queued anew."""
    with db.transaction() as write:
        return queue(write, spec)


def queue(write: sqlite3.Connection, spec: RunSpec) -> str:
    """`add`, inside a transaction that does more."""
    stopped = {str(status): str(status) for status in STOPPED}
    run_id = spec.id
    write.execute(_QUEUE_ANEW, {"id": run_id, "spec": spec.to_json(), "now": now(), **stopped})
    return run_id


def claim(db: Database, supervisor: ProcessId) -> tuple[RunSpec, int] | None:
    """The oldest queued run and its attempt, now running; None when there is none or its slot is taken."""
    if not db.read("select 1 from runs where status = 'queued' limit 1"):
        return None  # an idle supervisor looks often and must not take the write lock for it
    with db.transaction() as write:
        while rows := write.execute(_CLAIM, (now(), supervisor.pid, supervisor.started)).fetchall():
            try:
                return RunSpec.from_json(rows[0]["spec"]), rows[0]["attempt"]
            except WrongInput as wrong:  # a damaged row must not hold up the others
                write.execute(_UNREADABLE, (now(), f"The database's row of this run is damaged: {wrong}.", rows[0]["id"]))
    return None


def started(db: Database, run_id: str, attempt: int, worker: ProcessId, device: str) -> bool:
    """Which process computes; False when the run is no longer that attempt's."""
    with db.transaction() as write:
        changed = write.execute(
            "update runs set worker_pid = ?, worker_started = ?, device = ?"
            " where id = ? and attempt = ? and status = 'running'",
            (worker.pid, worker.started, device, run_id, attempt),
        ).rowcount
        return _landed(write, run_id, changed)


def progress(db: Database, run_id: str, attempt: int, at: tuple[float, str, str, float | None]) -> bool:
    """Share, stage, note, seconds left; False when the run is no longer that attempt's."""
    with db.transaction() as write:
        return _landed(write, run_id, write.execute(_PROGRESS, (*at, run_id, attempt)).rowcount)


def finish(
    db: Database, run_id: str, attempt: int, status: RunStatus, *, outcome: Outcome = NOTHING, error: str = ""
) -> bool:
    """Verdict, numbers and the names of files, together or not at all; whether they landed.

    Not when another process or attempt has the say. A run whose cancel was asked for ends `cancelled`, whatever came
    of it.
    """
    with db.transaction() as write:
        if is_flagged(write, run_id):
            status, outcome, error = RunStatus.CANCELLED, NOTHING, ""
        verdict = {
            "id": run_id,
            "attempt": attempt,
            "status": str(status),
            "now": now(),
            "error": error,
            "seconds": json.dumps(outcome.seconds),
            "speedup": outcome.speedup,
            "device": outcome.device,
        }
        landed = _landed(write, run_id, write.execute(_VERDICT, verdict).rowcount)
        if landed:
            _replace_numbers(write, run_id, outcome.measurements, outcome.artifacts)
    return landed


def request_cancel(db: Database, run_id: str) -> None:
    """Queued: cancelled at once. Running: flagged for its supervisor. Else nothing."""
    with db.transaction() as write:
        is_flagged(write, run_id)  # raises when there is no such run
        cancel(write, run_id)


def cancel(write: sqlite3.Connection, run_id: str) -> None:
    """`request_cancel`, inside a transaction that does more."""
    ended = "update runs set status = 'cancelled', finished_at = ? where id = ? and status = 'queued'"
    write.execute(ended, (now(), run_id))
    write.execute("update runs set cancel_requested = 1 where id = ? and status = 'running'", (run_id,))


def reconcile(db: Database, none_runs: bool) -> None:
    """Runs whose supervisor or worker is gone are `interrupted`, or `cancelled` where that was asked for."""
    for row in db.read("select * from runs where status = 'running' and typeof(id) = 'text' and typeof(attempt) = 'integer'"):
        supervisor = ProcessId.stored(row["supervisor_pid"], row["supervisor_started"])
        worker = ProcessId.stored(row["worker_pid"], row["worker_started"])
        watched = supervisor is not None and supervisor.alive() and not none_runs
        if watched and (worker is None or worker.alive()):
            continue
        if worker and not watched:
            worker.kill()  # it leaves by itself unless it hangs; nobody else would end it
        finish(db, row["id"], row["attempt"], RunStatus.INTERRUPTED, error=SILENT_END)


def is_flagged(db: sqlite3.Connection, run_id: str) -> bool:
    """Whether a cancel was asked for. Raises WrongInput for a run that is not there."""
    row = db.execute("select cancel_requested from runs where id = ?", (run_id,)).fetchone()
    if row is None:
        raise no_such_run(run_id)
    return bool(row["cancel_requested"])


def no_such_run(run_id: str) -> WrongInput:
    """The one sentence for a run that is not there."""
    return WrongInput(f"There is no run {run_id!r}; the Runs page and `python -m core runs` list those that there are.")


def now() -> str:
    """UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _landed(write: sqlite3.Connection, run_id: str, changed: int) -> bool:
    """Nothing changed: another attempt's run, or none at all, which is an error."""
    if not changed:
        is_flagged(write, run_id)
    return changed > 0


def _replace_numbers(
    write: sqlite3.Connection, run_id: str, measurements: Iterable[Measurement], artifacts: dict[str, str]
) -> None:
    write.execute("delete from measurements where run_id = ?", (run_id,))
    write.execute("delete from artifacts where run_id = ?", (run_id,))
    write.executemany(
        "insert into measurements values (?, ?, ?, ?, ?)",
        [(run_id, m.metric, m.model, m.value, m.reason) for m in measurements],
    )
    write.executemany("insert into artifacts values (?, ?, ?)", [(run_id, *item) for item in artifacts.items()])
