"""A backup while a study is computed by processes of their own, restored elsewhere: opens, equal, and can be gone on with."""

import threading

import psutil
import pytest

from core.domain.requests.registry import parse_request
from core.domain.run import RunStatus
from core.export.backup.restore import restore
from core.export.backup.write import backup
from core.jobs.studies import progress, submit
from core.jobs.studies.plan import make_plan
from core.jobs.studies.table import summary
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.core.jobs.place import Place, until

QUICK = "tests.core.jobs.studies.quick_pipeline"
SEEDS = (0, 1, 2, 3)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A home whose supervisors, and those of the one that is restored from it, are gone when the test is."""
    monkeypatch.setenv("FORGETSCOPE_IDLE_SECONDS", "5")
    place, there = Place(open_home(tmp_path / "home")), Place(open_home(tmp_path / "there" / "home"))
    yield place
    found = [*place.supervisors(), *there.supervisors()]
    for supervisor in found:
        supervisor.kill()
    psutil.wait_procs(found, timeout=10)


def numbers(home):
    """Run -> its numbers, of all that are done."""
    with ResultStore(home.database) as store:
        return {run.id: store.measurements(run.id) for run in store.runs() if run.status == RunStatus.DONE}


def done(home, study_id):
    with ResultStore(home.database) as store:
        return progress.progress(store, study_id).done


def study(shelves, forget="class:3"):
    methods = [("ssd", {}), ("finetune", {})]
    return make_plan(shelves, "digits", "small_cnn", parse_request(forget), methods, SEEDS, floor=False)


def test_a_study_that_runs_is_restored_with_equal_numbers_and_ends_in_both_homes_alike(place, shelves, tmp_path):
    home = place.home
    study_id = submit.submit(home, study(shelves), shelves, QUICK)
    until(lambda: done(home, study_id) >= 2)
    (home.root / "slow").touch()
    until(lambda: any(run.status == RunStatus.RUNNING for run in runs(home)))
    written = backup(home, tmp_path / "b.zip")
    was = numbers(home)
    restored = restore(tmp_path / "b.zip", tmp_path / "there" / "home")
    there = open_home(restored.home)
    assert written.stopped == 1
    assert numbers(there) == was
    assert 2 <= len(was) < written.runs
    with ResultStore(there.database) as store:
        assert all(map(Artifacts(there.artifacts_folder).sound, store.files()))
        assert summary(there, store, study_id).plan == study(shelves)
    assert [run.status for run in runs(home) if run.status == RunStatus.RUNNING] == [RunStatus.RUNNING]  # it knows of nothing
    (home.root / "slow").unlink()
    until(lambda: done(home, study_id) == written.runs)
    submit.go_on(there, study_id, shelves, QUICK)
    until(lambda: done(there, study_id) == written.runs)
    assert numbers(there) == numbers(home)


def test_backups_one_after_the_other_while_runs_end_are_each_whole(place, shelves, tmp_path):
    """Each run that ends between two looks of a backup brings rows and files: what the rows name is there, whenever that was."""
    home, stop, whole = place.home, threading.Event(), []
    study_id = submit.submit(home, study(shelves), shelves, QUICK)

    def again():
        while not stop.is_set():
            number = len(whole)
            written = backup(home, tmp_path / f"{number}.zip")
            there = open_home(restore(tmp_path / f"{number}.zip", tmp_path / f"home-{number}").home)
            with ResultStore(there.database) as store:
                sound = all(map(Artifacts(there.artifacts_folder).sound, store.files()))
            whole.append((sound, written.lost, numbers(there)))

    thread = threading.Thread(target=again)
    thread.start()
    until(lambda: done(home, study_id) == 2 * len(SEEDS), 60)
    until(lambda: len(whole) > 1, 60)
    stop.set()
    thread.join()
    assert {(sound, lost) for sound, lost, _ in whole} == {(True, ())}
    ended = numbers(home)
    assert all(found.items() <= ended.items() for *_, found in whole)


def runs(home):
    with ResultStore(home.database) as store:
        return store.runs()
