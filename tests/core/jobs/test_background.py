"""An analysis's way: absent, running, done or failed, cancelled; computed once for equal networks, and never believed damaged."""

from concurrent.futures import ThreadPoolExecutor
import sqlite3
import time

import numpy as np
import psutil
import pytest

from core.analysis import stored_results
from core.analysis.registry import LOOKS
from core.analysis.stored_results import Analysis
from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.jobs import background, submit, supervisor, worker
from core.storage.artifacts import Artifacts
from core.storage.processes import ProcessId
from core.storage.queues import job_queue
from core.storage.queues.job_queue import SILENT_END
from core.storage.queues.lifecycle import ANALYSIS
from core.storage.runs import ResultStore
from tests.core.jobs.place import STUB, in_this_process, lives, until
from tests.planted import plant, spec


@pytest.fixture
def run_id(place):
    return plant(place.home, spec())


def start(home, look):
    background.start(home, look, STUB)


def wait_for(home, look, status):
    until(lambda: background.progress(home, look).status == status, 30)
    return background.progress(home, look)


def computing(home, look):
    """The process that computes it, once it is half way."""
    until(lambda: background.progress(home, look).note == "half way", 30)
    with ResultStore(home.database) as store:
        rows = store.db.read("select worker_pid from jobs where id = ?", (stored_results.key_of(home, look),))
    return psutil.Process(rows[0]["worker_pid"])


def test_an_analysis_is_absent_then_running_then_done_and_computed_once_however_often_it_is_asked_for(place, run_id):
    home, look = place.home, Analysis("counts", run_id, {"upto": 4})
    assert background.progress(home, look).status == "absent"
    with pytest.raises(WrongInput, match="is not computed yet"):
        stored_results.arrays(home, look)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: start(home, look), range(4)))
    assert background.progress(home, look).status in ("running", "done")
    assert wait_for(home, look, "done").seconds > 0
    assert stored_results.arrays(home, look)["numbers"].tolist() == [0, 1, 2, 3]
    start(home, look)
    assert background.progress(home, look).status == "done"
    assert home.log(stored_results.key_of(home, look)).read_text() == "counting up to 4\n"


def test_it_waits_for_no_run_but_for_the_analysis_before_it_and_cancel_ends_it_at_once(place, run_id):
    home = place.home
    training = place.submit(sleep=60)
    first, second = (Analysis("counts", run_id, {"upto": upto, "sleep": sleep}) for upto, sleep in ((4, 60.0), (5, 0.0)))
    start(home, first)
    process = computing(home, first)
    until(lambda: place.computing(training))
    start(home, second)
    assert (background.progress(home, first).share, background.progress(home, second).note) == (0.5, "waiting for another analysis to end")
    background.cancel(home, first)
    assert background.progress(home, first).status == "absent"
    assert until(lambda: not lives(process)) < 1
    wait_for(home, second, "done")
    start(home, first)  # cancelled and asked for again
    process = computing(home, first)
    background.cancel(home, first)
    start(home, first)
    assert until(lambda: not lives(process)) < 1
    computing(home, first)
    assert place.run(training).status == RunStatus.RUNNING
    assert len(place.supervisors()) == 1


def test_a_process_that_dies_without_a_word_is_followed_by_one_other_and_then_that_is_told(place, run_id):
    home, look = place.home, Analysis("counts", run_id, {"upto": 4, "sleep": 60.0})
    start(home, look)
    first = computing(home, look)
    first.kill()
    until(lambda: not lives(first))
    until(lambda: computing(home, look) != first)
    computing(home, look).kill()
    told = wait_for(home, look, "failed")
    log = home.log(stored_results.key_of(home, look))
    assert told.error == f"{SILENT_END} {log} may tell why."


def test_a_killed_supervisor_takes_it_along_and_who_looks_has_it_computed_again(place, run_id, monkeypatch):
    monkeypatch.setattr(submit, "_start_supervisor", lambda home, _, start=submit._start_supervisor: start(home, STUB))
    home, look = place.home, Analysis("counts", run_id, {"upto": 4, "sleep": 60.0})
    start(home, look)
    first = computing(home, look)
    place.supervisors()[0].kill()
    until(lambda: not lives(first), 2)
    assert background.progress(home, look).status == "running"
    assert computing(home, look) != first


def raises(error):
    def compute(*_, **__):
        raise error

    return compute


@pytest.mark.parametrize(
    "error, sentence",
    [
        (WrongInput("Nothing is there."), "Nothing is there."),
        (MemoryError(), "This analysis needs more memory than is free; close other programs, or look at fewer images."),
        (ZeroDivisionError("by\n zero"), "ZeroDivisionError: by zero"),
        (OSError(28, "No space left on device"), "There is no space left to write {home}; free some and try again."),
    ],
)
def test_trouble_is_one_sentence_and_a_second_try_is_possible(home, monkeypatch, error, sentence):
    monkeypatch.setattr(background, "ensure_supervisor", in_this_process)
    look = Analysis("counts", plant(home, spec()))
    monkeypatch.setitem(LOOKS, "counts", raises(error))
    start(home, look)
    assert background.progress(home, look).status == "failed"
    assert background.progress(home, look).error == sentence.format(home=home.root)
    monkeypatch.setitem(LOOKS, "counts", lambda *_: {"one": np.array([1])})
    start(home, look)
    assert stored_results.arrays(home, look)["one"].tolist() == [1]


def test_runs_with_the_same_networks_share_a_look_and_others_do_not(home):
    one, other = plant(home, spec("ssd")), plant(home, spec("finetune"))
    assert stored_results.key_of(home, Analysis("counts", one)) != stored_results.key_of(home, Analysis("counts", other))
    assert stored_results.key_of(home, Analysis("counts", one)) == stored_results.key_of(home, Analysis("counts", one, {}))
    assert stored_results.key_of(home, Analysis("counts", one)) != stored_results.key_of(home, Analysis("counts", one, {"upto": 1}))
    assert stored_results.key_of(home, Analysis("counts", one)) != stored_results.key_of(home, Analysis("others", one))


def test_a_damaged_file_is_told_and_then_computed_anew(home, monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", in_this_process)
    monkeypatch.setitem(LOOKS, "counts", lambda *_: {"one": np.array([1])})
    look = Analysis("counts", plant(home, spec()))
    start(home, look)
    with ResultStore(home.database) as store:
        file = home.artifacts_folder / store.kept(stored_results.key_of(home, look)).file
    file.write_bytes(b"broken")
    with pytest.raises(WrongInput, match="is damaged"):
        stored_results.arrays(home, look)
    assert background.progress(home, look).status == "absent"
    start(home, look)
    assert stored_results.arrays(home, look)["one"].tolist() == [1]


def test_a_run_that_is_not_done_cannot_be_looked_into(home):
    with ResultStore(home.database) as store:
        run_id = store.add(spec())
    with pytest.raises(WrongInput, match=f"Run {run_id} is queued; only a finished run can be analysed"):
        background.progress(home, Analysis("counts", run_id))
    with pytest.raises(WrongInput, match="There is no run"):
        background.start(home, Analysis("counts", "nothere"))


def test_a_home_that_cannot_be_written_to_says_so_and_shows_what_is_stored(home, monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", in_this_process)
    monkeypatch.setitem(LOOKS, "counts", lambda *_: {"one": np.array([1])})
    done, other = (Analysis("counts", plant(home, spec()), settings) for settings in ({}, {"upto": 1}))
    start(home, done)
    connect = sqlite3.connect

    def refuses(path, *more, **named):
        if not named.get("uri"):
            error = sqlite3.OperationalError("planted")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return connect(path, *more, **named)

    monkeypatch.setattr(sqlite3, "connect", refuses)
    assert (background.progress(home, done).status, background.progress(home, other).status) == ("done", "absent")
    with pytest.raises(WrongInput, match="no space left"):
        start(home, other)


def test_a_process_whose_analysis_was_cancelled_and_asked_for_again_says_no_more(home, monkeypatch):
    look = Analysis("counts", plant(home, spec()))
    key = stored_results.key_of(home, look)

    def asked_for_again(_home, _run_id, say):
        with ResultStore(home.database) as store:
            job_queue.cancel(store.db, key)
            job_queue.add(store.db, key, ANALYSIS, {"kind": "counts", "run_id": look.run_id, "settings": {}})
        say(0.5, "late")

    monkeypatch.setitem(LOOKS, "counts", asked_for_again)
    with ResultStore(home.database) as store:
        job_queue.add(store.db, key, ANALYSIS, {"kind": "counts", "run_id": look.run_id, "settings": {}})
        claimed = job_queue.claim(store.db, ANALYSIS, ProcessId.of_this_process())
    with pytest.raises(SystemExit):
        worker.compute(home, ANALYSIS, *claimed, STUB)
    with ResultStore(home.database) as store:
        job = job_queue.job(store.db, key)
    assert (job.status, job.note) == (RunStatus.QUEUED, "")


def test_results_of_an_older_engine_are_given_up_when_a_new_one_is_stored(home, monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", in_this_process)
    monkeypatch.setitem(LOOKS, "counts", lambda *_: {"one": np.array([1])})
    look = Analysis("counts", plant(home, spec()))
    old = Artifacts(home.artifacts_folder).put_arrays({"old": np.array([1])})
    with ResultStore(home.database) as store:
        run = store.existing(look.run_id).spec
        store.keep("old", f"look/{run.dataset}/{run.model}/counts@older", old, 0.1)
        store.keep("weights", "original", old, 0.1)
    start(home, look)
    with ResultStore(home.database) as store:
        assert store.kept("old") is None
        assert store.kept("weights") is not None
        assert store.kept(stored_results.key_of(home, look)) is not None


def test_logs_of_jobs_that_have_been_over_for_a_day_go(home):
    home.log("old").touch()
    with ResultStore(home.database) as store:
        job_queue.add(store.db, "old", ANALYSIS, {})
        job_queue.cancel(store.db, "old")
        with store.db.transaction() as write:
            write.execute("update jobs set finished_at = '2026-01-02T03:04:05.000+00:00'")
        supervisor._tidy(home, store, supervisor.Computing())
        assert job_queue.job(store.db, "old") is None
    assert not home.log("old").exists()


def test_progress_of_a_job_costs_a_page_little(home):
    look = Analysis("counts", plant(home, spec()))
    took = []
    for _ in range(5):
        began = time.perf_counter()
        background.progress(home, look)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.05  # the quickest: whatever else this machine does


def test_where_the_supervisor_is_asked_to_stop_it_waits_for_the_next_one_and_counts_as_no_crash(place, run_id):
    home, look = place.home, Analysis("counts", run_id, {"upto": 4, "sleep": 2.0})
    start(home, look)
    process = computing(home, look)
    assert submit.end_supervisor(home)
    until(lambda: not lives(process), 5)
    with ResultStore(home.database) as store:
        row = store.db.read("select status, crashes from jobs where id = ?", (stored_results.key_of(home, look),))[0]
    assert (row["status"], row["crashes"]) == (RunStatus.QUEUED, 0)
    submit.ensure_supervisor(home, STUB)
    wait_for(home, look, "done")
