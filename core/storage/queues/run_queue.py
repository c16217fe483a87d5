"""A run's way from queued to its verdict, each step one transaction that only the rightful process can take."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
import json
import sqlite3
from typing import Any

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.formatting import duration
from core.domain.run import ACTIVE, STOPPED, Measurement, RunSpec, RunStatus
from core.storage.access import actors
from core.storage.database import Database, Values
from core.storage.processes import ProcessId, memory_of
from core.storage.queues import lifecycle, wishes
from core.storage.queues.lifecycle import MOVABLE, QUEUED_ANEW, RUNS, is_flagged, now
from core.storage.queues.queue_order import Line, Waiting
from core.storage.queues.slots import ON_CLUSTER, Choice, Running, one_at_a_time
from core.storage.record_types import Outcome
from core.storage.shared.shared_work import spec_of

SILENT_END = "The process that computed this run ended without a word; Retry goes on with what was already trained."
MEMORY_END = (
    "The system ended this run's process because memory ran out; close other programs, or choose a smaller model or batch. "
    "Retry goes on with what was already trained."
)
STOP_END = "Its supervisor was asked to stop (the machine or the container goes down, say); Retry goes on with what was already trained."
LOST_MOST = 3  # nodes that may be lost while they compute a run
LOST_END = f"{LOST_MOST} nodes of the cluster were lost while they computed this run; Retry tries it once more."
LIMIT_END = "Stopped at its limit of "
NOTHING = Outcome()

_QUEUE_ANEW = f"""
    insert into runs (id, spec, status, turn, created_at, owner)
    values (:id, :spec, 'queued', coalesce((select turn from runs where typeof(turn) = 'integer' order by turn desc limit 1), 0) + 1, :now,
        :owner)
    on conflict (id) do update set {QUEUED_ANEW}, turn = excluded.turn, alone = 0, limit_seconds = null, anew = '', askers = '[]',
        node = '', lost = 0,
        evaluation = case status when 'done' then evaluation else '' end
    where status in (:failed, :cancelled, :interrupted) or :anew and status = 'done'
"""
# What a finished run is stands while it is computed anew, and again where that comes to nothing.
_LET_STAND = """
    insert or replace into stands (run_id, started_at, finished_at, seconds, speedup, device, evaluation, forecast)
    select id, started_at, finished_at, seconds, speedup, device, evaluation, forecast from runs where id = ? and status = 'done'
"""
_STAND_AGAIN = """
    update runs set status = 'done', share = 1, seconds_left = null, cancel_requested = 0, alone = 0, anew = :status, error = :error,
        started_at = stands.started_at, finished_at = stands.finished_at, seconds = stands.seconds, speedup = stands.speedup,
        device = stands.device, evaluation = stands.evaluation, forecast = stands.forecast
    from stands where stands.run_id = runs.id and runs.id = :id
"""
_ALONE = """
    update runs set alone = 1, limit_seconds = case when :keep then limit_seconds else :limit end
    where id = :id and status in ('queued', 'running') and (not alone or limit_seconds is not :limit)
"""
_ALONE_TOO = "update runs set alone = 1 where id = ? and status = 'done' and not alone"
_SERVED = """
    update runs set served = coalesce((select served from runs where typeof(served) = 'integer' order by served desc limit 1), 0) + 1
    where id = ? returning served
"""
_COMPANIONS = "select companion from companions where run_id = ? and typeof(companion) = 'text'"
# Whether anybody but `run` waits for `companion`: a person, another run that is not given up, a study.
_NEEDED = """
    select exists (select 1 from runs where id = :companion and alone)
        or exists (select 1 from companions as c join runs as r on r.id = c.run_id
            where c.companion = :companion and c.run_id != :run and r.status in ('queued', 'running', 'done'))
        or exists (select 1 from study_runs as s join studies on studies.id = s.study_id
            where s.run_id = :companion and not s.stands_in and not studies.cancelled)
"""
_UNREADABLE = "update runs set status = 'failed', finished_at = ?, error = ? where id = ?"


def add(
    db: Database, spec: RunSpec, *, limit: float | None = None, along_with: str = "", anew: bool = False, lost: bool = False,
    evaluation: Evaluation | None = None,
) -> str:  # fmt: skip
    """Queue a spec; one that is queued, running or done stays as it is, one that stopped is queued anew.

    limit: seconds after which it is stopped. along_with: the run without which this one is for nothing. anew: also where it is done.
    lost: the same, since a file of it is gone.
    evaluation: a run that has begun keeps its own, and one that waits for a fuller one keeps that. None: as it is, the usual one of a
    run that is new or had stopped. What somebody else waits for keeps its limit, and at least his evaluation; his finished run is
    computed again only where it lost a file, else Forbidden is raised.
    """
    me = actors.owner()
    with db.transaction() as write:
        waits = write.execute("select evaluation from runs where id = ? and status = 'queued'", (spec.id,)).fetchone()
        theirs = wishes.of_others(write, spec.id)
        run_id = queue(write, spec, anew, lost)
        keep = theirs is not None and theirs["status"] in ACTIVE
        with actors.as_system():  # decided: it is asked for, and what others asked for stays
            if evaluation is not None:
                asked = Evaluation.parse(waits["evaluation"]) if waits else None
                if asked is None or (not asked.covers(evaluation) and (not keep or evaluation.covers(asked))):
                    write.execute("update runs set evaluation = ? where id = ? and status = 'queued'", (evaluation.text, run_id))
            if along_with:
                write.execute("insert or ignore into companions values (?, ?)", (along_with, run_id))
            else:
                write.execute(_ALONE, {"id": run_id, "limit": limit, "keep": keep})
                write.execute(_ALONE_TOO, (run_id,))
                wishes.note(write, run_id, me)
    return run_id


def queue(write: sqlite3.Connection, spec: RunSpec, anew: bool = False, lost: bool = False) -> str:
    """`add` for one of many, inside a transaction that does more. A run that is new is of who acts."""
    stopped = {str(status): str(status) for status in STOPPED}
    run_id, me = spec.id, actors.owner()
    actors.require_member("start runs")
    if anew and not lost and (theirs := wishes.of_others(write, run_id)):
        wishes.check_again(theirs, run_id)
    again = anew or lost
    with actors.as_system():  # asking for what is somebody else's too is everybody's right, and changes nothing that he has
        if again:
            write.execute(_LET_STAND, (run_id,))
        write.execute(_QUEUE_ANEW, {"id": run_id, "spec": spec.to_json(), "now": now(), "anew": again, "owner": me, **stopped})
    return run_id


def claim(
    db: Database, supervisor: ProcessId, choose: Choice = one_at_a_time, line: Line | None = None
) -> tuple[RunSpec, int] | None:  # fmt: skip
    """The run whose turn it is and its attempt, now running; None when there is none, or it must wait.

    choose: who begins beside those that run. line: what whoever claims again and again keeps from one time to the next, so that a long
    queue is read only where it has changed.
    """
    if not lifecycle.has(db, lifecycle.RUN, RunStatus.QUEUED):
        return None  # an idle supervisor looks often and must not take the write lock for it
    line = Line() if line is None else line
    line.read(db.read)  # a long queue not while others wait to write
    try:
        with db.transaction() as write:

            def read(sql: str, values: Values) -> list[sqlite3.Row]:
                return write.execute(sql, values).fetchall()

            while True:
                line.read(read)
                if (chosen := choose(line, _AtWork(read(_COMPUTED, ())))) is None:
                    return None
                row = _begun(write, line, chosen, supervisor)
                try:
                    return RunSpec.from_json(row["spec"]), row["attempt"]
                except WrongInput as wrong:  # a damaged row must not hold up the others
                    write.execute(_UNREADABLE, (now(), f"The database's row of this run is damaged: {wrong}.", row["id"]))
                    _cancel_companions(write, row["id"])
                    line.revision = None
    except BaseException:
        line.revision = None  # what was taken off it may be queued as before
        raise


def _begun(write: sqlite3.Connection, line: Line, chosen: tuple[Waiting, str], supervisor: ProcessId) -> sqlite3.Row:
    """The row of a run that leaves the queue now, and the line with it."""
    one, slot = chosen
    row = lifecycle.claim(write, RUNS, one.id, supervisor)
    write.execute("update runs set slot = ? where id = ?", (slot, one.id))
    line.take(one, write.execute(_SERVED, (one.id,)).fetchone()["served"])
    line.revision = write.execute("select value from queue_revision").fetchone()["value"]  # nobody else writes before this is over
    return row


_COMPUTED = f"select spec, slot, stage, worker_pid from runs where status = 'running' and {MOVABLE}"


class _AtWork(Sequence[Running]):
    """What is being computed, each looked at once it is asked for; damaged rows that can neither begin nor end hold nobody up."""

    def __init__(self, rows: list[sqlite3.Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._all[index]

    @cached_property
    def _all(self) -> list[Running]:
        return [
            Running(spec_of(row["spec"]), str(row["slot"]), str(row["stage"]), memory_of(row["worker_pid"])) for row in self._rows
        ]


def at_work(db: Database) -> Sequence[Running]:
    """The runs that are being computed."""
    return _AtWork(db.read(_COMPUTED))


def slot_of(db: Database, run_id: str) -> str:
    """Where a run is computed: see `slots`."""
    return next((str(row["slot"]) for row in db.read("select slot from runs where id = ?", (run_id,))), "")


def finish(
    db: Database, run_id: str, attempt: int, status: RunStatus, *, outcome: Outcome = NOTHING, error: str = ""
) -> bool:
    """Verdict, numbers and the names of files, together or not at all; whether they landed.

    Not when another process or attempt has the say. A run whose cancel was asked for ends `cancelled`, whatever came
    of it; one that is being stopped at its limit ends by that, whoever finds its process gone. One that was done before and is
    not now is done as it was, with its numbers and files.
    """
    with db.transaction() as write:
        if is_flagged(write, RUNS, run_id):
            status, outcome, error = RunStatus.CANCELLED, NOTHING, ""
        elif status == RunStatus.INTERRUPTED and (stopped := _stopped_at_limit(write, run_id, attempt)):
            status, error = RunStatus.FAILED, stopped
        numbers = {"seconds": json.dumps(outcome.seconds), "speedup": outcome.speedup}
        told = {name: value for name in ("device", "threads", "peak_bytes") if (value := getattr(outcome, name))}
        if status == RunStatus.DONE:
            told["imported"] = ""  # its numbers are those of this machine now
        landed = lifecycle.end(write, RUNS, run_id, attempt, status, error, **numbers, **told)
        if landed and not (status != RunStatus.DONE and _stands_again(write, run_id, status, error)):
            write.execute("delete from stands where run_id = ?", (run_id,))
            _replace_numbers(write, run_id, outcome.measurements, outcome.artifacts)
        if landed and status != RunStatus.DONE:
            _cancel_companions(write, run_id)
    return landed


def wait_for_others(db: Database, run_id: str, attempt: int) -> bool:
    """Back into the queue, where it keeps its turn; False, and nothing done, where no other run is computed or it is being cancelled."""
    mine = "id = ? and attempt = ? and status = 'running' and not cancel_requested"
    others = f"exists (select 1 from runs as other where other.id != runs.id and status = 'running' and {MOVABLE})"
    with db.transaction() as write:
        return write.execute(f"update runs set {QUEUED_ANEW} where {mine} and {others}", (run_id, attempt)).rowcount > 0


def node_lost(db: Database, run_id: str, attempt: int, *, counts: bool = True) -> bool:
    """The node that computed it is gone: back into the queue, where it keeps its turn; failed where that happened `LOST_MOST` times.

    Whether it waits again; one that was being cancelled is cancelled. counts: False where the node only had no memory for it, or whoever
    gave the run to the cluster is gone.
    """
    mine = "id = ? and attempt = ? and status = 'running' and not cancel_requested and lost + ? < ?"
    anew = f"update runs set {QUEUED_ANEW}, node = '', lost = lost + ? where {mine}"
    with db.transaction() as write:
        if write.execute(anew, (int(counts), run_id, attempt, int(counts), LOST_MOST)).rowcount:
            return True
    finish(db, run_id, attempt, RunStatus.FAILED, error=LOST_END)
    return False


def say_why_all_wait(db: Database, why: str, lacks: Callable[[RunSpec], str] = lambda _: "") -> None:
    """Write why no run of the queue can begin now, a sentence, where its progress is told; '': nothing keeps them.

    lacks: the sentence of a run with ranks that cannot begin whatever else ends, '' of others.
    """
    with_ranks = "case when json_valid(spec) then json_extract(spec, '$.recipe.ranks') end > 1"
    specs = {row["id"]: spec_of(row["spec"]) for row in db.read(f"select id, spec from runs where status = 'queued' and {with_ranks}")}
    own = {run_id: said for run_id, spec in specs.items() if spec and (said := lacks(spec))}
    others = "status = 'queued' and note != ? and id not in (select value from json_each(?))"
    ids = json.dumps(list(own))
    told = {row["id"]: row["note"] for row in db.read("select id, note from runs where id in (select value from json_each(?))", (ids,))}
    if told == own and not db.read(f"select 1 from runs where {others} limit 1", (why, ids)):
        return
    with db.transaction() as write:
        write.execute(f"update runs set note = ? where {others}", (why, why, ids))
        write.executemany("update runs set note = ? where id = ? and status = 'queued'", [(said, run_id) for run_id, said in own.items()])


def request_cancel(db: Database, run_id: str) -> bool:
    """Queued: cancelled at once. Running: flagged for its supervisor. Else nothing. Returns whether it goes on, since others wait for it.

    Raises Forbidden where who acts neither owns it nor asked for it.
    """
    with db.transaction() as write:
        is_flagged(write, RUNS, run_id)  # raises when there is no such run
        if wishes.given_up(write, run_id):
            return True
        with actors.as_system():  # decided: it, and what was asked for along with it, whoever else asked for that before
            cancel(write, run_id)
        return False


def cancel(write: sqlite3.Connection, run_id: str) -> None:
    """`request_cancel`, inside a transaction that does more."""
    was = lifecycle.cancel(write, RUNS, run_id)
    if was == RunStatus.QUEUED:
        write.execute("update runs set alone = 0 where id = ?", (run_id,))
        _stands_again(write, run_id, RunStatus.CANCELLED, "")
    if was:
        _cancel_companions(write, run_id)


def _stands_again(write: sqlite3.Connection, run_id: str, status: RunStatus, error: str) -> bool:
    """Whether the run was done before this attempt, which ended so; then it is done as it was."""
    changed = write.execute(_STAND_AGAIN, {"id": run_id, "status": str(status), "error": error}).rowcount
    write.execute("delete from stands where run_id = ?", (run_id,))
    return changed > 0


def companions(db: Database, run_id: str) -> list[str]:
    """The runs that were asked for along with it."""
    return [row["companion"] for row in db.read(_COMPANIONS, (run_id,))]


def cancel_companions(db: Database, run_id: str) -> None:
    """Cancel what was asked for along with a run, unless somebody else waits for it. Raises Forbidden where the run is not of who acts."""
    with db.transaction() as write:
        wishes.require(write, run_id)
        with actors.as_system():
            _cancel_companions(write, run_id)


def _cancel_companions(write: sqlite3.Connection, run_id: str) -> None:
    """What was asked for along with a run that is given up, unless somebody else waits for it."""
    for row in write.execute(_COMPANIONS, (run_id,)).fetchall():
        if not write.execute(_NEEDED, {"companion": row["companion"], "run": run_id}).fetchone()[0]:
            cancel(write, row["companion"])


def reconcile(db: Database, alive: Collection[str] | None = None) -> None:
    """Runs whose supervisor or worker is gone are `interrupted`, or `cancelled` where that was asked for; those of a cluster wait again.

    alive: as for `lifecycle.dead`.
    """
    for row, out_of_memory in lifecycle.dead(db, RUNS, alive):
        if row["slot"] == ON_CLUSTER and not row["error"]:  # who gave it to the cluster is gone: that ends it; an error says it is to stop
            node_lost(db, row["id"], row["attempt"], counts=False)
            continue
        error = MEMORY_END if out_of_memory else SILENT_END
        finish(db, row["id"], row["attempt"], RunStatus.INTERRUPTED, error=error)


def limit_reached(seconds: float) -> str:
    """The sentence for a run that was stopped at its time limit."""
    return f"{LIMIT_END}{duration(seconds)}; Retry goes on with what was already trained, or ask for it anew with another limit."


def stop_at_limit(db: Database, run_id: str, attempt: int, seconds: float) -> None:
    """Call before its process is ended: whoever looks meanwhile must not take that for a silent end."""
    with db.transaction() as write:
        lifecycle.change(write, RUNS, run_id, attempt, error=limit_reached(seconds))


def _stopped_at_limit(write: sqlite3.Connection, run_id: str, attempt: int) -> str:
    """What `stop_at_limit` wrote down; '' where it did not."""
    row = write.execute("select error from runs where id = ? and attempt = ?", (run_id, attempt)).fetchone()
    return row["error"] if row and type(row["error"]) is str and row["error"].startswith(LIMIT_END) else ""


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
