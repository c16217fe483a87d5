"""Whose turn it is, and what is given up together."""

from datetime import UTC, datetime

import pytest

from core.domain.run import RunStatus
from core.storage import studies
from core.storage.processes import ProcessId
from core.storage.queues import run_queue
from core.storage.queues.queue_order import Waiting, in_order
from core.storage.studies import StoredStudy


def ids(waiting):
    return [one.id for one in waiting]


def test_who_asked_for_one_run_comes_before_what_goes_along_and_that_before_studies():
    queued = [Waiting("c1", studies=("s",)), Waiting("f1", companion=True), Waiting("r1", alone=True), Waiting("c2", studies=("s",)),
              Waiting("r2", alone=True, studies=("s",)), Waiting("old")]  # fmt: skip
    assert ids(in_order(queued, {})) == ["r1", "r2", "old", "f1", "c1", "c2"]


def test_studies_take_turns_and_keep_their_own_order():
    large = [Waiting(f"a{i}", studies=("a",)) for i in range(4)]
    small = [Waiting(f"b{i}", studies=("b",)) for i in range(2)]
    assert ids(in_order(large + small, {})) == ["a0", "b0", "a1", "b1", "a2", "a3"]
    assert ids(in_order(large + small, {"a": 5})) == ["b0", "a0", "b1", "a1", "a2", "a3"]  # a had a turn, b never
    assert ids(in_order(large + small, {"a": 5, "b": 9})) == ["a0", "b0", "a1", "b1", "a2", "a3"]


def test_a_run_of_two_studies_is_a_turn_of_both():
    of = {"ab": ("a", "b"), "a1": ("a",), "c0": ("c",), "b1": ("b",)}
    queued = [Waiting(name, studies=names) for name, names in of.items()]
    assert ids(in_order(queued, {})) == ["ab", "c0", "a1", "b1"]


@pytest.fixture
def me():
    return ProcessId.of_this_process()


@pytest.fixture
def study(store, spec):
    """study("a", seeds): a study of these runs."""

    def ask(name, seeds):
        cells = [(0, spec(seed)) for seed in seeds]
        studies.save(store, StoredStudy(name, "", "{}", datetime.now(UTC)), cells, studies.studies(store))

    return ask


def take(store, me, status=RunStatus.DONE):
    """The seed of the run whose turn it is; it ends at once."""
    asked, attempt = store.claim(me)
    store.finish(asked.id, attempt, status)
    return asked.seed


def test_one_run_of_a_persons_is_not_behind_a_study_of_fifty_and_two_studies_share(store, spec, study, me):
    study("a", range(50))
    assert take(store, me) == 0
    study("b", range(50, 53))
    store.add(spec(99))
    assert take(store, me) == 99
    assert [take(store, me) for _ in range(7)] == [50, 1, 51, 2, 52, 3, 4]


def test_a_cell_that_somebody_asks_for_by_itself_comes_next_and_outlives_its_study(store, spec, study, me):
    study("a", range(3))
    store.add(spec(2))
    studies.cancel(store, "a")
    assert [run.spec.seed for run in store.runs() if run.status == RunStatus.QUEUED] == [2]
    assert studies.awaited(store, "a") == {spec(2).id}
    assert take(store, me) == 2


def test_a_cancelled_study_takes_no_turns(store, study, me):
    study("a", range(2))
    study("b", range(1, 4))
    studies.cancel(store, "a")  # b waits for 1 too
    assert [take(store, me) for _ in range(3)] == [1, 2, 3]


# What was asked for along with a run.


@pytest.fixture
def pair(store, spec):
    """A run and its second reference, both waiting."""
    run_id = store.add(spec(1))
    return run_id, store.add(spec(1, floor=True), along_with=run_id)


def status(store, run_id):
    return store.existing(run_id).status


def test_cancelling_a_run_cancels_what_was_asked_for_along_with_it(store, pair):
    store.request_cancel(pair[0])
    assert [status(store, one) for one in pair] == [RunStatus.CANCELLED] * 2


def test_cancelling_a_running_run_does_so_too(store, pair, me):
    assert store.claim(me)[0].id == pair[0]
    store.request_cancel(pair[0])
    assert status(store, pair[1]) == RunStatus.CANCELLED


@pytest.mark.parametrize("end", [RunStatus.FAILED, RunStatus.INTERRUPTED])
def test_a_run_that_stops_takes_along_what_was_asked_for_with_it(store, pair, me, end):
    take(store, me, end)
    assert status(store, pair[1]) == RunStatus.CANCELLED


def test_a_run_that_is_done_leaves_it_waiting(store, pair, me):
    take(store, me)
    store.request_cancel(pair[0])
    assert status(store, pair[1]) == RunStatus.QUEUED


@pytest.mark.parametrize("who", ["person", "study", "other run", "other run that is done"])
def test_what_somebody_else_waits_for_goes_on(store, spec, study, pair, me, who):
    if who == "person":
        store.add(spec(1, floor=True))
    elif who == "study":
        studies.save(store, StoredStudy("a", "", "{}", datetime.now(UTC)), [(0, spec(1, floor=True))], [])
    else:
        other = store.add(spec(1, alpha=3.0))
        store.add(spec(1, floor=True), along_with=other)
        if who.endswith("done"):
            with store.db.transaction() as write:
                write.execute("update runs set status = 'done' where id = ?", (other,))
    store.request_cancel(pair[0])
    assert [status(store, one) for one in pair] == [RunStatus.CANCELLED, RunStatus.QUEUED]
    if who.startswith("other"):
        return
    with store.db.transaction() as write:  # nobody any more
        write.execute("update runs set alone = 0")
        write.execute("update studies set cancelled = 1")
    store.add(spec(1))
    store.request_cancel(pair[0])
    assert status(store, pair[1]) == RunStatus.CANCELLED


def test_a_run_asked_again_is_not_behind_what_was_asked_for_along_with_another(store, spec, me):
    first = store.add(spec(1))
    store.add(spec(1, floor=True), along_with=first)
    assert take(store, me, RunStatus.DONE) == 1
    second = store.add(spec(2))
    assert store.claim(me)[0].id == second  # though the floor was asked for before
    assert run_queue.companions(store.db, first) == [spec(1, floor=True).id]


def test_a_limit_is_the_last_that_a_person_set_and_no_study_sets_one(store, spec, study):
    run_id = store.add(spec(1), limit=60.0)
    assert store.limit(run_id) == 60.0
    study("a", [1])
    assert store.limit(run_id) == 60.0
    store.add(spec(1))
    assert store.limit(run_id) is None
    assert store.add(spec(1), limit=5.0) == run_id == spec(1).id
    assert store.existing(run_id).limit_seconds == 5.0
