"""What was deleted: kept whole for a day, so that it can be put back; then it goes with its files."""

from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import json
import sqlite3
from types import NoneType

from core.domain.errors import WrongInput
from core.domain.json_checks import LARGEST, check_plain, plain_object
from core.domain.run import ACTIVE
from core.storage.access import actors
from core.storage.database import Database
from core.storage.queues import lifecycle
from core.storage.rows import check_id, owner_of, time_of

KEPT = timedelta(hours=24)
# Where what belongs to a run or a study stands: table -> the column that says whose a row is.
OF_RUN = {"runs": "id", "measurements": "run_id", "artifacts": "run_id", "study_runs": "run_id", "companions": "run_id"}
OF_STUDY = {"studies": "id", "study_runs": "study_id"}
# Every file of Artifacts that a row names.
NAMED = """
    select file from artifacts union select file from kept
    union select value from trash, json_each(case when json_valid(trash.files) then trash.files else '[]' end)
"""


@dataclass(frozen=True)
class Deleted:
    """A run or a study that can be put back. title: what it was, in a line; owner: who deleted it."""

    id: str
    title: str
    deleted_at: datetime
    owner: str = ""

    @property
    def until(self) -> datetime:
        """When it goes for good."""
        return self.deleted_at + KEPT


def throw(db: Database, run_id: str) -> None:
    """A run, its numbers and the names of its files go into the trash. Raises WrongInput if active or not there."""
    with db.transaction() as write:
        row = write.execute("select status, spec, label from runs where id = ?", (run_id,)).fetchone()
        if row is None:
            raise lifecycle.no_such_run(run_id)
        if row["status"] in ACTIVE:
            raise WrongInput(f"Run {run_id} is {row['status']}; cancel it before you delete it.")
        _throw(write, run_id, _title(row["spec"], row["label"]), OF_RUN)


def throw_study(write: sqlite3.Connection, study_id: str, title: str) -> None:
    """The study without its runs, inside a transaction that does more."""
    _throw(write, study_id, title, OF_STUDY)


def put_back(db: Database, any_id: str) -> None:
    """Undo a deletion. Raises WrongInput where there is nothing to put back, or where it was asked for again since."""
    with db.transaction() as write:
        row = write.execute("select content, owner from trash where id = ?", (any_id,)).fetchone() if any_id.isprintable() else None
        if row is None:
            hours = KEPT // timedelta(hours=1)
            raise WrongInput(f"Nothing named {any_id!r:.60} was deleted in the last {hours} hours, so there is nothing to put back.")
        actors.require_owner(row["owner"], f"what was deleted as {any_id}")
        content = _content(any_id, row["content"])
        whose = "runs" if "runs" in content else "studies"
        if write.execute(f"select 1 from {whose} where id = ?", (any_id,)).fetchone():
            raise WrongInput(f"{any_id} was asked for again since it was deleted; that one is there, and the deleted one stays deleted.")
        with actors.as_system():  # decided: all comes back as it was, also into the studies of others
            _restore(write, any_id, content, of_run=whose == "runs")


def _restore(write: sqlite3.Connection, any_id: str, content: dict[str, list[dict[str, object]]], *, of_run: bool) -> None:
    for table, rows in content.items():
        for values in rows:
            if table != "study_runs" or _study_is_there(write, values.get("study_id")):
                _insert(write, table, values)
            elif of_run:
                _give_to_deleted(write, values)
    write.execute("delete from trash where id = ?", (any_id,))


def deleted(db: Database) -> list[Deleted]:
    """What can be put back, the last deleted first."""
    rows = db.read("select id, title, deleted_at, owner from trash where deleted_at > ? order by deleted_at desc, rowid desc", (_before(),))
    return [one for row in rows if (one := _deleted(row))]


def files(db: Database) -> tuple[set[str], set[str]]:
    """Files of Artifacts that deleted runs name: of those that can be put back, and of those that go for good when this is emptied."""
    kept, due = set[str](), set[str]()
    for row in db.read("select files, deleted_at <= ? as due from trash", (_before(),)):
        (due if row["due"] else kept).update(_files(row["files"]))
    return kept, due


def empty(db: Database, any_id: str | None = None) -> tuple[list[str], list[str]]:
    """What has been in the trash for a day (or `any_id`, at once) goes for good: (ids, files that nothing names any more)."""
    which = ("id = ?", any_id) if any_id else ("deleted_at <= ?", _before())
    if not db.read(f"select 1 from trash where {which[0]} limit 1", which[1:]):
        return [], []  # looks often, and must not take the write lock for it
    with nullcontext() if any_id else actors.as_system(), db.transaction() as write:
        rows = write.execute(f"select id, files from trash where {which[0]}", which[1:]).fetchall()
        write.execute(f"delete from trash where {which[0]}", which[1:])
        named = {row["file"] for row in write.execute(NAMED)}
    files = {file for row in rows for file in _files(row["files"])}
    return [row["id"] for row in rows if type(row["id"]) is str], sorted(files - named)


def _before() -> str:
    """When what is over by now was deleted at the latest."""
    return (datetime.now(UTC) - KEPT).isoformat(timespec="milliseconds")


def _deleted(row: sqlite3.Row) -> Deleted | None:
    """None where the row is damaged: it cannot be put back."""
    try:
        check_id(row["id"])
        check_plain("title", row["title"], str)
        return Deleted(row["id"], row["title"], time_of("deleted_at", row["deleted_at"]), owner_of(row["owner"]))
    except WrongInput:
        return None


def _content(any_id: str, text: object) -> dict[str, list[dict[str, object]]]:
    """Table -> its rows. Raises WrongInput where what was written down is damaged."""
    with suppress(WrongInput):
        found = plain_object(text, "its rows")
        ours = found.keys() in (OF_RUN.keys(), OF_STUDY.keys())
        if ours and all(isinstance(rows, list) and all(map(_is_row, rows)) for rows in found.values()):
            return found
    raise WrongInput(f"What was written down of {any_id} when it was deleted is damaged, so it cannot be put back.")


def _is_row(row: object) -> bool:
    """Whether SQLite takes what is said to be a row."""
    if not isinstance(row, dict) or not row:
        return False
    return all(type(value) in (str, float, NoneType) or (type(value) is int and abs(value) <= LARGEST) for value in row.values())


def _files(text: object) -> list[str]:
    """Nothing where the row is damaged: a supervisor sweeps what nothing names."""
    try:
        found = json.loads(text) if type(text) is str else []
    except (ValueError, RecursionError):
        return []
    return [file for file in found if type(file) is str] if isinstance(found, list) else []


def _throw(write: sqlite3.Connection, any_id: str, title: str, tables: dict[str, str]) -> None:
    """tables: the first is the one that says whether it is there."""
    content = {
        table: [dict(row) for row in write.execute(f"select * from {table} where {column} = ? order by rowid", (any_id,))]
        for table, column in tables.items()
    }
    values = [value for rows in content.values() for row in rows for value in row.values()]
    if all(type(value) in (str, int, float, NoneType) for value in values):  # a damaged row, which cannot be written down, just goes
        files = [row["file"] for row in content.get("artifacts", ())]
        write.execute(
            "insert or replace into trash (id, title, deleted_at, content, files, owner) values (?, ?, ?, ?, ?, ?)",
            (any_id, title, lifecycle.now(), json.dumps(content), json.dumps(files), actors.owner()),
        )
    for table, column in reversed(tables.items()):
        write.execute(f"delete from {table} where {column} = ?", (any_id,))


def _insert(write: sqlite3.Connection, table: str, values: dict[str, object]) -> None:
    columns = {row["name"] for row in write.execute(f"pragma table_info({table})")}
    known = {name: value for name, value in values.items() if name in columns}
    names, marks = ", ".join(known), ", ".join("?" * len(known))
    write.execute(f"insert or ignore into {table} ({names}) values ({marks})", tuple(known.values()))


def _give_to_deleted(write: sqlite3.Connection, values: dict[str, object]) -> None:
    """A run's row of a study that was deleted after it: it comes back with the study. Nothing where the study is gone for good."""
    row = write.execute("select id, content from trash where id = ?", (values.get("study_id"),)).fetchone()
    with suppress(WrongInput):  # damaged: it cannot be put back anyway
        content = _content(row["id"], row["content"]) if row else {}
        if content.keys() == OF_STUDY.keys():
            content["study_runs"].append(values)
            write.execute("update trash set content = ? where id = ?", (json.dumps(content), row["id"]))


def _study_is_there(write: sqlite3.Connection, study_id: object) -> bool:
    """Whether a run can be the study's again; a study's run that is not there may yet be put back, and counts as missing until then."""
    return bool(write.execute("select exists (select 1 from studies where id = ?)", (study_id,)).fetchone()[0])


def _title(spec: str, label: object) -> str:
    """What a run was, in a line, after the name that a person gave it; '' where its spec cannot be read and it has no name."""
    named = [label] if isinstance(label, str) and label else []
    try:
        said = json.loads(spec)
        return " · ".join([*named, f"{said['method']} · {said['dataset']} · {said['model']}"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "".join(named)
