"""A home that serves, and each way in which it cannot: one sentence, and nothing lost."""

import errno
import os
from pathlib import Path
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile

import pytest

from core.domain import WrongInput
from core.store import database
from core.store.home import Home, open_home
from core.store.migrations import APPLICATION_ID, MIGRATIONS
from core.store.results import ResultStore


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
    code = "import sys; from pathlib import Path; from core.store.home import open_home; open_home(Path(sys.argv[1]))"
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


def test_a_migration_that_fails_leaves_the_database_as_it_was(home, monkeypatch):
    broken = (*MIGRATIONS, "create table extra (x); create table runs (again);")
    monkeypatch.setattr("core.store.database.MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        ResultStore(home.database)
    monkeypatch.undo()
    with ResultStore(home.database) as store:
        assert store._db._version() == len(MIGRATIONS)
        assert not store._db.read("select 1 from sqlite_master where name = 'extra'")


READ_ONLY = """
import os, sys
from pathlib import Path
from core.domain import WrongInput
from core.store.home import open_home
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    open_home(Path(sys.argv[1]))
except WrongInput as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["folder", "database"])
def test_a_read_only_home_is_refused(what):
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    try:
        home = open_home(folder / "home")
        for path in (folder, home.root, home.artifacts_folder, home.logs_folder):
            path.chmod(0o777)
        closed = home.root if what == "folder" else home.database
        closed.chmod(0o555 if what == "folder" else 0o444)
        command = [sys.executable, "-c", READ_ONLY, home.root]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert said.stderr == ""
        assert said.stdout.startswith(f"Forgetscope must be able to write to {closed}")
        assert stat.S_IMODE(closed.stat().st_mode) in (0o555, 0o444)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_or_read_only_disk_is_told(home, monkeypatch, number):
    def full(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", full)
    refused(home.root, "no space left|quota|disk is read-only")


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
    monkeypatch.setattr("core.store.database.PATIENCE", 0.05)
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
