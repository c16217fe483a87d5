"""Studies and which runs are theirs. A study owns no run: the same run may serve several, and outlives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import json
import sqlite3

from core.domain import ACTIVE, RunSpec, RunStatus, WrongInput
from core.store import lifecycle
from core.store.results import ResultStore

_MEMBERS = """
    select s.study_id, s.run_id, s.variant, r.status, r.share, r.seconds_left, r.stage, r.finished_at,
        json_extract(r.spec, '$.seed') as seed, json_extract(r.spec, '$.engine') as engine
    from study_runs as s join runs as r on r.id = s.run_id where :id is null or s.study_id = :id order by s.rowid
"""


@dataclass(frozen=True)
class StoredStudy:
    """A study as it was asked for; `plan` is the JSON of a StudyPlan."""

    id: str
    title: str
    plan: str
    created_at: datetime


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


def save(store: ResultStore, study: StoredStudy, cells: Sequence[tuple[int, RunSpec]]) -> None:
    """Write the study, new or grown, and queue every run of it that is not queued, running or done: all or nothing.

    Runs that are not among `cells` are its no longer.
    """
    with store.db.transaction() as write:
        write.execute("delete from study_runs where study_id = ?", (study.id,))
        write.execute(
            "insert into studies values (?, ?, ?, ?) on conflict (id) do update set title = excluded.title, plan = excluded.plan",
            (study.id, study.title, study.plan, study.created_at.isoformat()),
        )
        for variant, spec in cells:
            run_id = lifecycle.queue(write, spec)
            write.execute("insert into study_runs values (?, ?, ?)", (study.id, run_id, variant))


def cancel(store: ResultStore, study_id: str) -> None:
    """Every run of it that waits is cancelled at once, one that runs is flagged. Raises WrongInput for no such study."""
    existing(store, study_id)
    with store.db.transaction() as write:
        for row in write.execute("select run_id from study_runs where study_id = ?", (study_id,)).fetchall():
            lifecycle.cancel(write, row["run_id"])


def forget(store: ResultStore, study_id: str) -> None:
    """The study goes, its runs stay. Raises WrongInput while any of them is active, or where there is no such study."""
    existing(store, study_id)
    with store.db.transaction() as write:
        active = "select 1 from study_runs join runs on id = run_id where study_id = ? and status in (?, ?) limit 1"
        if write.execute(active, (study_id, *map(str, ACTIVE))).fetchone():
            raise WrongInput(f"Study {study_id} still has runs to do; cancel it before you delete it.")
        for table, column in (("study_runs", "study_id"), ("studies", "id")):
            write.execute(f"delete from {table} where {column} = ?", (study_id,))


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
    """Study -> its runs, in the order in which they were asked for; of one study, or of all in one question."""
    found: dict[str, list[Member]] = {}
    for row in store.db.read(_MEMBERS, {"id": study_id}):
        found.setdefault(row["study_id"], []).append(
            Member(
                row["run_id"], row["variant"], row["seed"], row["engine"], RunStatus(row["status"]), row["share"], row["stage"],
                row["seconds_left"], row["finished_at"] or "",
            )
        )  # fmt: skip
    return found


def done_among(store: ResultStore, run_ids: Sequence[str]) -> set[str]:
    """Those of the runs that are done."""
    sql = "select id from runs where status = 'done' and id in (select value from json_each(?))"
    return {row["id"] for row in store.db.read(sql, (json.dumps(list(run_ids)),))}


def _row(row: sqlite3.Row | None, study_id: str) -> StoredStudy:
    if row is None:
        raise no_such_study(study_id)
    return StoredStudy(row["id"], row["title"], row["plan"], datetime.fromisoformat(row["created_at"]))


def no_such_study(study_id: str) -> WrongInput:
    """The one sentence for a study that is not there."""
    return WrongInput(
        f"There is no study {study_id!r:.60}; the Studies page and `python -m core studies` list those that there are."
    )
