"""A home that the last version before the rooms were moved has written: SSD, its second reference, ARU and ARU with a random mask."""

from pathlib import Path
import sqlite3

import pytest

from core.analysis.stored_results import Analysis
from core.domain.code_version import _first
from core.domain.run import RunStatus
from core.jobs import background, supervisor
from core.reports.run_report import full_report, numbers_of
from core.storage.home import Home, open_home
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import ANALYSIS
from core.storage.related_runs import beside
from core.storage.runs import ResultStore

WRITTEN = Path(__file__).with_name("home_of_7639bf5.sql")  # as sqlite3's dump has it
SSD, SECOND, ARU, RANDOM = "194ac9516308", "9e4edf0c24b1", "0c07f00ca29a", "1cc7b1fcc8e3"


@pytest.fixture
def older(tmp_path: Path) -> Home:
    root = tmp_path / "older"
    root.mkdir()
    with sqlite3.connect(root / "forgetscope.db") as db:
        db.executescript(WRITTEN.read_text())
    db.close()
    return open_home(root)


def test_it_opens_with_its_runs_their_ids_and_their_numbers(older):
    with sqlite3.connect(":memory:") as plain:
        plain.executescript(WRITTEN.read_text())
        wanted = plain.execute("select model, metric, value from measurements where run_id = ? and value is not null", (ARU,)).fetchall()
    plain.close()
    with ResultStore(older.database) as store:
        runs = {run.id: run for run in store.runs()}
        assert list(runs) == [RANDOM, ARU, SECOND, SSD]
        assert all(run.status == RunStatus.DONE and run.spec.id == run_id for run_id, run in runs.items())
        assert len(wanted) > 60
        numbers = numbers_of(store, ARU)
        renamed = {"nomus": "nomus_standardised"}  # the published score has the name now
        assert [numbers[model][renamed.get(metric, metric)] for model, metric, _ in wanted] == [value for *_, value in wanted]
        assert not any("nomus" in of_model for of_model in numbers.values())
        assert full_report(older, store, runs[SSD])["floor"] is not None


def test_its_second_reference_and_its_ablation_are_found(older):
    with ResultStore(older.database) as store:
        found = {run.id: beside(store, run.spec) for run in store.runs()}
    floors = {run_id: near.floor and near.floor.id for run_id, near in found.items()}
    assert floors == {SSD: SECOND, ARU: SECOND, RANDOM: SECOND, SECOND: None}
    assert {what: run.id for what, run in found[ARU].controls.items()} == {"a random mask": RANDOM}


def test_its_runs_have_the_version_that_runs_of_unchanged_code_still_have(older):
    with ResultStore(older.database) as store:
        assert {run.spec.engine for run in store.runs()} == {_first()["versions"]["engine"]["version"]}


def test_it_takes_jobs_and_what_older_versions_wrote_of_analyses_goes(older):
    (older.root / "looks").mkdir()
    (older.root / "looks" / "0123.json").write_text('{"pid": 1, "started": 0.0, "share": 0.5, "note": "half way", "error": ""}')
    look = Analysis("features", SSD, {"count": 300, "seed": 0})
    assert background.progress(older, look).status == "absent"
    with ResultStore(older.database) as store:
        job_queue.add(store.db, "a", ANALYSIS, {})
        supervisor._tidy(older, store, supervisor.Computing())
        assert [job.status for job in job_queue.jobs(store.db, ANALYSIS)] == [RunStatus.QUEUED]
    assert not (older.root / "looks").exists()
