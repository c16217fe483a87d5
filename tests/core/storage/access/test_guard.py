"""SQLite itself keeps a person to his own rows, whatever code writes: table by table, in raw SQL."""

from contextlib import closing
import sqlite3
import threading

import pytest

from core.domain.errors import WrongInput
from core.storage.access import actors, guard
from core.storage.access.actors import ADMIN, MEMBER, READER, Actor, Forbidden
from core.storage.access.guard import COUNTERS, RULES
from core.storage.audience import guesses
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.forbidden import BEN, CLEO, NOBODY, ZOE, make_things

ADMIN_ADA, MEMBER_BEN, READER_CLEO = Actor("ada@lab.example", ADMIN), Actor(BEN, MEMBER), Actor(CLEO, READER)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Things of Ben, Zoe and nobody in particular."""
    home = open_home(tmp_path_factory.mktemp("home"))
    for place, owner in enumerate((BEN, ZOE, NOBODY), 1):
        things = make_things(home, owner, place)
        with ResultStore(home.database) as store, store.db.transaction() as write:
            write.execute("insert into companions values (?, ?)", (things.done, things.queued))
            write.execute("insert into stands (run_id) values (?)", (things.done,))
            write.execute("insert into kept values (?, 'original/x', 'file', 1, '2026-01-01')", (owner,))
            write.execute("insert into guess_pools values (?, ?, 'r', 1, '')", (owner, things.done))
            write.execute("insert into guess_counts values (?, ?, 'q', 1, 1)", (owner, things.done))
    return home


def tables(db):
    return {row[0] for row in db.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")}


def undone(home, who, sql, values=()):
    """What SQL comes to for who acts, and is rolled back: None where it was done, else the sentence of the refusal."""
    with actors.acting_as(who):
        try:
            with ResultStore(home.database) as store, store.db.transaction() as write:
                write.execute(sql, values)
                raise ZeroDivisionError
        except Forbidden as forbidden:
            return str(forbidden)
        except ZeroDivisionError:
            return None


def test_every_table_has_its_rule(home):
    with closing(sqlite3.connect(home.database)) as db:
        assert tables(db) == {*RULES, *COUNTERS}


def whole_row(home, table, where="1"):
    with closing(sqlite3.connect(home.database)) as db:
        row = db.execute(f"select * from {table} where {where} limit 1").fetchone()
        names = [column[1] for column in db.execute(f"pragma table_info({table})")]
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("table", RULES)
def test_a_reader_writes_into_no_table(home, table):
    row = whole_row(home, table)
    marks = ", ".join("?" * len(row))
    assert undone(home, READER_CLEO, f"delete from {table}")
    assert undone(home, READER_CLEO, f"update {table} set rowid = rowid")
    assert undone(home, READER_CLEO, f"insert or replace into {table} values ({marks})", tuple(row.values()))


OWNED = {
    "runs": "owner", "studies": "owner", "jobs": "owner", "decks": "owner", "trash": "owner",
    "measurements": "(select owner from runs where id = run_id)", "artifacts": "(select owner from runs where id = run_id)",
    "stands": "(select owner from runs where id = run_id)", "companions": "(select owner from runs where id = run_id)",
    "study_runs": "(select owner from studies where id = study_id)", "slides": "(select owner from decks where id = deck)",
}  # fmt: skip


@pytest.mark.parametrize("table", OWNED)
def test_a_member_writes_his_own_rows_alone(home, table):
    for owner, theirs in ((BEN, False), (ZOE, True), (NOBODY, True)):
        mine = f"{OWNED[table]} = '{owner}'"
        assert bool(undone(home, MEMBER_BEN, f"update {table} set rowid = rowid where {mine}")) == theirs
        assert bool(undone(home, MEMBER_BEN, f"delete from {table} where {mine}")) == theirs
        row = whole_row(home, table, mine)
        again = f"insert into {table} select * from {table} where {mine} on conflict do nothing"
        if "owner" in row:
            row |= {"id": "another"}
            again = f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})"
        assert bool(undone(home, MEMBER_BEN, again, tuple(row.values()) if "owner" in row else ())) == theirs
        assert undone(home, ADMIN_ADA, f"delete from {table} where {mine}") is None


@pytest.mark.parametrize("table", [table for table, column in OWNED.items() if column == "owner"])
def test_nothing_is_given_away_or_taken(home, table):
    assert "somebody else's" in undone(home, MEMBER_BEN, f"update {table} set owner = '{ZOE}' where owner = '{BEN}'")
    assert undone(home, MEMBER_BEN, f"update {table} set owner = '{BEN}' where owner = '{ZOE}'")
    assert undone(home, MEMBER_BEN, f"update {table} set owner = '{BEN}' where owner = ''")


def test_a_reader_who_owns_things_from_before_changes_them_no_more(home):
    assert undone(home, Actor(BEN, READER), f"update runs set note = 'x' where owner = '{BEN}'")
    assert undone(home, Actor(BEN, "visitor"), f"update runs set note = 'x' where owner = '{BEN}'")  # a role that there is none of
    assert undone(home, Actor(BEN, MEMBER), f"update runs set note = 'x' where owner = '{BEN}'") is None


def test_an_owner_that_is_null_is_nobodys(home):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for table in RULES:
            columns = {"measurements": "run_id", "artifacts": "run_id", "stands": "run_id", "companions": "run_id", "slides": "deck",
                       "study_runs": "study_id, run_id"}.get(table, "id, owner")  # fmt: skip
            db.execute(f"create table {table} ({columns})")
        db.execute("insert into runs values ('a', null)")
        found = guard.Guard(db)
        found.admit(MEMBER_BEN)
        with pytest.raises(sqlite3.IntegrityError, match="not yours: runs"):
            db.execute("delete from runs")


def test_outside_a_transaction_who_is_logged_in_only_reads(home):
    for who in (ADMIN_ADA, MEMBER_BEN, READER_CLEO):
        with actors.acting_as(who), ResultStore(home.database) as store:
            assert store.db.read("select count(*) as n from runs")[0]["n"] == 12
            with pytest.raises(WrongInput, match="read-only"):
                store.db.read("delete from runs")
            if who.member:
                with store.db.transaction():
                    pass
            with pytest.raises(WrongInput, match="read-only"):
                store.db.read("update runs set note = 'x'")


def test_without_a_login_there_is_no_guard(home):
    with ResultStore(home.database) as store:
        with store.db.transaction() as write:
            assert not write.execute("select * from temp.sqlite_master").fetchall()
        assert actors.current() is None
        assert actors.owner() == ""
        assert actors.may_change(ZOE)


def test_the_system_acts_inside_of_what_a_person_does_and_no_longer(home):
    sql = f"update runs set note = 'upkeep' where owner = '{ZOE}'"

    def both():
        with ResultStore(home.database) as store, store.db.transaction() as write:
            with actors.as_system():
                assert write.execute(sql).rowcount == 4
            write.execute(sql)

    with actors.acting_as(MEMBER_BEN), pytest.raises(Forbidden):
        both()
    with ResultStore(home.database) as store:
        assert not store.db.read("select 1 from runs where note != ''")


def test_who_acts_is_asked_anew_at_each_transaction(home):
    role = [MEMBER]
    actors.install(lambda: Actor(BEN, role[0]))
    try:
        with ResultStore(home.database) as store:
            with store.db.transaction():
                pass
            role[0] = READER
            with pytest.raises(Forbidden, match="As a reader"), store.db.transaction():
                pass
    finally:
        actors.uninstall()


def test_another_thread_does_not_inherit_who_acts(home):
    found = []
    with actors.acting_as(ADMIN_ADA):
        thread = threading.Thread(target=lambda: found.append(actors.current()))
        thread.start()
        thread.join()
    assert found == [None]  # with a resolver it is asked of the thread's own context, which has nobody


def test_a_reader_guesses_and_can_push_no_class_out(home, monkeypatch):
    with actors.acting_as(READER_CLEO), ResultStore(home.database) as store:
        guesses.count(store, "new class", "a" * 12, {"accuracy": 3})
        assert guesses.pool(store, "new class", "a" * 12).guesses == 1
        monkeypatch.setattr(guesses, "POOLS", 1)
        with pytest.raises(Forbidden, match="a member of this server must begin"):
            guesses.count(store, "another", "a" * 12, {"accuracy": 3})
        with pytest.raises(Forbidden, match="As a reader"):
            guesses.clear(store, "new class", "a" * 12)
