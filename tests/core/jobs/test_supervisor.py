"""One supervisor per home, that leaves when idle and shuts no door on a run."""

from concurrent.futures import ThreadPoolExecutor
import json
import os
import signal
import subprocess
import sys
import threading
import time
import types

from filelock import FileLock
import pytest

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.jobs import submit, supervisor, supervisor_start_lock
from core.jobs.worker import _reporter
from core.storage.processes import ProcessId
from core.storage.queues.run_queue import STOP_END
from core.storage.runs import ResultStore
from tests.core.jobs.place import STUB, lives, until

ENSURE = """
import sys; from pathlib import Path; from core.jobs import submit as runner; from core.storage.home import Home
runner.ensure_supervisor(Home(Path(sys.argv[1])), sys.argv[2])
"""


class FakeServer:
    """Warm, and starts nothing."""

    def __init__(self, *_: object) -> None:
        self.warm = threading.Event()
        self.warm.set()

    def ready(self, _kind: str) -> bool:
        return True

    def outdated(self) -> bool:
        return True

    def start(self, *_: object) -> None:
        raise EOFError("no server")


def test_many_who_ask_at_once_get_one_supervisor(place):
    askers = [subprocess.Popen([sys.executable, "-c", ENSURE, place.home.root, STUB]) for _ in range(4)]
    assert [asker.wait(30) for asker in askers] == [0] * 4
    run_id = place.submit(sleep=0.1)
    until(lambda: len(place.supervisors()) == 1)
    assert place.end(run_id).status == RunStatus.DONE
    assert len(place.supervisors()) == 1


def test_thirty_who_ask_while_one_starts_start_one(home, monkeypatch):
    """The stand-in imports for as long as the test goes on: it lives, and has not taken the lock."""
    begun = []

    def start(*_):
        begun.append(subprocess.Popen(["sleep", "60"]))
        return begun[-1].pid

    monkeypatch.setattr(submit, "_start_supervisor", start)
    try:
        with ThreadPoolExecutor(30) as pool:
            list(pool.map(lambda _: submit.ensure_supervisor(home), range(30)))
        assert len(begun) == 1
    finally:
        for process in begun:
            process.kill()
            process.wait()
    submit.ensure_supervisor(home)  # the one that was starting died: another is started
    assert len(begun) == 2
    begun[-1].kill()
    begun[-1].wait()


def test_one_that_took_the_lock_is_no_longer_starting_and_the_next_is_started_once_it_has_left(home, monkeypatch):
    begun = []
    monkeypatch.setattr(submit, "_start_supervisor", lambda *_: begun.append(1) or os.getpid())
    monkeypatch.setattr(supervisor, "WarmServer", FakeServer)
    submit.ensure_supervisor(home)
    supervisor.supervise(home, STUB, 0.0)  # takes the lock, has nothing to do and leaves
    submit.ensure_supervisor(home)
    assert begun == [1, 1]
    supervisor_start_lock.note_started(home)
    with FileLock(home.supervisor_lock):
        submit.ensure_supervisor(home)
    assert begun == [1, 1]


def test_one_that_starts_for_too_long_or_left_a_broken_note_is_given_up(home, monkeypatch):
    supervisor_start_lock.note_start(home, ProcessId.of_this_process())
    assert supervisor_start_lock.is_starting(home)
    note = home.root / "supervisor.starting"
    os.utime(note, (0, time.time() - supervisor_start_lock.LONGEST - 1))
    assert not supervisor_start_lock.is_starting(home)
    for content in ("", "{}", "[]", '{"pid": null, "started": 1}'):
        note.write_text(content)
        assert not supervisor_start_lock.is_starting(home)


def test_asking_where_one_supervises_starts_nothing_and_is_quick(place, monkeypatch):
    run_id = place.submit()
    place.end(run_id)
    monkeypatch.setattr(submit, "_start_supervisor", lambda *_: pytest.fail("started a second one"))
    took = []
    for _ in range(5):
        began = time.perf_counter()
        submit.ensure_supervisor(place.home)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.05  # the quickest: whatever else this machine does


def test_a_supervisor_leaves_when_idle_and_runs_submitted_at_that_moment_are_still_run(place, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_IDLE_SECONDS", "0.2")
    place.end(place.submit())
    for seed, pause in enumerate((0.15, 0.2, 0.25), start=1):
        time.sleep(pause)
        assert place.end(place.submit(seed)).status == RunStatus.DONE
    until(lambda: not place.supervisors())


def test_a_run_queued_behind_the_closing_door_is_served(place, monkeypatch):
    served = []

    def serve(home, *_):
        served.append(1)
        with ResultStore(home.database) as store:
            if len(served) == 1:
                store.add(place.spec())  # its submitter sees the lock held and starts nothing
            else:
                store.claim(ProcessId.of_this_process())

    monkeypatch.setattr(supervisor, "_serve", serve)
    monkeypatch.setattr(supervisor, "WarmServer", FakeServer)
    supervisor.supervise(place.home, STUB, 0.1)
    assert len(served) == 2


def test_a_supervisor_whose_engine_was_changed_starts_over_before_it_takes_a_run(place, monkeypatch):
    class StartedOverError(Exception):
        pass

    def start_over(_executable, command):
        with FileLock(place.home.supervisor_lock, timeout=0):  # free for the one that starts over
            raise StartedOverError(command)

    monkeypatch.setattr(supervisor.os, "execv", start_over)
    monkeypatch.setattr(supervisor, "WarmServer", FakeServer)
    supervisor.supervise(place.home, STUB, 0.1)  # nothing waits: no reason to
    with ResultStore(place.home.database) as store:
        run_id = store.add(place.spec())
        with pytest.raises(StartedOverError):
            supervisor.supervise(place.home, STUB, 0.1)
        assert store.existing(run_id).status == RunStatus.QUEUED


def test_a_second_supervisor_leaves(place, monkeypatch):
    monkeypatch.setattr(supervisor, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(supervisor, "_serve", lambda *_: pytest.fail("served beside the first"))
    with FileLock(place.home.supervisor_lock):
        supervisor.supervise(place.home, STUB, 0.1)


def test_trouble_with_the_store_is_told_waited_out_and_then_left(place, monkeypatch, capsys):
    monkeypatch.setattr(supervisor, "PAUSE", 0.05)
    place_of_store = types.SimpleNamespace(calls=0)

    def unreachable(_path):
        place_of_store.calls += 1
        raise WrongInput("The disk failed.")

    monkeypatch.setattr(supervisor, "ResultStore", unreachable)
    supervisor._serve(place.home, FakeServer(), 0.5, threading.Event())
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= place_of_store.calls <= 11
    assert len(lines) == place_of_store.calls
    assert all(line.endswith("WrongInput: The disk failed.") for line in lines)


def test_what_a_dead_supervisor_left_running_is_settled_by_the_next(place):
    with ResultStore(place.home.database) as store:
        left, flagged = store.add(place.spec(1)), store.add(place.spec(2))
        store.claim(ProcessId.of_this_process())  # of the living: only who holds the lock knows that nothing runs
        store._db._db.execute("update runs set status = 'running', supervisor_pid = 1, supervisor_started = 0")
        store.request_cancel(flagged)
        (place.home.artifacts_folder / f".writing-4194301-{'0' * 32}").touch()
        supervisor._tidy(place.home, store, supervisor.Computing())
        assert store.existing(left).status == RunStatus.INTERRUPTED
        assert store.existing(flagged).status == RunStatus.CANCELLED
    assert list(place.home.artifacts_folder.iterdir()) == []


def test_progress_is_written_ten_times_a_second_and_always_for_a_new_stage_and_the_end(monkeypatch):
    clock, written = iter(i * 0.03 for i in range(1000)), []
    monkeypatch.setattr("core.jobs.worker.time", types.SimpleNamespace(monotonic=lambda: next(clock)))
    report = _reporter(lambda *at: written.append(at) or True)
    for step in range(21):  # 0.6 s
        report(step / 100, "train", "", 1.0)
    assert 5 <= len(written) <= 7
    report(0.5, "evaluate", "retain", None)
    report(0.51, "evaluate", "forget", None)
    report(1.0, "evaluate", "", 0.0)
    assert written[-2:] == [(0.5, "evaluate", "retain", None), (1.0, "evaluate", "", 0.0)]


def test_a_worker_whose_run_is_another_attempts_stops():
    report = _reporter(lambda *_: False)
    with pytest.raises(SystemExit):
        report(0.5, "train", "", None)


def test_two_slots_compute_two_runs_at_once_and_one_can_be_cancelled_alone(place, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_SLOTS", "2")
    first, second, third = place.submit(1, sleep=60), place.submit(2, sleep=60), place.submit(3)
    until(lambda: place.computing(first) and place.computing(second))
    assert place.run(third).status == RunStatus.QUEUED
    submit.cancel(place.home, first)
    assert place.end(first).status == RunStatus.CANCELLED
    assert place.end(third).status == RunStatus.DONE  # in the place of the first
    assert place.run(third).peak_bytes > 2**20
    assert place.computing(second)
    place.processes(second)["worker"].kill()
    assert place.end(second).status == RunStatus.INTERRUPTED


def test_one_that_is_asked_to_stop_marks_its_run_ends_every_process_and_the_next_goes_on(place):
    run_id, waiting = place.submit(1, sleep=60, once=True), place.submit(2)
    until(lambda: place.computing(run_id))
    processes = place.processes(run_id)
    below = processes["supervisor"].children(recursive=True)
    assert processes["worker"] in below
    assert supervisor_start_lock.serving(place.home).pid == processes["supervisor"].pid
    assert subprocess.run([sys.executable, "-m", "core.jobs.supervisor", place.home.root, "--stop"], check=False).returncode == 0
    assert until(lambda: not any(map(lives, [*below, processes["supervisor"]])), 5) < 5
    left = place.run(run_id)
    assert (left.status, left.error) == (RunStatus.INTERRUPTED, STOP_END)
    assert place.run(waiting).status == RunStatus.QUEUED
    assert supervisor_start_lock.serving(place.home) is None
    assert submit.end_supervisor(place.home)  # there is none: nothing to do
    submit.retry(place.home, run_id, STUB)
    again = place.end(run_id)
    assert (again.status, again.attempt, again.seconds["train"]) == (RunStatus.DONE, left.attempt + 1, 0.0)  # with what was kept
    assert place.end(waiting).status == RunStatus.DONE


def test_one_that_is_asked_to_stop_ends_a_run_that_hears_nothing_and_one_whose_cancel_was_asked_for_is_cancelled(place, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_SLOTS", "2")
    deaf, flagged = place.submit(1, sleep=60, deaf=True), place.submit(2, sleep=60, deaf=True)
    until(lambda: place.computing(deaf) and place.computing(flagged))
    workers = [place.processes(one)["worker"] for one in (deaf, flagged)]
    submit.cancel(place.home, flagged)
    assert submit.end_supervisor(place.home)
    until(lambda: not any(map(lives, workers)), 5)
    assert [place.run(one).status for one in (deaf, flagged)] == [RunStatus.INTERRUPTED, RunStatus.CANCELLED]


def test_one_that_is_asked_to_stop_before_it_has_imported_anything_leaves(place):
    submit.ensure_supervisor(place.home, submit.PIPELINE)
    until(place.supervisors)
    assert submit.end_supervisor(place.home)
    until(lambda: not place.supervisors())


def test_a_group_that_is_signalled_to_as_a_whole_leaves_no_run_that_ended_without_a_word(place):
    run_id = place.submit(sleep=60)
    until(lambda: place.computing(run_id))
    os.killpg(place.processes(run_id)["supervisor"].pid, signal.SIGTERM)  # worker and fork server hear it too
    until(lambda: not place.supervisors())
    assert place.end(run_id).status == RunStatus.INTERRUPTED


def test_one_that_is_asked_to_stop_ends_what_it_computes_where_the_store_cannot_be_reached_too(place, monkeypatch, capsys):
    def unreachable(_path):
        raise WrongInput("The disk failed.")

    monkeypatch.setattr(supervisor, "ResultStore", unreachable)
    process = subprocess.Popen(["sleep", "60"])
    process.join = process.wait
    supervisor._end(place.home, [supervisor.Watched("run", "0" * 12, 1, process)])
    assert process.returncode == -signal.SIGTERM
    assert capsys.readouterr().err.endswith("WrongInput: The disk failed.\n")


def test_a_process_that_another_one_got_the_number_of_is_not_asked_to_stop(place):
    note = place.home.root / "supervisor.serving"
    note.write_text(json.dumps({"pid": os.getpid(), "started": ProcessId.of_this_process().started - 60}))
    assert supervisor_start_lock.serving(place.home) is None
    assert submit.end_supervisor(place.home)  # nobody was: this process lives
    for content in ("", "{}", "[]", '{"pid": "x", "started": 1}', '{"pid": -1, "started": 1}'):
        note.write_text(content)
        assert supervisor_start_lock.serving(place.home) is None
