"""A home that serves, and each way in which it cannot: one sentence, and nothing lost."""

import errno
import json
import os
from pathlib import Path
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd
import pytest

from core.domain.code_version import catalogue_version
from core.domain.errors import WrongInput
from core.jobs.write_catalogue import write
from core.storage import database, permissions, trash
from core.storage.artifacts import Artifacts
from core.storage.database import to_look_at
from core.storage.disk_and_memory_errors import DiskTrouble
from core.storage.home import Home, open_home
from core.storage.migrations import APPLICATION_ID, MIGRATIONS
from core.storage.runs import ResultStore
from tests.conftest import ROOT
from tests.planted import plant
from tests.planted import spec as planted


def refused(root: Path, words: str) -> None:
    """One sentence that names the path."""
    with pytest.raises(WrongInput, match=words) as caught:
        open_home(root)
    text = str(caught.value)
    assert str(root) in text
    assert "\n" not in text
    assert text.endswith(".")


def test_a_home_is_made_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "deep" / "home"))
    home = open_home()
    assert home == Home(tmp_path / "deep" / "home")
    assert home.database.is_file()
    assert home.artifacts_folder.is_dir()
    assert home.logs_folder.is_dir()
    assert sorted(path.name for path in home.root.iterdir()) == ["artifacts", "forgetscope.db", "logs"]


def test_a_home_is_in_the_users_data_folder_else(tmp_path, monkeypatch):
    monkeypatch.delenv("FORGETSCOPE_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    root = open_home().root
    assert root.is_relative_to(tmp_path)
    assert root.name == "forgetscope"


def test_what_was_stored_is_there_when_opened_again(home, spec):
    with ResultStore(home.database) as store:
        run_id = store.add(spec())
    with ResultStore(open_home(home.root).database) as store:
        assert store.run(run_id).spec == spec()


def test_many_processes_may_open_a_new_home_at_once(tmp_path):
    code = "import sys; from pathlib import Path; from core.storage.home import open_home; open_home(Path(sys.argv[1]))"
    root = tmp_path / "new"
    openers = [subprocess.Popen([sys.executable, "-c", code, root], stderr=subprocess.PIPE) for _ in range(6)]
    assert [opener.communicate(timeout=60)[1] for opener in openers] == [b""] * 6


def test_a_home_that_is_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    refused(file, "A folder is wanted")
    refused(file / "below", "A folder is wanted")
    assert file.read_text() == "mine"


def test_a_foreign_database_is_refused_and_left_as_it_is(tmp_path):
    path = Home(tmp_path).database
    with sqlite3.connect(path) as foreign:
        foreign.execute("create table recipes (name text)")
    foreign.close()
    before = path.read_bytes()
    refused(tmp_path, "belongs to another program")
    assert path.read_bytes() == before


def test_a_corrupt_database_is_refused_and_left_as_it_is(home):
    home.database.write_bytes(b"not a database at all " * 500)
    before = home.database.read_bytes()
    refused(home.root, "damaged or of another kind")
    assert home.database.read_bytes() == before


def test_a_truncated_database_is_refused(home):
    whole = home.database.read_bytes()
    for length in (50, 5000, len(whole) // 2):
        home.database.write_bytes(whole[:length])
        refused(home.root, "damaged or of another kind")


def test_a_database_that_is_a_folder_is_refused(tmp_path):
    Home(tmp_path).database.mkdir()
    refused(tmp_path, "cannot be opened")


def test_a_database_from_a_newer_forgetscope_is_refused_and_left_as_it_is(home):
    db = sqlite3.connect(home.database)
    db.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    db.close()
    before = home.database.read_bytes()
    refused(home.root, "written by a newer Forgetscope")
    assert home.database.read_bytes() == before


def test_a_database_of_version_one_is_brought_up_to_date_and_keeps_its_rows(tmp_path, spec):
    old = sqlite3.connect(Home(tmp_path).database)
    old.executescript(MIGRATIONS[0])
    old.execute(f"pragma application_id = {APPLICATION_ID}")
    old.execute("pragma user_version = 1")
    old.execute(
        "insert into runs (id, spec, status, turn, created_at) values (?, ?, 'done', 1, '2026-01-02T03:04:05+00:00')",
        (spec().id, spec().to_json()),
    )
    old.execute("insert into measurements values (?, 'accuracy', 'original', 0.5, '')", (spec().id,))
    old.commit()
    old.close()
    with ResultStore(open_home(tmp_path).database) as store:
        assert store.run(spec().id).spec == spec()
        assert [m.value for m in store.measurements(spec().id)] == [0.5]
        store.keep("k", "original", "file", 1.0)
        assert store._db._version() == len(MIGRATIONS)


def test_what_was_called_nomus_before_the_published_one_had_the_name_keeps_its_value_under_its_own(tmp_path, spec):
    """In a run, and in one that was deleted and is put back."""
    there, gone = spec(), spec(seed=5)
    old = sqlite3.connect(Home(tmp_path).database)
    for sql in MIGRATIONS[:8]:
        old.executescript(sql)
    old.execute(f"pragma application_id = {APPLICATION_ID}")
    old.execute("pragma user_version = 8")
    run = "insert into runs (id, spec, status, turn, created_at) values (?, ?, 'done', 1, '2026-01-02T03:04:05+00:00')"
    number = {"run_id": gone.id, "model": "unlearned", "value": 0.75, "reason": ""}
    content = {"artifacts": [], "study_runs": [], "companions": [],
               "runs": [{"id": gone.id, "spec": gone.to_json(), "status": "done", "turn": 2, "created_at": "2026-01-02T03:04:05+00:00"}],
               "measurements": [{**number, "metric": "nomus"}, {**number, "metric": "tow"}]}  # fmt: skip
    old.execute(run, (there.id, there.to_json()))
    for metric in ("nomus", "tow"):
        old.execute("insert into measurements values (?, ?, 'unlearned', 0.75, '')", (there.id, metric))
    old.execute("insert into trash values (?, 'nomus', '2026-01-02T03:04:05+00:00', ?, '[]')", (gone.id, json.dumps(content)))
    old.commit()
    old.close()
    with ResultStore(open_home(tmp_path).database) as store:
        trash.put_back(store.db, gone.id)
        for spec_ in (there, gone):
            assert {m.metric: m.value for m in store.measurements(spec_.id)} == {"nomus_standardised": 0.75, "tow": 0.75}


def test_a_migration_that_fails_leaves_the_database_as_it_was(home, monkeypatch):
    broken = (*MIGRATIONS, "create table extra (x); create table runs (again);")
    monkeypatch.setattr("core.storage.database.MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        ResultStore(home.database)
    monkeypatch.undo()
    with ResultStore(home.database) as store:
        assert store._db._version() == len(MIGRATIONS)
        assert not store._db.read("select 1 from sqlite_master where name = 'extra'")


LOOK = """
import contextlib, io, os, sys
from core.cli import main as entry
home, done, waiting = sys.argv[1:]

def all_commands():
    for words in ("runs --json", "studies --json", f"compare {done} --json", f"show {done}", f"cancel {waiting}"):
        sys.argv = ["core", *words.split()]
        left = 0
        try:
            entry.main()
        except SystemExit as ended:
            left = ended.code
        print("left with", left)

os.environ["FORGETSCOPE_HOME"] = home + "-warm"
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    all_commands()  # whose modules another user may not be able to read
os.environ["FORGETSCOPE_HOME"] = home
os.setgid(65534); os.setuid(65534)
all_commands()
"""


@pytest.fixture
def open_to_others():
    """A home that another user may read: pytest's own folders are closed to others."""
    folder = Path(tempfile.mkdtemp())
    home = open_home(folder / "home")
    done, waiting = plant(home, planted("ssd")), None
    with ResultStore(home.database) as store:
        waiting = store.add(planted("ssd", seed=1))
    write(home.root / "catalogue" / catalogue_version())
    shutil.copytree(home.root, folder / "home-warm")
    folder.chmod(0o755)
    for path in (home.root, *home.root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield home, done, waiting
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("log", ["folded in", "left behind"])
def test_a_home_that_takes_no_file_can_be_looked_at_by_every_command(open_to_others, log):
    """By a user who may only read; also where a killed process left changes that only SQLite can fold in."""
    home, done, waiting = open_to_others
    if log == "left behind":
        killed = sqlite3.connect(home.database, isolation_level=None)
        killed.execute("pragma wal_autocheckpoint = 0")
        killed.execute("update runs set error = 'in the log alone' where id = ?", (done,))
        beside = home.database.with_name("forgetscope.db-wal")
        content, whole = beside.read_bytes(), home.database.read_bytes()
        killed.close()
        home.database.write_bytes(whole)
        beside.write_bytes(content)
    said = subprocess.run([sys.executable, "-c", LOOK, home.root, done, waiting], cwd=ROOT, capture_output=True, text=True, timeout=120,
                          check=False)  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "Traceback" not in said.stderr, said.stderr
    runs, left, studies, rest = said.stdout.split("\n", 3)
    assert [run["id"] for run in json.loads(runs)] == [waiting, done]
    assert (json.loads(runs)[1]["error"] == "in the log alone") == (log == "left behind")
    assert (left, studies) == ("left with 0", "[]")
    assert [line for line in rest.splitlines() if line.startswith("left")] == ["left with 0"] * 3 + ["left with 1"]
    assert "test images of class 3" in rest
    assert said.stderr == f"Forgetscope must be able to write to {home.database}, but it is read-only.\n"  # of `cancel`
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o755


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_or_read_only_disk_is_told_and_what_is_stored_is_looked_at(home, spec, monkeypatch, number):
    with ResultStore(home.database) as store:
        run_id = store.add(spec())

    def full(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WrongInput, match=r"no space left|quota|disk is read-only"):
        open_home(home.root / "another")  # where nothing is stored, there is nothing to look at
    again = open_home(home.root)
    assert str(home.root) in again.unwritable
    assert again == home
    with ResultStore(again.database) as store:
        assert store.existing(run_id).spec == spec()


@pytest.mark.parametrize("code, words", [
    (sqlite3.SQLITE_CANTOPEN, "cannot be opened"), (sqlite3.SQLITE_FULL, "no space left"), (sqlite3.SQLITE_IOERR, "disk failed"),
    (sqlite3.SQLITE_READONLY, "read-only"),
])  # fmt: skip
def test_a_database_that_cannot_be_opened_for_writing_is_opened_for_reading(home, spec, monkeypatch, code, words):
    with ResultStore(home.database) as store:
        run_id = store.add(spec())
    connect = sqlite3.connect

    def refuses(path, *more, **named):
        if not named.get("uri"):
            error = sqlite3.OperationalError("planted")
            error.sqlite_errorcode = code
            raise error
        return connect(path, *more, **named)

    monkeypatch.setattr(sqlite3, "connect", refuses)
    with ResultStore(home.database) as store:
        assert words in store.db.read_only
        store.reconcile()
        assert [run.id for run in store.runs()] == [run_id]
        with pytest.raises(DiskTrouble, match=words):
            store.request_cancel(run_id)
    assert words in open_home(home.root).unwritable


def test_an_older_database_that_cannot_be_written_is_brought_up_to_date_in_memory_alone(tmp_path, spec):
    old = sqlite3.connect(Home(tmp_path).database)
    old.executescript(MIGRATIONS[0])
    old.execute(f"pragma application_id = {APPLICATION_ID}")
    old.execute("pragma user_version = 1")
    old.execute("insert into runs (id, spec, status, turn, created_at) values (?, ?, 'done', 1, '2026-01-02T03:04:05+00:00')",
                (spec().id, spec().to_json()))  # fmt: skip
    old.commit()
    old.close()
    before = Home(tmp_path).database.read_bytes()
    looked = to_look_at(Home(tmp_path).database)
    assert [row["id"] for row in looked.execute("select * from runs")] == [spec().id]
    assert looked.execute("select value from finished_revision").fetchone()[0] == 0
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        looked.execute("delete from runs")
    looked.close()
    assert Home(tmp_path).database.read_bytes() == before


posix = pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")


def others_may(*paths: Path) -> list[str]:
    return [path.name for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]


@posix
def test_a_new_home_and_all_that_is_put_into_it_is_its_owners_alone(tmp_path, spec):
    before = os.umask(0)  # the most generous
    try:
        home = open_home(tmp_path / "home")
        with ResultStore(home.database) as store:
            store.add(spec())
            put = Artifacts(home.artifacts_folder)
            put.put_arrays({"a": np.zeros(3)})
            put.put_table(pd.DataFrame({"a": [1]}))
            files = [home.root, *home.root.rglob("*")]
            assert {path.name for path in files} >= {"forgetscope.db", "forgetscope.db-wal", "forgetscope.db-shm", "artifacts", "logs"}
            assert others_may(*files) == []
            assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
            assert stat.S_IMODE(home.database.stat().st_mode) == 0o600
    finally:
        os.umask(before)


@posix
def test_a_home_that_was_open_to_others_is_closed_and_a_folder_with_other_things_in_it_stays(tmp_path):
    home, shared = open_home(tmp_path / "home"), open_home(tmp_path / "shared")
    (shared.root / "plans of somebody else.txt").write_text("mine")
    for at in (home, shared):
        for path in (at.root, at.artifacts_folder, at.logs_folder):
            path.chmod(0o755)
        at.database.chmod(0o644)
        open_home(at.root)
    assert others_may(home.root, home.artifacts_folder, home.logs_folder, home.database) == []
    assert others_may(shared.root, shared.artifacts_folder, shared.database) == ["shared"]


@posix
def test_what_is_anothers_or_everybodys_is_left_alone(tmp_path, monkeypatch):
    sticky, theirs = tmp_path / "sticky", tmp_path / "theirs"
    for folder, mode in ((sticky, 0o1777), (theirs, 0o755)):
        folder.mkdir()
        folder.chmod(mode)
    permissions.tighten(sticky)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    permissions.tighten(theirs)
    permissions.tighten(tmp_path / "nowhere")
    assert stat.S_IMODE(sticky.stat().st_mode) == 0o1777
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o755


def _fill(store, spec):
    for seed in range(1, 1000):
        store.add(spec(seed, padding="x" * 500))


def test_a_disk_that_fills_up_later_is_told_and_loses_nothing(home, spec):
    with ResultStore(home.database) as store:
        first = store.add(spec(0))
        pages = store._db._db.execute("pragma page_count").fetchone()[0]
        store._db._db.execute(f"pragma max_page_count = {pages}")  # SQLite's own way to a full disk
        with pytest.raises(WrongInput, match=r"no space left to write .*forgetscope\.db"):
            _fill(store, spec)
        stored = len(store.runs(10_000))
    with ResultStore(home.database) as store:
        assert store.run(first).spec == spec(0)
        assert len(store.runs(10_000)) == stored


def test_damage_met_later_is_told(home, spec):
    with ResultStore(home.database) as store:
        for seed in range(200):
            store.add(spec(seed))
    content = bytearray(home.database.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)  # the first page, with the schema, stays whole
    home.database.write_bytes(content)
    with pytest.raises(WrongInput, match="damaged or of another kind"), ResultStore(home.database) as store:
        store.runs()


def test_a_lock_held_too_long_is_told(home, spec, monkeypatch):
    monkeypatch.setattr("core.storage.database.PATIENCE", 0.05)
    holder = sqlite3.connect(home.database, isolation_level=None)
    holder.execute("begin immediate")
    with ResultStore(home.database) as store, pytest.raises(WrongInput, match="locked for too long"):
        store.add(spec())
    holder.close()


def test_an_error_of_ours_is_not_dressed_up(store):
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        store._db.read("select * from nowhere")


def test_a_file_that_another_process_makes_ours_while_it_is_looked_at_is_ours(tmp_path, monkeypatch):
    path = tmp_path / "forgetscope.db"
    asked = []

    class Connection(sqlite3.Connection):
        """Lets somebody else make the file's tables between our first look and our second."""

        def execute(self, sql, *values):
            asked.append(sql)
            if len(asked) == 2:
                monkeypatch.setattr(database.sqlite3, "connect", connect)
                database.Database(path).close()
            return super().execute(sql, *values)

    connect = sqlite3.connect
    monkeypatch.setattr(database.sqlite3, "connect", lambda *a, **k: connect(*a, factory=Connection, **k))
    opened = database.Database(path)
    assert opened.read("select count(*) as n from runs")[0]["n"] == 0
    opened.close()
