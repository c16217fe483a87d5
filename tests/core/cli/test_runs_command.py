"""Looking from the command line: pages of runs, damaged rows, and how every command ends, held against README."""

import errno
import json
import os
import re
import sqlite3
import subprocess
import sys

import pytest

from core.cli import main as entry
from core.cli.common import EXIT, FAILED, STOPPED, WRONG_USE, cli
from core.domain.code_version import catalogue_version
from core.domain.run import RunStatus
from core.jobs.write_catalogue import write
from core.storage.disk_and_memory_errors import DiskTrouble
from core.storage.runs import ResultStore
from tests.conftest import ROOT
from tests.planted import plant, spec

DONE = 0


@pytest.fixture
def main(home, in_process):
    """The command line called in this process on an empty home."""
    write(home.root / "catalogue" / catalogue_version())  # else a process of its own would, for seconds
    return in_process


@pytest.fixture
def waiting(home):
    """Seven runs that wait, the last asked for last."""
    with ResultStore(home.database) as store:
        return [store.add(spec(("ssd", "scrub")[seed % 2], seed=seed)) for seed in range(7)]


def listed(told):
    return [line.split()[0] for line in told.splitlines()]


def test_runs_come_a_page_at_a_time_and_it_is_said_how_many_there_are(main, waiting):
    assert main("runs")[::2] == (DONE, "")  # all of them: nothing more to say
    status, told, more = main("runs", "--limit", "3")
    assert (status, listed(told)) == (DONE, waiting[:3:-1])
    assert more == "There are 7 runs; these are 1 to 3; --page 2 goes on, --limit 0 prints all.\n"
    _, told, more = main("runs", "--limit", "3", "--page", "3", "--json")
    assert [run["id"] for run in json.loads(told)] == waiting[:1]
    assert more == "There are 7 runs; these are 7 to 7.\n"
    assert main("runs", "--limit", "3", "--page", "9")[1:] == ("", "There are 7 runs, on 3 pages of 3; this page has none.\n")
    assert len(json.loads(main("runs", "--limit", "0", "--json")[1])) == 7


def test_runs_are_filtered_searched_and_sorted(main, waiting):
    _, told, more = main("runs", "--method", "scrub", "--sort", "oldest")
    assert listed(told) == waiting[1::2]
    assert more == "3 of 7 runs are as asked for.\n"
    assert listed(main("runs", "--search", "ssd seed=4")[1]) == [waiting[4]]
    assert json.loads(main("runs", "--status", "done", "--json")[1]) == []
    assert "one of" in main("runs", "--sort", "loudest")[2]


def test_an_empty_list_is_not_said_to_be_an_empty_home(main, waiting):
    assert "No runs yet" not in main("runs", "--search", "nothing of the kind")[1]


def test_a_damaged_run_is_told_and_the_others_work(main, home, waiting):
    good, bad = plant_beside(home), waiting[0]
    with ResultStore(home.database) as store, store.db.transaction() as write_to:
        write_to.execute("update runs set status = 'lost' where id = ?", (bad,))
    status, told, _ = main("runs")
    assert status == DONE
    assert f"{bad}  damaged     The database's row of run {bad} is damaged: status should be one of " in told
    assert len(listed(told)) == 8
    row = json.loads(main("runs", "--json")[1])[-1]
    assert (row["id"], row["status"], row["spec"]) == (bad, "damaged", None)
    status, told, wrong = main("show", bad)
    assert (status, told) == (FAILED, "")
    assert wrong.endswith(f"It can only be deleted: `delete {bad}`.\n")
    assert main("show", good)[0] == DONE
    status, told, left = main("compare", bad, good, "--json")
    assert (status, [run["id"] for run in json.loads(told)]) == (DONE, [good])
    assert left.startswith("Left out: The database's row of run")
    assert main("cancel", bad)[0] == DONE  # nothing to do
    assert main("delete", bad)[0] == DONE
    assert bad not in main("runs")[1]


def plant_beside(home):
    """A finished run among those that wait."""
    with ResultStore(home.database) as store, store.db.transaction() as write_to:
        write_to.execute("update runs set status = 'cancelled'")
    return plant(home, spec("ssd", seed=99))


def test_hostile_values_in_every_column_leave_every_command_without_a_traceback(main, home):
    """One home in which each column of each table is damaged in a row of its own; what each value does, the store's tests tell."""
    ids = [plant(home, spec("ssd", seed=seed)) for seed in range(2)]
    plan = json.dumps({"dataset": "digits", "model": "small_cnn", "request": {"kind": "class", "picks": [3]}, "seeds": [0, 1],
                       "variants": [{"method": "ssd", "settings": {}}], "reference": True, "title": ""})  # fmt: skip
    with ResultStore(home.database) as store, store.db.transaction() as write_to:
        write_to.execute("insert into studies (id, title, plan, created_at) values ('whole', '', ?, '2026-01-02T03:04:05+00:00')", (plan,))
        for at, run_id in enumerate(ids):
            write_to.execute("insert into study_runs values ('whole', ?, ?, 0)", (run_id, at * 7))  # one names no variant of the plan
    raw = sqlite3.connect(home.database)
    names = {table: [row[1] for row in raw.execute(f"pragma table_info({table})")] for table in ("runs", "studies", "measurements")}
    for table, columns in names.items():
        for column in columns:
            for place, value in enumerate(("'none of these'", "cast(x'66ff' as text)", "x'ff00'")):
                others = ", ".join(f"'{table}-{column}-{place}' as id" if name == "id" else name for name in columns)
                own = f"select {others} from {table} where rowid = 1"
                raw.execute(f"create temp table one as {own}")
                raw.execute(f"update one set {column} = {value}")
                raw.execute(f"insert or ignore into {table} select * from one")
                raw.execute("drop table one")
    raw.commit()
    raw.close()
    first = ids[0]
    for line in ("runs", "runs --json", "runs --search ssd", "studies", "studies --json", "show whole", f"show {first}",
                 f"show {first} --json", f"compare {first} {ids[1]}", "compare whole --json", f"compare {first} --csv"):  # fmt: skip
        words = line.split()
        status, told, wrong = main(*words)
        assert status == DONE, (words, wrong)
        assert told, words
    listing = json.loads(main("runs", "--json", "--limit", "0")[1])
    damaged = [run["id"] for run in listing if run["status"] == "damaged"]
    assert len(damaged) > 25
    for key in damaged:
        status, _, wrong = main("show", key)
        assert status == FAILED, (key, wrong)
        assert main("delete", key)[0] == DONE, key
    assert {run["status"] for run in json.loads(main("runs", "--json", "--limit", "0")[1])} == {"done"}
    for line in main("studies")[2].splitlines():
        assert main("delete", re.search(r"`delete (.+)`", line)[1])[0] == DONE, line
    assert main("studies")[2] == ""


# How commands end.


def test_readme_says_what_the_exit_statuses_are():
    told = re.search(r"Exit status: 0 done, 1 failed.*?, 2 wrong use.*?, 130\s+cancelled", (ROOT / "README.md").read_text(), re.DOTALL)
    assert told
    assert (EXIT[RunStatus.DONE], FAILED, WRONG_USE, STOPPED, EXIT[RunStatus.CANCELLED]) == (0, 1, 2, 130, 130)
    assert "disk" in told[0]


def commands(group=cli, before=()):
    assert entry.COMMANDS  # each of these modules has added its own to `cli`
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_wrong_use_of_every_command_ends_with_2_and_one_line(main, words):
    for more in (("--no-such-option",), ("there", "is", "no", "such", "argument")):
        status, told, wrong = main(*words, *more)
        assert (status, told) == (WRONG_USE, ""), more
        assert wrong.count("\n") == 1
        assert main(*words, "--help")[0] == DONE


@pytest.mark.parametrize("line", ["show nope", "cancel nope", "delete nope", "compare nope", "sweep nope", "data add nope",
                                  "data remove nope", "show row-1", "delete row-1", "delete study-row-1"])  # fmt: skip
def test_what_is_not_there_is_wrong_use(main, line):
    status, told, wrong = main(*line.split())
    assert (status, told) == (WRONG_USE, "")
    assert wrong.count("\n") == 1


def test_what_a_full_disk_does_not_let_fails_and_looking_goes_on(main, home, waiting, monkeypatch):
    def full(self):
        raise DiskTrouble(f"There is no space left to write {self.path}; free some and try again.")

    monkeypatch.setattr("core.storage.database.Database.transaction", full)
    study = home.root.parent / "study.toml"
    study.write_text('dataset = "digits"\nmodel = "small_cnn"\nforget = "class:3"\nseeds = [0]\n[[methods]]\nname = "ssd"\n')
    asked = ("run", "--dataset", "digits", "--model", "small_cnn", "--forget", "class:3", "--method", "ssd")
    for words in (asked, ("sweep", study), ("cancel", waiting[0])):
        status, told, wrong = main(*words)
        assert (status, told) == (FAILED, ""), words
        assert "no space left" in wrong.splitlines()[-1]
    for words in (("runs",), ("studies",), ("show", waiting[0]), ("compare", waiting[0]), ("list", "methods"), ("data", "list")):
        assert main(*words)[0] == DONE, words


@pytest.mark.parametrize("number, words", [(errno.ENOSPC, "No space left"), (errno.EPIPE, "")])
def test_output_that_goes_nowhere_is_told_and_fails(home, number, words):
    """`core runs > file` on a full disk, and `core runs | head`."""
    code = "import sys; from core.cli.main import main; sys.argv = ['core', 'list', 'methods', '--help']; main()"
    if number == errno.ENOSPC:
        with open("/dev/full", "w") as full:
            said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    else:
        read, write_to = os.pipe()
        os.close(read)
        said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=write_to, stderr=subprocess.PIPE, text=True, check=False)
        os.close(write_to)
    assert said.returncode == FAILED, said.stderr
    assert "Traceback" not in said.stderr
    assert words in said.stderr
    assert said.stderr.count("\n") == bool(words)


