"""Worker, supervisor and server killed again and again while a real study is computed on two slots: nothing lost, nothing twice, and the
numbers of one slot in peace.

KILLS: how many, 60 unless it says otherwise.
"""

from contextlib import suppress
import os
from pathlib import Path
import random
import signal
import time

import psutil
import pytest

from core.domain.requests.registry import parse_request
from core.domain.run import ACTIVE, RunStatus
from core.domain.study import StudyPlan
from core.jobs import submit as jobs
from core.jobs.catalogue import catalogue
from core.jobs.studies import progress, submit
from core.jobs.studies.plan import make_plan
from core.storage import studies
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.browser.kit import Dashboard
from tests.core.jobs.place import Place, lives, until

KILLS = int(os.environ.get("KILLS", "60"))
LONGEST = 60.0 + 30.0 * KILLS  # seconds; a kill costs what had been done of one stage, and a server's start
WHAT = ("worker", "supervisor", "server")


def plan_of(home: Home) -> StudyPlan:
    methods = [("ssd", {}), ("finetune", {"epochs": 2}), ("gradient_ascent", {"epochs": 1})]
    return make_plan(catalogue(home.root), "digits", "small_cnn", parse_request("class:3"), methods, (0, 1))


def where(home: Home, study_id: str) -> progress.Progress:
    """As a page looks that is open on it: a supervisor that was killed is followed by another."""
    with ResultStore(home.database) as store:
        jobs.look_after(home, store)
        return progress.progress(store, study_id)


def numbers(home: Home, study_id: str) -> dict[str, list[tuple[str, str, float | None]]]:
    """Run -> its numbers."""
    with ResultStore(home.database) as store:
        runs = studies.members(store, study_id)[study_id]
        return {run.run_id: [(m.model, m.metric, m.value) for m in store.measurements(run.run_id)] for run in runs}


def finished(home: Home) -> dict[str, tuple[int, object]]:
    """Run -> the attempt that finished it, and when."""
    with ResultStore(home.database) as store:
        return {run.id: (run.attempt, run.finished_at) for run in store.runs() if run.status == RunStatus.DONE}


def kill(what: str, place: Place, server: Dashboard) -> bool:
    """Whether there was one to kill."""
    if what == "server":
        server.process.kill()
        server.stop()
        server.start()
        return True
    with ResultStore(place.home.database) as store:
        running = [run.id for run in store.runs() if run.status in ACTIVE and run.started_at]
    with suppress(psutil.NoSuchProcess, TypeError):  # it ended, or has no process yet
        for run_id in running:
            place.processes(run_id)[what].send_signal(signal.SIGKILL)
            return True
    return False


@pytest.mark.timeout(int(2 * LONGEST))
def test_a_study_survives_sixty_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, began = random.Random(0), time.monotonic()
    calm, place = open_home(tmp_path / "calm"), Place(open_home(tmp_path / "killed"))
    home, shelves = place.home, catalogue(tmp_path / "calm")
    in_peace = submit.submit(calm, plan_of(calm), shelves)
    until(lambda: where(calm, in_peace).active == 0, LONGEST)
    wanted = numbers(calm, in_peace)
    assert where(calm, in_peace).done == len(wanted) == 8

    monkeypatch.setenv("FORGETSCOPE_SLOTS", "2")  # of the supervisors that are started from now on
    server = Dashboard(home, tmp_path / "server.log")
    server.start()
    try:
        study_id, killed, done = submit.submit(home, plan_of(home), shelves), 0, dict[str, tuple[int, object]]()
        while killed < KILLS and time.monotonic() - began < LONGEST:
            time.sleep(draw.uniform(0.1, 3.0))
            killed += kill(WHAT[killed % len(WHAT)], place, server)
            assert len(place.supervisors()) <= 1
            assert done.items() <= finished(home).items()  # what is done is computed by nobody again
            done = finished(home)
            if not where(home, study_id).active:
                if where(home, study_id).to_do == 0:  # all done before all kills: go on with the next ones
                    with ResultStore(home.database) as store, store.db.transaction() as write:
                        write.execute("update runs set status = 'interrupted'")
                        write.execute("delete from kept")
                    done = {}
                submit.go_on(home, study_id, shelves)
        assert killed == KILLS
        while where(home, study_id).to_do or where(home, study_id).active:
            submit.go_on(home, study_id, shelves)
            until(lambda: where(home, study_id).active == 0, LONGEST)
        assert where(home, study_id).done == where(home, study_id).total == 8
        assert numbers(home, study_id) == wanted
    finally:
        server.stop()
        for supervisor in [*place.supervisors(), *Place(calm).supervisors()]:
            supervisor.kill()
    until(lambda: not any(lives(process) for process in place.supervisors()))
