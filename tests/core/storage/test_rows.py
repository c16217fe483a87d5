"""Each column of the database in turn replaced by what no column should hold: the row is told as damaged, the others work."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
import json
from pathlib import Path
import shutil
import sqlite3

import pytest

from core.domain.errors import WrongInput
from core.domain.run import RunSpec, RunStatus
from core.jobs.studies import progress
from core.storage import durations, run_list, studies, trash
from core.storage.finished_runs import all_values, finished_runs
from core.storage.home import Home, open_home
from core.storage.processes import ProcessId
from core.storage.queues import run_queue
from core.storage.record_types import DamagedRun, Run
from core.storage.related_runs import beside
from core.storage.runs import ResultStore
from tests.planted import plant, spec

HOSTILE = [None, "", "none of these", b"\xff\xfe\x00", 7, -3.5, 1e999, "\x00\n\u2028", "{broken", "[" * 3000, '{"a": [1]}']
UNDECODABLE = "cast(x'66ff66' as text)"
Fresh = Callable[[], Home]
TABLES = ("runs", "measurements", "artifacts", "kept", "studies", "study_runs", "companions", "trash", "stands")
QUEUE = ("runs", "studies", "study_runs", "companions", "trash")  # what says whose turn it is, and what was deleted
SHOWN_ALONE = frozenset({"share", "stage", "note", "device", "error", "speedup", "title", "created_at", "anew"})  # of no weight for it
PLAN = {
    "dataset": "digits", "model": "small_cnn", "request": {"kind": "class", "picks": [3], "amount": 0.0, "seed": 0, "column": ""},
    "variants": [{"method": "ssd", "settings": {}}], "seeds": [0, 1], "reference": True, "title": "",
}  # fmt: skip


def filled(root: Path) -> tuple[Home, list[str]]:
    """Two finished runs in a study of theirs, and one that waits and has a companion; a second study beside it; one that was deleted."""
    home = open_home(root)
    ids = [plant(home, spec("ssd", seed=seed)) for seed in (0, 1)]
    with ResultStore(home.database) as store:
        ids.append(store.add(spec("ssd", seed=2)))
        store.keep("key", "kind", "file", 1.0)
        with store.db.transaction() as write:
            for study in ("s1", "s2"):
                write.execute("insert into studies (id, title, plan, created_at) values (?, '', ?, '2026-01-02T03:04:05+00:00')",
                              (study, json.dumps(PLAN)))  # fmt: skip
                write.executemany("insert into study_runs values (?, ?, 0, 0)", [(study, run_id) for run_id in ids[:2]])
            write.execute("insert into stands values (?, null, '2026-01-02T03:04:05+00:00', '{}', 1.5, 'cpu', '', '')", (ids[1],))
            write.execute("insert into companions values (?, ?)", (ids[2], ids[1]))
        store.request_cancel(gone := store.add(spec("ssd", seed=5)))
        store.delete(gone)
    return home, ids


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, list[str]]:
    return filled(tmp_path_factory.mktemp("template") / "home")


@pytest.fixture
def fresh(template: tuple[Home, list[str]], tmp_path: Path) -> Fresh:
    """A copy of the template's database in a home of its own, made anew by each call."""
    home = open_home(tmp_path / "home")

    def make() -> Home:
        for file in home.root.glob("forgetscope.db*"):
            file.unlink()
        shutil.copyfile(template[0].database, home.database)
        return home

    return make


def columns(home: Home, table: str) -> list[str]:
    with sqlite3.connect(home.database) as db:
        found = [row[1] for row in db.execute(f"pragma table_info({table})")]
    db.close()
    return found


def spoil(db: sqlite3.Connection, table: str, column: str, value: object) -> bool:
    """Put it into the table's first row; False where SQLite itself refuses it."""
    put = UNDECODABLE if value == UNDECODABLE else "?"
    try:
        db.execute(f"update {table} set {column} = {put} where rowid = (select min(rowid) from {table})", () if put != "?" else (value,))
    except (sqlite3.IntegrityError, UnicodeEncodeError):
        return False
    return True


def looked_at(store: ResultStore, ids: list[str]) -> list[Run | DamagedRun]:
    """All that pages and commands read, without a traceback."""
    store.reconcile()
    rows = run_list.page_of(store)
    for sort in run_list.SORTS:
        assert len(run_list.page_of(store, run_list.Wanted(sort=sort, text="ssd"))) <= len(rows)
    run_list.choices(store)
    for run in store.runs():
        store.measurements(run.id)
        store.artifacts(run.id)
        beside(store, run.spec)
    finished_runs(store)
    all_values(store, ids)
    store.files()
    store.kept("key")
    for study in progress.standings(store):
        assert study.edition
        for member in study.runs:
            assert study.plan.variants[member.variant]
    progress.damaged(store)
    trash.deleted(store.db)
    durations.queue(store.db, durations.history(store.db), datetime.now(UTC))
    run_queue.companions(store.db, ids[2])
    return rows


def begun(store: ResultStore) -> list[str]:
    """The queued runs in the order in which they begin; each fails at once."""
    found = []
    while claimed := store.claim(ProcessId.of_this_process()):
        found.append(claimed[0].id)
        store.limit(found[-1])
        store.finish(found[-1], claimed[1], RunStatus.FAILED)
    return found


def spoilt(fresh: Fresh, table: str, but: frozenset[str] = frozenset()) -> Iterator[tuple[str, object, Home]]:
    """Each column `but` these with each hostile value that SQLite takes."""
    for column in (name for name in columns(fresh(), table) if name not in but):
        for value in (*HOSTILE, UNDECODABLE):
            home = fresh()
            raw = sqlite3.connect(home.database)
            taken = spoil(raw, table, column, value)
            raw.commit()
            raw.close()
            if taken:
                yield column, value, home


@pytest.mark.parametrize("table", TABLES)
def test_whatever_a_column_holds_the_other_rows_are_read(template, fresh, table):
    ids, seen = template[1], set()
    for column, value, home in spoilt(fresh, table):
        with ResultStore(home.database) as store:
            rows = looked_at(store, ids)
            assert len(rows) == len(ids), (column, value)
            assert {row.id for row in rows if isinstance(row, Run)} >= set(ids[1:]), (column, value)
            damaged = [row for row in rows if isinstance(row, DamagedRun)]
            for row in damaged:
                seen.add(column)
                assert row.wrong.startswith(f"The database's row of run {row.id} is damaged: ")
                assert row.wrong.isprintable()
                assert row.wrong.endswith(".")
                with pytest.raises(WrongInput, match="can only be deleted"):
                    store.existing(row.id)
                store.remove_damaged(row.id)
                assert store.row(row.id) is None
            assert len(run_list.page_of(store)) == len(ids) - len(damaged)
    if table == "runs":  # in these, something is always wrong with one of the values
        assert seen >= {"id", "spec", "status", "attempt", "share", "created_at", "seconds", "cancel_requested", "note", "speedup"}


@pytest.mark.parametrize("table", QUEUE)
def test_whatever_a_column_holds_runs_begin_and_deletions_can_be_undone(template, fresh, table):
    for column, value, home in spoilt(fresh, table, SHOWN_ALONE):
        with ResultStore(home.database) as store:
            first, last = (store.add(spec("ssd", seed=seed)) for seed in (8, 9))
            store.request_cancel(last)
            before = store.finished_revision()
            store.delete(template[1][1])
            assert store.finished_revision() == before + 1, (column, value)
            trash.put_back(store.db, template[1][1])
            assert store.finished_revision() == before + 2, (column, value)
            assert store.existing(template[1][1]).status == RunStatus.DONE
            store.delete(last)
            assert last in trash.empty(store.db, last)[0]
            assert [one for one in trash.deleted(store.db) if one.id == last] == []
            assert store.has(RunStatus.QUEUED)
            assert first in durations.queue(store.db, durations.history(store.db), datetime.now(UTC)), (column, value)
            assert first in begun(store), (column, value)
            assert not store.has(RunStatus.RUNNING)


@pytest.mark.parametrize("column, value", [("id", None), ("id", b"x"), ("attempt", "one")])
def test_a_running_row_that_can_never_end_keeps_no_place_from_the_others(template, fresh, column, value):
    home = fresh()
    with sqlite3.connect(home.database) as raw:
        raw.execute("update runs set status = 'running' where rowid = 1")
        spoil(raw, "runs", column, value)
    raw.close()
    with ResultStore(home.database) as store:
        assert not store.has(RunStatus.RUNNING)
        assert begun(store) == [template[1][2]]


def of_a_run(**row):
    return json.dumps({table: [row] if table == "runs" else [] for table in trash.OF_RUN})


@pytest.mark.parametrize("content", [
    "{broken", "[]", '{"runs": 3}', '{"sqlite_master": []}', "{}", of_a_run(), of_a_run(id=[]), of_a_run(id="a", turn=2**70),
])  # fmt: skip
def test_what_was_deleted_and_is_damaged_is_not_put_back_and_goes(fresh, content):
    home = fresh()
    with ResultStore(home.database) as store:
        (deleted,) = trash.deleted(store.db)
        with store.db.transaction() as write:
            write.execute("update trash set content = ?, files = ?", (content, content))
        with pytest.raises(WrongInput, match=f"What was written down of {deleted.id} when it was deleted is damaged"):
            trash.put_back(store.db, deleted.id)
        assert trash.empty(store.db, deleted.id) == ([deleted.id], [])
        assert trash.deleted(store.db) == []


@pytest.mark.parametrize("column, value, told", [
    ("status", "lost", "status should be one of queued, running, done, failed, cancelled, interrupted, but is 'lost'"),
    ("spec", "{broken", "in spec, a spec in JSON is wanted, but there is '{broken'"),
    ("spec", "[1]", "in spec, a spec should be an object in JSON, but is '[1]'"),
    ("note", UNDECODABLE, "note should be readable text, but is no readable text"),
    ("share", "half", "share should be a number, but is 'half'"),
    ("share", 2.5, "share should lie between 0 and 1, but is 2.5"),
    ("created_at", "2026-01-02", "created_at should be a time with its zone, but is '2026-01-02'"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(template, fresh, column, value, told):
    home, first = fresh(), template[1][0]
    with sqlite3.connect(home.database) as raw:
        spoil(raw, "runs", column, value)
    raw.close()
    with ResultStore(home.database) as store:
        assert store.row(first) == DamagedRun(first, f"The database's row of run {first} is damaged: {told}.")


def test_a_row_without_an_id_is_known_by_its_place_and_can_be_deleted(template, fresh):
    home = fresh()
    with sqlite3.connect(home.database) as raw:
        spoil(raw, "runs", "id", None)
    raw.close()
    with ResultStore(home.database) as store:
        assert store.row("row-1").wrong == "The database's row of run row-1 is damaged: id should be a short text, but is nothing."
        assert store.row("row-2") is None  # a whole row is known by its id alone
        store.remove_damaged("row-1")
        assert [row.id for row in run_list.page_of(store)] == template[1][:0:-1]
        with pytest.raises(WrongInput, match="There is no run"):
            store.remove_damaged(template[1][1])


@pytest.mark.parametrize("plan", ["{broken", "[]", json.dumps(PLAN | {"seeds": []}), json.dumps(PLAN | {"variants": [3]}),
                                  json.dumps(PLAN | {"request": {"kind": "all"}}), json.dumps(PLAN | {"dataset": None})])  # fmt: skip
def test_a_study_with_a_broken_plan_is_told_and_can_be_deleted_and_the_other_works(fresh, plan):
    home = fresh()
    with sqlite3.connect(home.database) as raw:
        raw.execute("update studies set plan = ? where id = 's1'", (plan,))
    raw.close()
    with ResultStore(home.database) as store:
        assert [study.stored.id for study in progress.standings(store)] == ["s2"]
        (damaged,) = progress.damaged(store)
        assert damaged.id == "s1"
        assert damaged.wrong.startswith("The database's row of study s1 is damaged: in plan, ")
        with pytest.raises(WrongInput, match="can only be deleted"):
            progress.progress(store, "s1")
        studies.forget(store, "s1")
        assert progress.damaged(store) == []


def test_a_queued_run_whose_spec_is_broken_fails_and_holds_up_nobody(template, fresh):
    home = fresh()
    with ResultStore(home.database) as store:
        with store.db.transaction() as write:
            write.execute("update runs set spec = '{broken' where id = ?", (template[1][2],))
        waiting = store.add(spec("ssd", seed=3))
        claimed = store.claim(ProcessId.of_this_process())
        assert claimed is not None
        assert claimed[0].id == waiting
        (row,) = store.db.read("select status, error from runs where id = ?", (template[1][2],))
        assert row["status"] == RunStatus.FAILED
        assert "damaged" in row["error"]


def test_a_running_row_that_names_no_process_is_interrupted(template, fresh):
    home, run_id = fresh(), template[1][2]
    with ResultStore(home.database) as store:
        for pid, started in ((None, None), ("here", 1.0), (-5, 2.0), (2**40, 3.0), (1, None)):
            with store.db.transaction() as write:
                write.execute("update runs set status = 'running', supervisor_pid = ?, supervisor_started = ? where id = ?",
                              (pid, started, run_id))  # fmt: skip
            store.reconcile()
            assert store.existing(run_id).status == RunStatus.INTERRUPTED


def test_a_turn_that_is_no_number_does_not_put_new_runs_at_the_end(template, fresh):
    home = fresh()
    with ResultStore(home.database) as store:
        with store.db.transaction() as write:
            write.execute("update runs set turn = 'last' where id = ?", (template[1][0],))
        added = store.add(spec("ssd", seed=4))
        assert [row["turn"] for row in store.db.read("select turn from runs where id = ?", (added,))] == [4]


def test_a_whole_spec_is_read_as_it_was_written():
    made = spec("ssd", "attribute:glasses=1,2", seed=7, params={"alpha": 2.0, "mask": "é"}, weights="ab")
    assert RunSpec.from_json(made.to_json()) == made
    later = json.loads(made.to_json()) | {"field of a later version": 1}
    assert RunSpec.from_json(json.dumps(later)) == made
