"""Whose turn it is, and what is given up together."""

from datetime import UTC, datetime
from itertools import islice
import random

import pytest

from core.domain.run import RunSpec, RunStatus
from core.storage import studies
from core.storage.processes import ProcessId
from core.storage.queues import lifecycle, run_queue
from core.storage.queues.queue_order import Line, Waiting, in_order, waiting
from core.storage.runs import ResultStore
from core.storage.studies import StoredStudy


def ids(queued):
    return [one.id for one in queued]


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


# A line that is kept from claim to claim.


def first_in_line(queued, running):
    return next(iter(queued)), "cpu"


def last_in_line(queued, running):
    """As a machine might: the last of the first three, whatever runs."""
    return ([*islice(queued, 3)][-1], "cpu")


@pytest.fixture
def others(home):
    """Another process's store."""
    with ResultStore(home.database) as found:
        yield found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("choose", [first_in_line, last_in_line])
def test_a_kept_line_is_the_stored_queue_whatever_happens_meanwhile(store, others, spec, study, me, seed, choose):
    """Held against the queue as it is read from the start, after each of many random steps by this process and by another."""
    draw, kept, runs = random.Random(seed), Line(), []

    def claim():
        wanted = [one.id for one in waiting(store.db.read)]
        claimed = store.claim(me, choose, kept)
        assert (claimed and claimed[0].id) == (choose(map(Waiting, wanted), ())[0].id if wanted else None)
        runs.extend([(claimed[0].id, claimed[1])] if claimed else [])

    def end():
        if runs:
            others.finish(*runs.pop(draw.randrange(len(runs))), draw.choice([RunStatus.DONE, RunStatus.FAILED]))

    def cancel():
        if queued := waiting(store.db.read):
            others.request_cancel(draw.choice(queued).id)

    steps = (
        claim, claim, claim, end, cancel,
        lambda: study(f"s{draw.randrange(4)}", range(start := draw.randrange(20), start + draw.randrange(1, 9))),
        lambda: others.add(spec(draw.randrange(30))),
        lambda: others.add(spec(draw.randrange(30), floor=True), along_with=others.add(spec(draw.randrange(30)))),
        lambda: [studies.cancel(store, one.id) for one in studies.studies(store)[:1]],
    )  # fmt: skip
    for _ in range(60):
        draw.choice(steps)()
    while waiting(store.db.read):
        claim()


def test_a_line_is_read_again_only_where_the_queue_changed(store, spec, study, me):
    study("a", range(5))
    kept, asked = Line(), []
    claimed, attempt = store.claim(me, first_in_line, kept)
    lifecycle.progress(store.db, lifecycle.RUNS, claimed.id, attempt, (0.5, "train", "", None))
    store.finish(claimed.id, attempt, RunStatus.DONE)
    kept.read(lambda sql, values: asked.append(sql) or store.db.read(sql, values))
    assert asked == ["select value from queue_revision"]
    assert ids(kept) == [spec(seed).id for seed in range(1, 5)]
    store.add(spec(9))
    kept.read(store.db.read)
    assert ids(kept)[0] == spec(9).id


def test_what_was_taken_off_a_line_stands_in_it_where_the_claim_came_to_nothing(store, spec, me, monkeypatch):
    store.add(spec(1))
    kept = Line()
    with monkeypatch.context() as patch:
        patch.setattr(RunSpec, "from_json", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.claim(me, first_in_line, kept)
    assert store.claim(me, first_in_line, kept)[0] == spec(1)
