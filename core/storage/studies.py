"""Studies and which runs are theirs. A study owns no run: the same run may serve several, and outlives them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
import json
import re
import sqlite3

from core.domain.errors import WrongInput
from core.domain.json_checks import check_plain
from core.domain.run import RunSpec, RunStatus
from core.storage import trash
from core.storage.access import actors
from core.storage.queues import run_queue
from core.storage.record_types import Imported
from core.storage.rows import check_id, imported_of, key_of, of_spec, owner_of, shown, status_of, time_of
from core.storage.runs import ResultStore

_PLACE = re.compile(r"study-row-(\d{1,18})")  # names a row without an id

_MEMBERS = f"""
    select s.study_id, s.run_id, s.variant, s.stands_in, r.status, r.share, r.seconds_left, r.stage, r.finished_at, r.anew,
        exists (select 1 from stands where stands.run_id = s.run_id) as stands, {of_spec("seed", "r")} as seed,
        {of_spec("engine", "r")} as engine
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
_FILES = """
    select run_id, file from artifacts where run_id in (select run_id from study_runs where :id is null or study_id = :id)
"""
_OLD = f"""
    select s.run_id, s.variant, r.status, {of_spec("seed", "r")} as seed
    from study_runs as s join runs as r on r.id = s.run_id where s.study_id = ? order by s.stands_in desc
"""
_LIMIT = """
    update runs set limit_seconds = :limit
    where id in (select run_id from study_runs where study_id = :id)
        and status in ('queued', 'running') and not alone and limit_seconds is not :limit and (:me is null or owner = :me)
"""
_WRITE = """
    insert into studies (id, title, plan, created_at, owner) values (?, ?, ?, ?, ?)
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
    imported: Imported | None = None  # None where it was asked for here
    owner: str = ""  # see `core.storage.access.actors`


@dataclass(frozen=True)
class DamagedStudy:
    """A row of the database that is no study: what deletes it, and what is wrong, in a sentence."""

    id: str
    wrong: str


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
    stands: bool = False  # done before, and asked for once more: its numbers are shown until the new ones are there
    lost: bool = False  # done, and a file of it is gone
    anew: str = ""  # how asking for it once more ended, where it is done as it was before

    @property
    def shown(self) -> bool:
        """Whether there are numbers of it."""
        return self.status == RunStatus.DONE or self.stands


def save(
    store: ResultStore, study: StoredStudy, cells: Sequence[tuple[int, RunSpec]], seen: Sequence[StoredStudy],
    *, files: Collection[str] | None = None, limit: float | None = None,
) -> bool:  # fmt: skip
    """Write the study, new or grown, and queue every run of it that is not queued, running or done with all its files: all or nothing.

    files: those of Artifacts that are there; without them no run counts as one that lost a file. limit: seconds after which each
    of its runs is stopped, but for those that somebody asked for by themselves, which keep their own.

    False, and nothing written, where the studies are no longer those that were `seen` when it was decided what to write.
    Runs that are not among `cells` are its no longer: those that are not done are withdrawn, unless another study waits
    for them; one that is done stands in for the run of its variant and seed until that is done.
    """
    wanted = {spec.id: (variant, spec.seed) for variant, spec in cells}
    lost = lost_among(store, list(wanted), files)
    with store.db.transaction() as write:
        if studies(store) != list(seen):
            return False
        older = [row for row in write.execute(_OLD, (study.id,)).fetchall() if row["run_id"] not in wanted]
        _stop(write, study.id, [row["run_id"] for row in older])
        write.execute("delete from study_runs where study_id = ?", (study.id,))
        write.execute(_WRITE, (study.id, study.title, study.plan, study.created_at.isoformat(), study.owner or actors.owner()))
        for variant, spec in cells:
            write.execute(_JOIN, (study.id, run_queue.queue(write, spec, lost=spec.id in lost), variant, False))
        write.execute(_LIMIT, {"id": study.id, "limit": limit, "me": actors.owner() or None})
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
            with actors.as_system():  # decided: whosever it was, nobody else waits for it
                run_queue.cancel(write, row["run_id"])


def forget(store: ResultStore, study_id: str) -> None:
    """The study goes into the trash, a damaged one for good; its runs stay.

    Raises WrongInput while it has active runs of its own, or for no such study.
    """
    place = _PLACE.fullmatch(study_id)
    if place and any(isinstance(one, DamagedStudy) and one.id == study_id for one in rows(store)):
        with store.db.transaction() as write:
            write.execute("delete from studies where rowid = ?", (int(place[1]),))
        return
    stored = row(store, study_id)
    if stored is None:
        raise no_such_study(study_id)
    with store.db.transaction() as write:
        if not all(row["awaited"] for row in write.execute(_ACTIVE, (study_id,)).fetchall()):
            raise WrongInput(f"Study {study_id} still has runs to do; cancel it before you delete it.")
        if isinstance(stored, StoredStudy):
            trash.throw_study(write, study_id, f"study {stored.title}".strip())
            return
        for table, column in (("study_runs", "study_id"), ("studies", "id")):
            write.execute(f"delete from {table} where {column} = ?", (study_id,))


def row(store: ResultStore, study_id: str) -> StoredStudy | DamagedStudy | None:
    """The study of that id, or its damaged row; None where there is neither."""
    found = store.db.read("select rowid as row, * from studies where id = ?", (study_id,)) if study_id.isprintable() else []
    return _row(found[0]) if found else None


def existing(store: ResultStore, study_id: str) -> StoredStudy:
    """Raises WrongInput where there is no such study, or its row is damaged."""
    study = row(store, study_id)
    if study is None:
        raise no_such_study(study_id)
    if isinstance(study, DamagedStudy):
        raise WrongInput(f"{study.wrong} It can only be deleted.")
    return study


def is_study(store: ResultStore, study_id: str) -> bool:
    """Whether there is such a study, or a damaged row that is known by that id."""
    if not study_id.isprintable():
        return False
    if store.db.read("select 1 from studies where id = ?", (study_id,)):
        return True
    return bool(_PLACE.fullmatch(study_id)) and any(one.id == study_id for one in rows(store) if isinstance(one, DamagedStudy))


def rows(store: ResultStore) -> list[StoredStudy | DamagedStudy]:
    """The last asked for first."""
    return [_row(row) for row in store.db.read("select rowid as row, * from studies order by created_at desc, id")]


def studies(store: ResultStore) -> list[StoredStudy]:
    """The last asked for first; damaged rows are left out."""
    return [study for study in rows(store) if isinstance(study, StoredStudy)]


def lost_among(store: ResultStore, run_ids: Sequence[str], files: Collection[str] | None) -> set[str]:
    """Those of the runs that name a file which is not among `files`; none where these are not known."""
    if files is None:
        return set()
    sql = "select run_id, file from artifacts where run_id in (select value from json_each(?))"
    return {row["run_id"] for row in store.db.read(sql, (json.dumps(list(run_ids)),)) if row["file"] not in files}


def members(store: ResultStore, study_id: str | None = None, files: Collection[str] | None = None) -> dict[str, list[Member]]:
    """Study -> its runs, in the order in which they were asked for; of one study, or of all in one question.

    files: those of Artifacts that are there, which says who is `lost`; without them nobody is.

    Those that stand in come last, and not at all once their successors are done. Rows that are damaged are left out.
    """
    rows = [row for row in store.db.read(_MEMBERS, {"id": study_id}) if _is_member(row)]
    done = {_cell(row) for row in rows if row["status"] == RunStatus.DONE and not row["stands_in"]}
    named = [] if files is None else store.db.read(_FILES, {"id": study_id})
    lost = {row["run_id"] for row in named if row["file"] not in (files or ())}
    found: dict[str, list[Member]] = {}
    for row in rows:
        if row["stands_in"] and _cell(row) in done:
            continue
        found.setdefault(row["study_id"], []).append(
            Member(
                row["run_id"], row["variant"], row["seed"], row["engine"], RunStatus(row["status"]), row["share"], shown(row["stage"]),
                row["seconds_left"], row["finished_at"] or "", bool(row["stands_in"]),
                bool(row["stands"]), row["run_id"] in lost and row["status"] == RunStatus.DONE, row["anew"],
            )
        )  # fmt: skip
    return found


def _cell(row: sqlite3.Row) -> tuple[str, int, int]:
    return row["study_id"], row["variant"], row["seed"]


def done_among(store: ResultStore, run_ids: Sequence[str]) -> set[str]:
    """Those of the runs that are done."""
    sql = "select id from runs where status = 'done' and id in (select value from json_each(?))"
    return {row["id"] for row in store.db.read(sql, (json.dumps(list(run_ids)),))}


def _row(row: sqlite3.Row) -> StoredStudy | DamagedStudy:
    try:
        check_id(row["id"])
        for name, wanted in (("title", str), ("cancelled", int)):
            check_plain(name, row[name], wanted)
        if type(row["plan"]) is not str:
            raise WrongInput("plan should be readable text, but is not")
        created, imported = time_of("created_at", row["created_at"]), imported_of(row["imported"])
        owner = owner_of(row["owner"])
    except WrongInput as wrong:
        return damaged(key_of(row, "study-row-"), wrong)
    return StoredStudy(row["id"], row["title"], row["plan"], created, bool(row["cancelled"]), imported, owner)


def damaged(key: str, wrong: WrongInput) -> DamagedStudy:
    """The one sentence for it."""
    return DamagedStudy(key, f"The database's row of study {key} is damaged: {wrong}.")


def _is_member(row: sqlite3.Row) -> bool:
    """Whether the row says all that a Member says; a study has the runs that can be read."""
    try:
        check_id(row["run_id"])
        status_of(row["status"])
        for name, wanted in (("variant", int), ("stands_in", int), ("seed", int), ("engine", str), ("share", float)):
            check_plain(name, row[name], wanted)
        if row["seconds_left"] is not None:
            check_plain("seconds_left", row["seconds_left"], float)
        if row["finished_at"]:
            time_of("finished_at", row["finished_at"])
        return type(row["stage"]) is type(row["anew"]) is str
    except WrongInput:
        return False


def no_such_study(study_id: str) -> WrongInput:
    """The one sentence for a study that is not there."""
    return WrongInput(
        f"There is no study {study_id!r:.60}; the Studies page and `python -m core studies` list those that there are."
    )
