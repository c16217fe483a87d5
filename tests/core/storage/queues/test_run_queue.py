"""A run's way from queued to its verdict."""

from dataclasses import replace
import json
import os
import subprocess
import sys
import time

import pytest

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.run import STOPPED, Measurement, RunStatus
from core.storage.finished_runs import all_values, finished_runs
from core.storage.processes import ProcessId
from core.storage.queues import lifecycle
from core.storage.queues.run_queue import (
    LOST_END,
    LOST_MOST,
    SILENT_END,
    limit_reached,
    node_lost,
    queue,
    say_why_all_wait,
    stop_at_limit,
)
from core.storage.queues.slots import ON_CLUSTER
from core.storage.record_types import Forecast, Outcome
from core.storage.runs import ResultStore

DEAD = ProcessId(2**22 - 7, 1.0)
OUTCOME = Outcome(
    measurements=(Measurement("accuracy", "unlearned", 0.25), Measurement("js", "reference", None, "it is itself")),
    seconds={"train": 1.5, "unlearn": 0.25},
    speedup=6.0,
    artifacts={"unlearned": "a" * 64 + ".safetensors"},
    device="cpu",
)


@pytest.fixture
def me():
    return ProcessId.of_this_process()


def test_a_spec_comes_back_whole(store, spec, me):
    asked = spec(7, alpha=10.0, importance="batch", batch_size=64)
    run_id = store.add(asked)
    assert run_id == asked.id
    assert store.run(run_id).spec == asked
    assert store.claim(me) == (asked, 1)


def test_equal_specs_are_one_run_while_queued_running_and_done(store, spec, me):
    run_id = store.add(spec())
    assert store.add(spec()) == run_id
    store.claim(me)
    store.add(spec())
    assert store.run(run_id).status == RunStatus.RUNNING
    store.finish(run_id, 1, RunStatus.DONE, outcome=OUTCOME)
    store.add(spec())
    assert [(r.status, r.attempt) for r in store.runs()] == [(RunStatus.DONE, 1)]
    assert store.measurements(run_id) == list(OUTCOME.measurements)


@pytest.mark.parametrize("status", STOPPED)
def test_a_stopped_run_is_queued_anew_with_the_next_attempt(store, spec, me, status):
    run_id = store.add(spec())
    store.claim(me)
    store.progress(run_id, 1, 0.5, "train", "epoch 3", seconds_left=4.0)
    store.finish(run_id, 1, status, error="Traceback\nValueError: no")
    store.add(spec())
    run = store.run(run_id)
    assert (run.status, run.attempt, run.error, run.error_line) == (RunStatus.QUEUED, 2, "", "")
    assert (run.share, run.stage, run.note, run.seconds_left) == (0.0, "", "", None)
    assert run.started_at is run.finished_at is None
    assert store.claim(me) == (spec(), 2)


def ended(store, run_id, attempt, how):
    """The attempt, which was claimed if it runs, ends so."""
    if how == "cancelled while it waits":
        store.request_cancel(run_id)
        return RunStatus.CANCELLED
    store.claim(ProcessId.of_this_process())
    store.started(run_id, attempt, DEAD, "another device")
    lifecycle.change_one(store.db, lifecycle.RUNS, run_id, attempt, forecast=Forecast(90.0, 9e9).to_json())
    if how == "cancelled":
        store.request_cancel(run_id)
        assert store.finish(run_id, attempt, RunStatus.DONE, outcome=Outcome(device="another device"))
    elif how == "interrupted":
        store.reconcile(alive=())
    else:
        assert store.finish(run_id, attempt, RunStatus.FAILED, error="Traceback\nno memory")
    return RunStatus(how)


@pytest.mark.parametrize("how", ["failed", "cancelled", "interrupted", "cancelled while it waits"])
def test_a_finished_run_that_is_computed_once_more_in_vain_is_what_it_was(store, spec, me, how):
    run_id = store.add(spec(), evaluation=Evaluation(without=("probes",)))
    store.claim(me)
    lifecycle.change_one(store.db, lifecycle.RUNS, run_id, 1, forecast=Forecast(15.0, 7e8).to_json())
    store.finish(run_id, 1, RunStatus.DONE, outcome=OUTCOME)
    was, listed = store.run(run_id), finished_runs(store)
    store.add(spec(), anew=True, evaluation=Evaluation(whole=True))
    assert (store.run(run_id).status, store.evaluation(run_id)) == (RunStatus.QUEUED, Evaluation(whole=True))
    meanwhile = store.standing(run_id)
    assert (meanwhile.status, meanwhile.finished_at, meanwhile.seconds) == (RunStatus.DONE, was.finished_at, was.seconds)
    assert store.evaluated(run_id) == Evaluation(without=("probes",))
    assert finished_runs(store) == listed
    assert all_values(store, [run_id]) == {("unlearned", "accuracy"): [0.25]}
    status = ended(store, run_id, 2, how)
    run = store.run(run_id)
    assert (run.status, run.anew, run.attempt) == (RunStatus.DONE, status, 2)
    for name in ("started_at", "finished_at", "seconds", "speedup", "device", "share", "cancel_requested", "forecast"):
        assert getattr(run, name) == getattr(was, name), name
    assert store.evaluation(run_id) == Evaluation(without=("probes",))  # so that the whole one can be asked for again
    assert store.measurements(run_id) == list(OUTCOME.measurements)
    assert store.artifacts(run_id) == OUTCOME.artifacts
    assert finished_runs(store) == listed
    said = {"failed": "failed", "interrupted": "was interrupted"}.get(how, "was cancelled")
    assert run.error_line.startswith(f"Computing this run again {said}, so its numbers are still those of before.")
    assert run.error_line.endswith("no memory") == (how == "failed")
    store.add(spec(), anew=True)  # and once more, now to the end
    store.claim(me)
    assert store.finish(run_id, 3, RunStatus.DONE, outcome=Outcome((Measurement("accuracy", "unlearned", 0.5),), device="cpu"))
    run = store.run(run_id)
    assert (run.status, run.anew, run.error_line, run.seconds) == (RunStatus.DONE, None, "", {})
    assert [m.value for m in store.measurements(run_id)] == [0.5]
    assert store.artifacts(run_id) == {}
    assert store.db.read("select * from stands") == []


def test_a_run_that_waits_gets_the_fullest_evaluation_that_was_asked_for(store, spec):
    run_id = store.add(spec(), evaluation=Evaluation(budget=1.0))
    store.add(spec())  # says nothing of it
    assert store.evaluation(run_id) == Evaluation(budget=1.0)
    store.add(spec(), evaluation=Evaluation(whole=True))
    store.add(spec(), evaluation=Evaluation())
    assert store.evaluation(run_id) == Evaluation(whole=True)


def test_a_run_that_stopped_is_asked_anew_with_the_usual_evaluation_and_one_that_was_done_with_its_own(store, spec, me):
    run_id, quick = store.add(spec(), evaluation=Evaluation(budget=1.0)), Evaluation(budget=2.0)
    store.request_cancel(run_id)
    with store.db.transaction() as write:  # as a study does
        queue(write, spec())
    assert store.evaluation(run_id) == Evaluation()
    store.request_cancel(run_id)
    store.add(spec(), evaluation=quick)
    store.claim(me)
    store.finish(run_id, 3, RunStatus.DONE, outcome=OUTCOME)
    store.add(spec(), anew=True)  # a file of it is gone
    assert (store.run(run_id).status, store.evaluation(run_id)) == (RunStatus.QUEUED, quick)


def test_the_oldest_asked_is_claimed_first_and_one_at_a_time(store, spec, me):
    first, second = store.add(spec(1)), store.add(spec(2))
    assert store.claim(me)[0].id == first
    assert store.claim(me) is None
    store.finish(first, 1, RunStatus.FAILED, error="no")
    store.add(spec(1))  # asked anew: behind the second
    assert store.claim(me)[0].id == second
    assert [run.id for run in store.runs()] == [first, second]
    assert [run.id for run in store.runs(limit=1)] == [first]


def test_a_run_is_claimed_once_across_two_connections(home, store, spec, me):
    store.add(spec())
    with ResultStore(home.database) as other:
        assert [store.claim(me), other.claim(me)] == [(spec(), 1), None]


CLAIMER = """
import json, sys
from pathlib import Path
from core.domain.run import RunStatus
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
mine, me = [], ProcessId.of_this_process()
with ResultStore(Path(sys.argv[1])) as store:
    while store.has(RunStatus.QUEUED):
        claimed = store.claim(me)
        if claimed:
            spec, attempt = claimed
            alone = sum(run.status == RunStatus.RUNNING for run in store.runs()) == 1
            mine.append([spec.id, alone, store.finish(spec.id, attempt, RunStatus.DONE)])
print(json.dumps(mine))
"""


def test_runs_are_claimed_once_and_one_at_a_time_across_four_processes(home, store, spec):
    ids = {store.add(spec(seed)) for seed in range(40)}
    claimers = [
        subprocess.Popen([sys.executable, "-c", CLAIMER, home.database], stdout=subprocess.PIPE) for _ in range(4)
    ]
    claimed = [entry for claimer in claimers for entry in json.loads(claimer.communicate(timeout=60)[0])]
    assert sorted(entry[0] for entry in claimed) == sorted(ids)
    assert all(alone and landed for _, alone, landed in claimed)


def test_progress_is_seen_and_its_share_never_goes_down(store, spec, me):
    run_id = store.add(spec())
    store.claim(me)
    assert store.started(run_id, 1, me, "cuda:0")
    assert store.progress(run_id, 1, 0.5, "train", "epoch 5 of 10", seconds_left=2.5)
    assert store.progress(run_id, 1, 0.4, "evaluate")
    run = store.run(run_id)
    assert (run.share, run.stage, run.note, run.seconds_left, run.device) == (0.5, "evaluate", "", None, "cuda:0")
    assert run.created_at.tzinfo is not None
    assert run.created_at <= run.started_at


def test_verdict_numbers_and_files_land_together(store, spec, me):
    run_id = store.add(spec())
    store.claim(me)
    assert store.finish(run_id, 1, RunStatus.DONE, outcome=OUTCOME)
    run = store.run(run_id)
    assert (run.status, run.share, run.seconds, run.speedup) == (RunStatus.DONE, 1.0, OUTCOME.seconds, 6.0)
    assert run.device == "cpu"
    assert run.finished_at >= run.started_at
    assert store.measurements(run_id) == list(OUTCOME.measurements)
    assert store.artifacts(run_id) == OUTCOME.artifacts
    assert store.files() == set(OUTCOME.artifacts.values())


def test_nothing_lands_when_one_number_cannot(store, spec, me):
    run_id = store.add(spec())
    store.claim(me)
    good, bad = Measurement("accuracy", "unlearned", 0.5), Measurement("js", "unlearned", object())
    before = store.revision()
    with pytest.raises(Exception, match="type 'object' is not supported"):
        store.finish(run_id, 1, RunStatus.DONE, outcome=Outcome(measurements=(good, bad), artifacts={"a": "b"}))
    assert store.run(run_id).status == RunStatus.RUNNING
    assert store.measurements(run_id) == []
    assert store.artifacts(run_id) == {}
    assert store.revision() == before
    assert store.finish(run_id, 1, RunStatus.DONE, outcome=OUTCOME)  # and the connection still works


def test_a_late_worker_overwrites_nothing(store, spec, me):
    run_id = store.add(spec())
    store.claim(me)
    store.finish(run_id, 1, RunStatus.INTERRUPTED, error="gone")
    assert not store.finish(run_id, 1, RunStatus.DONE, outcome=OUTCOME)  # its verdict is there
    store.add(spec())
    store.claim(me)
    assert not store.started(run_id, 1, DEAD)
    assert not store.progress(run_id, 1, 0.9, "train")
    assert not store.finish(run_id, 1, RunStatus.DONE, outcome=OUTCOME)  # it is another attempt's
    run = store.run(run_id)
    assert (run.status, run.attempt, run.share, run.stage) == (RunStatus.RUNNING, 2, 0.0, "")
    assert store.measurements(run_id) == []


def test_a_queued_run_is_cancelled_at_once_and_a_running_one_is_flagged(store, spec, me):
    first, second = store.add(spec(1)), store.add(spec(2))
    store.request_cancel(second)
    assert store.run(second).status == RunStatus.CANCELLED
    store.claim(me)
    assert not store.run(first).cancel_requested
    store.request_cancel(first)
    store.request_cancel(first)
    assert store.run(first).status == RunStatus.RUNNING
    assert store.run(first).cancel_requested


def test_a_run_asked_to_cancel_ends_cancelled_whatever_came_of_it(store, spec, me):
    run_id = store.add(spec())
    store.claim(me)
    store.request_cancel(run_id)
    assert store.finish(run_id, 1, RunStatus.DONE, outcome=OUTCOME)
    assert store.run(run_id).status == RunStatus.CANCELLED
    assert store.measurements(run_id) == []


def test_a_run_that_is_over_cannot_be_cancelled(store, spec, me):
    run_id = store.add(spec())
    store.claim(me)
    store.finish(run_id, 1, RunStatus.DONE)
    store.request_cancel(run_id)
    assert store.run(run_id).status == RunStatus.DONE
    assert not store.run(run_id).cancel_requested


@pytest.mark.parametrize("gone", ["supervisor", "worker"])
def test_a_run_whose_process_is_dead_is_interrupted(store, spec, me, gone):
    run_id = store.add(spec())
    store.claim(DEAD if gone == "supervisor" else me)
    store.started(run_id, 1, DEAD if gone == "worker" else me)
    if gone == "supervisor":  # without a worker: a living one would be ended, and here that is pytest
        store._db._db.execute("update runs set worker_pid = null")
    store.reconcile()
    run = store.run(run_id)
    assert (run.status, run.error_line) == (RunStatus.INTERRUPTED, SILENT_END)


def test_a_run_whose_process_is_dead_is_cancelled_if_that_was_asked_for(store, spec):
    run_id = store.add(spec())
    store.claim(DEAD)
    store.request_cancel(run_id)
    store.reconcile()
    assert (store.run(run_id).status, store.run(run_id).error) == (RunStatus.CANCELLED, "")


def on_cluster(queued, _running):
    return next(iter(queued)), ON_CLUSTER


def test_a_run_whose_node_is_lost_waits_again_until_it_was_lost_too_often(store, spec, me):
    run_id = store.add(spec())
    for attempt in range(1, LOST_MOST + 1):
        store.claim(me, on_cluster)
        assert not node_lost(store.db, run_id, attempt - 1)  # an earlier attempt's word
        lifecycle.change_one(store.db, lifecycle.RUNS, run_id, attempt, node="b")
        assert node_lost(store.db, run_id, attempt) == (attempt < LOST_MOST)
        assert store.run(run_id).node == ("" if attempt < LOST_MOST else "b")
    run = store.run(run_id)
    assert (run.status, run.error) == (RunStatus.FAILED, LOST_END)
    store.add(spec())
    store.claim(me, on_cluster)
    assert node_lost(store.db, run_id, LOST_MOST + 1)  # asked for anew, it may be lost as often again
    for attempt in range(LOST_MOST + 2, LOST_MOST + 7):  # a node without the memory for it is none that is lost
        store.claim(me, on_cluster)
        assert node_lost(store.db, run_id, attempt, counts=False)


def test_a_run_that_no_cluster_can_hold_says_so_and_the_others_what_all_wait_for(store, spec):
    ids = [store.add(one) for one in (spec(), replace(spec(), recipe={"ranks": 3}))]

    def notes(why, lacks="It wants 3 GPUs."):
        say_why_all_wait(store.db, why, lambda one: lacks if one.recipe.get("ranks") == 3 else "")
        return [store.existing(run_id).note for run_id in ids]

    assert notes("Nobody answers.") == ["Nobody answers.", "It wants 3 GPUs."]
    before = store.db.read("select value from revision")[0][0]
    assert notes("Nobody answers.") == ["Nobody answers.", "It wants 3 GPUs."]
    assert store.db.read("select value from revision")[0][0] == before
    assert notes("") == ["", "It wants 3 GPUs."]
    assert notes("", "") == ["", ""]


def test_a_run_of_a_cluster_whose_supervisor_is_dead_waits_again_unless_it_was_to_stop(store, spec):
    waits, unwanted, limited = (store.add(spec(seed=seed), limit=90) for seed in range(3))
    for _ in range(3):
        store.claim(DEAD, lambda queued, _: (next(iter(queued)), ON_CLUSTER))
    store.request_cancel(unwanted)
    stop_at_limit(store.db, limited, 1, 90)
    store.reconcile()
    assert [store.run(one).status for one in (waits, unwanted, limited)] == [RunStatus.QUEUED, RunStatus.CANCELLED, RunStatus.FAILED]
    assert (store.run(waits).attempt, store.run(limited).error_line) == (2, limit_reached(90))


def test_who_looks_while_a_run_is_stopped_at_its_limit_does_not_take_its_end_for_a_silent_one(store, spec, me):
    run_id = store.add(spec(), limit=90)
    store.claim(me)
    store.started(run_id, 1, DEAD)
    stop_at_limit(store.db, run_id, 1, 90)
    store.reconcile()
    run = store.run(run_id)
    assert (run.status, run.error_line) == (RunStatus.FAILED, limit_reached(90))
    store.add(spec())
    assert store.run(run_id).error == ""


def test_a_run_that_got_done_at_its_limit_is_done(store, spec, me):
    run_id = store.add(spec(), limit=90)
    store.claim(me)
    stop_at_limit(store.db, run_id, 1, 90)
    store.finish(run_id, 1, RunStatus.DONE, outcome=OUTCOME)
    assert (store.run(run_id).status, store.run(run_id).error) == (RunStatus.DONE, "")


def test_a_run_whose_processes_live_is_left_alone(store, spec, me):
    run_id = store.add(spec())
    store.claim(me)
    store.reconcile()
    store.started(run_id, 1, me)
    store.reconcile()
    assert store.run(run_id).status == RunStatus.RUNNING


def test_a_worker_that_outlives_its_supervisor_is_ended(store, spec):
    run_id = store.add(spec())
    store.claim(DEAD)
    with subprocess.Popen(["sleep", "60"]) as orphan:
        store.started(run_id, 1, ProcessId.of(orphan.pid))
        store.reconcile()
        assert orphan.wait(5) == -9
    assert store.run(run_id).status == RunStatus.INTERRUPTED


def test_an_unknown_run_is_named_in_one_sentence(store, me):
    assert store.run("nope") is None
    calls = [
        lambda: store.started("nope", 1, me),
        lambda: store.progress("nope", 1, 0.5, "train"),
        lambda: store.finish("nope", 1, RunStatus.DONE),
        lambda: store.request_cancel("nope"),
        lambda: store.delete("nope"),
        lambda: store.existing("nope"),
    ]
    for call in calls:
        with pytest.raises(WrongInput, match="There is no run 'nope'"):
            call()


def test_a_process_is_told_from_another_with_its_id(me):
    assert me.alive()
    assert not ProcessId(me.pid, me.started - 60).alive()
    assert ProcessId.of(DEAD.pid) is None
    assert not DEAD.alive()


def test_a_zombie_is_dead():
    child = subprocess.Popen(["true"])
    process = ProcessId(child.pid, time.monotonic())
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended; nobody has taken note
    assert not process.alive()
    assert ProcessId.of(child.pid) is None
    child.wait()
