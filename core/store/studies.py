"""Studies and which runs are theirs. A study owns no run: the same run may serve several, and outlives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import json
import sqlite3

from core.domain import RunSpec, RunStatus, WrongInput
from core.store import lifecycle, trash
from core.store.results import ResultStore

_MEMBERS = """
    select s.study_id, s.run_id, s.variant, s.stands_in, r.status, r.share, r.seconds_left, r.stage, r.finished_at,
        json_extract(r.spec, '$.seed') as seed, json_extract(r.spec, '$.engine') as engine
    from study_runs as s join runs as r on r.id = s.run_id where :id is null or s.study_id = :id order by s.rowid
"""
_ACTIVE = """
    select s.run_id, r.alone or exists (
        select 1 from study_runs as o join studies on studies.id = o.study_id
        where o.run_id = s.run_id and o.study_id != s.study_id and not studies.cancelled)
    or exists (
        select 1 from companions as c join runs as o on o.id = c.run_id
        where c.companion = s.run_id and o.status in ('queued', 'running', 'done')) as awaited
    from study_runs as s join runs as r on r.id = s.run_id where s.study_id = ? and r.status in ('queued', 'running')
"""  # a study's runs that wait or run, and whether somebody else waits for them too: a person, a run, a study that is not cancelled
_OLD = """
    select s.run_id, s.variant, r.status, json_extract(r.spec, '$.seed') as seed
    from study_runs as s join runs as r on r.id = s.run_id where s.study_id = ? order by s.stands_in desc
"""
_WRITE = """
    insert into studies (id, title, plan, created_at) values (?, ?, ?, ?)
    on conflict (id) do update set title = excluded.title, plan = excluded.plan, cancelled = 0
"""
_JOIN = "insert into study_runs (study_id, run_id, variant, stands_in) values (?, ?, ?, ?)"


@dataclass(frozen=True)
class StoredStudy:
    """A study as it was asked for; `plan` is the JSON of a StudyPlan."""

    id: str
    title: str
    plan: str
    created_at: datetime
    cancelled: bool = False  # and not asked for again since: it waits for none of its runs


@dataclass(frozen=True)
class Member:
    """One run of a study, as it stands now. `variant`: index in the plan's variants."""

    run_id: str
    variant: int
    seed: int
    engine: str  # version of the code that was asked to compute it
    status: RunStatus
    share: float
    stage: str
    seconds_left: float | None
    finished: str  # '' while it is not
    stands_in: bool = False  # done by older code: its numbers are shown until those of its successor are there


def save(store: ResultStore, study: StoredStudy, cells: Sequence[tuple[int, RunSpec]], seen: Sequence[StoredStudy]) -> bool:
    """Write the study, new or grown, and queue every run of it that is not queued, running or done: all or nothing.

    False, and nothing written, where the studies are no longer those that were `seen` when it was decided what to write.
    Runs that are not among `cells` are its no longer: those that are not done are withdrawn, unless another study waits
    for them; one that is done stands in for the run of its variant and seed until that is done.
    """
    wanted = {spec.id: (variant, spec.seed) for variant, spec in cells}
    with store.db.transaction() as write:
        if studies(store) != list(seen):
            return False
        older = [row for row in write.execute(_OLD, (study.id,)).fetchall() if row["run_id"] not in wanted]
        _stop(write, study.id, [row["run_id"] for row in older])
        write.execute("delete from study_runs where study_id = ?", (study.id,))
        write.execute(_WRITE, (study.id, study.title, study.plan, study.created_at.isoformat()))
        for variant, spec in cells:
            write.execute(_JOIN, (study.id, lifecycle.queue(write, spec), variant, False))
        stand_ins = {(row["variant"], row["seed"]): row["run_id"] for row in older if row["status"] == RunStatus.DONE}
        done = {row["run_id"] for row in write.execute(_OLD, (study.id,)).fetchall() if row["status"] == RunStatus.DONE}
        for run_id, cell in wanted.items():
            if run_id not in done and cell in stand_ins:
                write.execute(_JOIN, (study.id, stand_ins[cell], cell[0], True))
    return True


def cancel(store: ResultStore, study_id: str) -> None:
    """Every run of it that waits is cancelled at once, one that runs is flagged; those that are `awaited` go on.

    Raises WrongInput for no such study.
    """
    existing(store, study_id)
    with store.db.transaction() as write:
        write.execute("update studies set cancelled = 1 where id = ?", (study_id,))
        _stop(write, study_id)


def awaited(store: ResultStore, study_id: str) -> set[str]:
    """Those of its active runs that somebody else waits for too: another study, which is not cancelled, or who asked for the run itself."""
    return {row["run_id"] for row in store.db.read(_ACTIVE, (study_id,)) if row["awaited"]}


def _stop(write: sqlite3.Connection, study_id: str, among: Sequence[str] | None = None) -> None:
    """Cancel the study's active runs (those `among` them) that no other study waits for."""
    for row in write.execute(_ACTIVE, (study_id,)).fetchall():
        if not row["awaited"] and (among is None or row["run_id"] in among):
            lifecycle.cancel(write, row["run_id"])


def forget(store: ResultStore, study_id: str) -> None:
    """The study goes into the trash, its runs stay. Raises WrongInput while it has active runs of its own, or for no such study."""
    stored = existing(store, study_id)
    with store.db.transaction() as write:
        if not all(row["awaited"] for row in write.execute(_ACTIVE, (study_id,)).fetchall()):
            raise WrongInput(f"Study {study_id} still has runs to do; cancel it before you delete it.")
        trash.throw_study(write, study_id, f"study {stored.title}".strip())


def existing(store: ResultStore, study_id: str) -> StoredStudy:
    """Raises WrongInput where there is no such study."""
    rows = store.db.read("select * from studies where id = ?", (study_id,)) if study_id.isprintable() else []
    return _row(rows[0] if rows else None, study_id)


def is_study(store: ResultStore, study_id: str) -> bool:
    """Whether there is such a study."""
    return study_id.isprintable() and bool(store.db.read("select 1 from studies where id = ?", (study_id,)))


def studies(store: ResultStore) -> list[StoredStudy]:
    """The last asked for first."""
    return [_row(row, "") for row in store.db.read("select * from studies order by created_at desc, id")]


def members(store: ResultStore, study_id: str | None = None) -> dict[str, list[Member]]:
    """Study -> its runs, in the order in which they were asked for; of one study, or of all in one question.

    Those that stand in come last, and not at all once their successors are done.
    """
    rows = store.db.read(_MEMBERS, {"id": study_id})
    done = {_cell(row) for row in rows if row["status"] == RunStatus.DONE and not row["stands_in"]}
    found: dict[str, list[Member]] = {}
    for row in rows:
        if row["stands_in"] and _cell(row) in done:
            continue
        found.setdefault(row["study_id"], []).append(
            Member(
                row["run_id"], row["variant"], row["seed"], row["engine"], RunStatus(row["status"]), row["share"], row["stage"],
                row["seconds_left"], row["finished_at"] or "", bool(row["stands_in"]),
            )
        )  # fmt: skip
    return found


def _cell(row: sqlite3.Row) -> tuple[str, int, int]:
    return row["study_id"], row["variant"], row["seed"]


def done_among(store: ResultStore, run_ids: Sequence[str]) -> set[str]:
    """Those of the runs that are done."""
    sql = "select id from runs where status = 'done' and id in (select value from json_each(?))"
    return {row["id"] for row in store.db.read(sql, (json.dumps(list(run_ids)),))}


def _row(row: sqlite3.Row | None, study_id: str) -> StoredStudy:
    if row is None:
        raise no_such_study(study_id)
    return StoredStudy(row["id"], row["title"], row["plan"], datetime.fromisoformat(row["created_at"]), bool(row["cancelled"]))


def no_such_study(study_id: str) -> WrongInput:
    """The one sentence for a study that is not there."""
    return WrongInput(
        f"There is no study {study_id!r:.60}; the Studies page and `python -m core studies` list those that there are."
    )
