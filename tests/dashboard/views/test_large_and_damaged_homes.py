"""Pages of a home with many runs, of one with damaged rows, and of one that takes no file."""

import json
from pathlib import Path
import shutil
import sqlite3

import pytest
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from dashboard.components.common.current_run import LISTED
from dashboard.components.compare.filters import MOST
from tests.dashboard.conftest import put, sound
from tests.dashboard.views.test_pages import PAGES, said, told
from tests.planted import plant, spec
from tests.planted_rows import plant_rows

MANY = 1200


@pytest.fixture(scope="module")
def many(tmp_path_factory, finished) -> tuple[Home, list[str]]:
    """1,200 finished runs, written as rows; only to be looked at."""
    home = open_home(tmp_path_factory.mktemp("many") / "home")
    shutil.copytree(finished.root / "catalogue", home.root / "catalogue")
    return home, plant_rows(home, MANY)


def shown(at):
    """Ids of the runs on the page, in order."""
    return [button.key.removeprefix("open-") for button in at.button if button.label == "Open"]


def test_the_list_says_how_many_there_are_and_shows_a_page_of_what_is_asked_for(open_app, many):
    home, ids = many
    at = open_app(home.root, "views/runs.py")
    assert at.caption[0].value == "1,200 runs; 1 to 10 are shown."
    assert shown(at) == ids[: -11 : -1]
    sound(at.selectbox(key="sort").set_value("oldest").run())
    assert shown(at) == ids[:10]
    sound(at.text_input(key="find").set_value("salun class:3 seed=7").run())
    assert at.caption[0].value == "1 of 1,200 runs is as asked for."
    assert len(shown(at)) == 1
    at.text_input(key="find").set_value("")
    sound(at.multiselect(key="of-method").set_value(["ssd", "aru"]).run())
    assert at.caption[0].value == "240 of 1,200 runs are as asked for; 1 to 10 are shown."


def test_the_address_says_which_runs_are_listed_and_all_come_back_by_a_click(open_app, many):
    at = open_app(many[0].root, "views/runs.py", find="no such words")
    assert at.caption[0].value == "0 of 1,200 runs are as asked for."
    assert "No run is as asked for" in at.info[0].value
    all_again = next(button for button in at.button if button.label == "Show all runs")
    assert len(shown(sound(all_again.click().run()))) == 10


def test_the_click_that_shows_all_runs_draws_the_whole_page(open_app, many, monkeypatch):
    """In a browser it draws only the part that it stands in, and the search, which it empties, stands outside."""
    at = open_app(many[0].root, "views/runs.py", find="no such words")
    again = []
    monkeypatch.setattr(st, "rerun", lambda: again.append(1))
    next(button for button in at.button if button.label == "Show all runs").click().run()
    assert again == [1]


def test_a_picker_says_how_many_runs_it_leaves_out_and_finds_them(open_app, many):
    home, ids = many
    at = open_app(home.root, "views/result.py")
    assert f"The newest {LISTED} of 1,200 runs are offered; search for the others." in said(at)
    first = next(one for one in at.selectbox if one.label == "Run")
    assert len(first.options) == LISTED
    with ResultStore(home.database) as store:
        wanted = store.existing(ids[0]).spec
    sound(at.text_input(key="find-run").set_value(f"{wanted.method} {wanted.request.text} seed={wanted.seed} round=0").run())
    assert "1 of 1,200 runs is as searched for." in said(at)
    picker = next(one for one in at.selectbox if one.label == "Run")
    assert sound(picker.set_value(ids[0]).run()).text_input(key="run").value == ids[0]


def test_of_very_many_runs_the_newest_are_compared_and_those_of_the_address(open_app, many, monkeypatch):
    home, ids = many
    monkeypatch.setattr("dashboard.components.compare.filters.MOST", 40)
    at = open_app(home.root, "views/compare.py", a=ids[0], b=ids[-40])
    assert "300 of 1,200 finished runs are chosen; the newest 40 are compared." in said(at)
    assert at.selectbox(key="pick-A").value == ids[0]
    assert len(at.selectbox(key="pick-A").options) == 40
    assert MOST == 1000


PLAN = {"dataset": "digits", "model": "small_cnn", "request": {"kind": "class", "picks": [3]}, "seeds": [0, 1],
        "variants": [{"method": "ssd", "settings": {}}], "reference": True, "title": ""}  # fmt: skip


@pytest.fixture(scope="module")
def damaged(tmp_path_factory, finished) -> tuple[Home, str]:
    """Two good runs in a good study, and a row with each column of runs and of studies damaged, most of them by bytes."""
    home = open_home(tmp_path_factory.mktemp("damaged") / "home")
    shutil.copytree(finished.root / "catalogue", home.root / "catalogue")
    good = [plant(home, spec("ssd", seed=seed)) for seed in (0, 1)]
    raw = sqlite3.connect(home.database)
    raw.execute("insert into studies (id, title, plan, created_at) values ('whole', '', ?, '2026-01-02T03:04:05+00:00')",
                (json.dumps(PLAN),))  # fmt: skip
    raw.executemany("insert into study_runs values ('whole', ?, 0, 0)", [(run_id,) for run_id in good])
    raw.execute("insert into study_runs values ('whole', 'runs-status', 7, 0)")
    for table in ("runs", "studies"):
        columns = [row[1] for row in raw.execute(f"pragma table_info({table})")]
        for column in columns:
            others = ", ".join(f"'{table}-{column}' as id" if name == "id" else name for name in columns)
            raw.execute(f"create temp table one as select {others} from {table} where rowid = 1")
            raw.execute(f"update one set {column} = cast(x'66ff' as text)")
            raw.execute(f"insert into {table} select * from one")
            raw.execute("drop table one")
    raw.execute("update measurements set value = 'many' where rowid = 3")
    raw.execute("update measurements set metric = cast(x'66ff' as text) where rowid = 4")
    raw.commit()
    raw.close()
    return home, good[0]


@pytest.mark.parametrize("page", PAGES)
def test_damaged_rows_leave_every_page_without_a_traceback(open_app, damaged, page, no_supervisor):
    home, good = damaged
    at = open_app(home.root, page, run=good)
    assert "Traceback" not in said(at)
    assert not [error for error in told(at) if "damaged" not in error]


def test_a_damaged_run_is_listed_with_what_is_wrong_and_can_be_deleted(open_app, damaged, tmp_path, no_supervisor):
    home = Home(Path(shutil.copytree(damaged[0].root, tmp_path / "home")))
    at = open_app(home.root, "views/runs.py", find="runs-")
    wrong = [error for error in told(at) if "runs-spec" in error] or told(at)
    assert wrong[0].startswith("The database's row of run runs-")
    assert wrong[0].endswith("It can only be deleted; the other runs are not touched.")
    before = at.caption[0].value
    delete = next(button for button in at.button if (button.key or "").startswith("runs-Delete-runs-"))
    sound(delete.click().run())
    assert at.caption[0].value != before


def test_a_damaged_run_that_is_opened_says_so(open_app, damaged, no_supervisor):
    at = open_app(damaged[0].root, "views/result.py", run="runs-status")
    assert any("The database's row of run runs-status is damaged: status should be one of" in error for error in told(at))


def test_a_damaged_study_is_told_beside_the_whole_one_and_can_be_deleted(open_app, damaged, tmp_path, no_supervisor):
    home = Home(Path(shutil.copytree(damaged[0].root, tmp_path / "home")))
    at = open_app(home.root, "views/studies.py")
    assert any("The database's row of study studies-plan is damaged: " in error for error in told(at))
    assert "`whole`" in said(at)
    sound(at.button(key="Delete-studies-plan").click().run())
    assert not [error for error in told(at) if "studies-plan" in error]


@pytest.mark.parametrize("page", PAGES)
def test_a_home_that_takes_no_file_is_looked_at_and_says_why_above_every_page(open_app, finished, done, home_of, monkeypatch, page):
    home = home_of()
    put(home, RunStatus.QUEUED)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    def refuses(self):
        raise WrongInput("nothing can be written")

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr("core.storage.database.Database.transaction", refuses)
    at = open_app(home.root, page, run=done)
    (warning,) = [one for one in told(at, "warning") if "no space left" in one]
    assert warning.endswith("What is stored can be viewed; nothing new can be started or stored until then.")
    assert not at.error
    assert len(at.title) == 1
