"""How long a run will take and when it begins, from planted runs whose seconds are known."""

from datetime import UTC, datetime, timedelta
import time

import pytest

from core.domain.evaluation import Evaluation
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus
from core.storage import durations
from core.storage.durations import History, Place, Work, history, makespan, queue
from core.storage.processes import ProcessId
from core.storage.queues.slots import Machine
from core.storage.record_types import PASSES, Forecast, Outcome

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def spec(method="ssd", seed=0, forget="class:3", model="small_cnn", **about):
    return RunSpec("digits", model, parse_request(forget), method, about.pop("params", {"alpha": 1.0}), seed, **about)


@pytest.fixture
def done(store):
    """done(spec, stages, whole): it is finished, and took so long."""

    def put(asked, whole, **stages):
        run_id = store.add(asked)
        store.claim(ProcessId.of_this_process())
        store.finish(run_id, store.existing(run_id).attempt, RunStatus.DONE, outcome=Outcome(seconds=stages))
        with store.db.transaction() as write:
            began = (NOW - timedelta(seconds=whole)).isoformat()
            write.execute("update runs set started_at = ?, finished_at = ? where id = ?", (began, NOW.isoformat(), run_id))

    return put


def whole(known, specs, machine=None):
    return makespan(specs, known.seconds(specs), known.there, machine)


def test_nothing_is_known_of_what_never_finished_here(store, done):
    assert history(store.db).seconds([spec()]) == [None]
    done(spec(), 20, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    assert history(store.db).seconds([spec("ssse"), spec(model="resnet18"), None]) == [None] * 3


def test_what_is_trained_already_is_not_counted_again(store, done):
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)  # 1 second around it all
    known = history(store.db)
    assert known.seconds([spec(params={"alpha": 2.0})]) == [1 + 3 + 1]  # the method, the evaluation, and what is around
    assert known.seconds([spec(seed=1)]) == [8 + 6 + 2 + 1 + 3 + 1]
    assert known.seconds([spec(seed=1), spec(seed=1, params={"alpha": 2.0})]) == [21, 5]  # the second shares the first's
    assert known.seconds([spec(forget="class:4")]) == [6 + 1 + 3 + 1]  # another reference of the same original
    assert known.seconds([spec(seed=1, reference=False)]) == [8 + 2 + 1 + 3 + 1]
    read_otherwise = [spec(weights="ab"), spec(weights="ab", weights_as="raw")]  # are two networks
    assert known.seconds(read_otherwise) == [2 + 1 + 3 + 1] * 2
    assert whole(known, [spec(seed=1), spec(seed=1, params={"alpha": 2.0})]) == 26
    assert whole(known, [spec(seed=1), spec("ssse")]) is None


def test_the_median_counts_and_equal_settings_before_others(store, done):
    for seed, (alpha, took) in enumerate([(1.0, 10), (1.0, 30), (1.0, 20), (2.0, 100)]):
        done(spec(seed=seed, params={"alpha": alpha}), took + 3, train=0, reference=0, unlearn=took, evaluate=3)
    known = history(store.db)
    assert known.seconds([spec(forget="class:3", seed=0)]) == [20 + 3]
    assert known.seconds([spec(params={"alpha": 2.0})]) == [103]
    assert known.seconds([spec(params={"alpha": 3.0})]) == [25 + 3]  # of all four


def test_a_waiting_run_knows_how_many_are_ahead_and_when_it_begins(store, done):
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    first, second, unknown, last = (store.add(one) for one in (spec(seed=1), spec(seed=2), spec("ssse"), spec(seed=3)))
    assert queue(store.db, history(store.db), NOW) == {
        first: Place(0, 0, 21), second: Place(1, 21, 42), unknown: Place(2, 42, None), last: Place(3, None, None),
    }  # fmt: skip
    store.claim(ProcessId.of_this_process())
    with store.db.transaction() as write:
        write.execute("update runs set started_at = ? where id = ?", ((NOW - timedelta(seconds=11)).isoformat(), first))
    assert queue(store.db, history(store.db), NOW)[second] == Place(1, 10, 31)  # of its 21 seconds it had 11
    store.progress(first, 1, 0.9, "evaluate", seconds_left=4.0)
    assert queue(store.db, history(store.db), NOW)[second] == Place(1, 4, 25)


def test_on_two_slots_a_waiting_run_begins_when_one_of_them_is_free(store, done):
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    first, second, third = (store.add(spec(seed=seed)) for seed in (1, 2, 3))
    known, two = history(store.db), Machine(2)
    assert queue(store.db, known, NOW, two) == {first: Place(0, 0, 21), second: Place(1, 0, 21), third: Place(2, 21, 42)}
    store.claim(ProcessId.of_this_process())
    store.progress(first, 1, 0.9, "evaluate", seconds_left=4.0)
    assert queue(store.db, known, NOW, two) == {second: Place(1, 0, 21), third: Place(2, 4, 25)}
    assert queue(store.db, known, NOW, Machine(8, most=1))[third] == Place(2, 25, 46)
    seeds = [spec(seed=seed) for seed in range(1, 7)]
    assert [whole(known, seeds, machine) for machine in (Machine(1), two, Machine(8, most=3), Machine(8))] == [126, 63, 42, 21]


def test_who_waits_for_what_another_makes_begins_after_it_and_is_passed(store, done):
    """Two slots; a first run of a seed takes 21, each further one of it 5: seeds 1 and 2 side by side, then both seconds."""
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    again = {"params": {"alpha": 2.0}}
    ids = [store.add(one) for seed in (1, 2) for one in (spec(seed=seed), spec(seed=seed, **again))]
    found = queue(store.db, history(store.db), NOW, Machine(2))
    assert [(found[i].starts_in, found[i].ends_in) for i in ids] == [(0, 21), (21, 26), (0, 21), (21, 26)]
    assert [place.ahead for place in found.values()] == [0, 1, 2, 3]


def test_a_thousand_runs_that_wait_are_placed_quickly(store, done):
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    known = history(store.db)
    specs = [spec(seed=seed, params={"alpha": float(alpha)}) for seed in range(200) for alpha in range(5)]
    began = time.process_time()
    assert whole(known, specs, Machine(2)) == pytest.approx(200 * (21 + 4 * 5) / 2, rel=0.05)
    assert time.process_time() - began < 10


def test_a_run_needs_the_most_memory_that_one_of_its_method_had(store):
    for seed, (method, peak) in enumerate([("ssd", 300), ("ssd", 200), ("ssse", 900), ("aru", None)]):
        run_id = store.add(spec(method, seed))
        store.claim(ProcessId.of_this_process())
        store.finish(run_id, 1, RunStatus.DONE, outcome=Outcome(peak_bytes=peak))
    known = history(store.db)
    assert [known.bytes(spec(method)) for method in ("ssd", "ssse", "aru")] == [300, 900, 900]
    assert known.bytes(spec(model="resnet18")) is None


def test_what_was_evaluated_otherwise_says_nothing_of_an_evaluation_or_of_memory(store, done):
    whole_of_it = Evaluation(whole=True)
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    store.add(spec(seed=1), evaluation=whole_of_it)
    done(spec(seed=1), 1019, train=10, reference=6, precompute=2, unlearn=1, evaluate=1000)
    with store.db.transaction() as write:
        write.execute("update runs set peak_bytes = case evaluation when '' then 300 else 900 end")
    usual, all_of_it = history(store.db), history(store.db, whole_of_it)
    assert usual.seconds([spec(seed=2)]) == [9 + 6 + 2 + 1 + 3 + 0.5]  # the medians; what is around took 1 s and none
    assert all_of_it.seconds([spec(seed=2)]) == [9 + 6 + 2 + 1 + 1000 + 0.5]
    assert (usual.bytes(spec(seed=2)), all_of_it.bytes(spec(seed=2))) == (300, 900)
    assert history(store.db, Evaluation(budget=5.0)) == usual  # nothing was evaluated so here


def test_damaged_rows_are_passed_over(store, done):
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    done(spec(seed=5), 21, unlearn=1)
    waits = store.add(spec(seed=1))
    with store.db.transaction() as write:
        write.execute("update runs set spec = '{' where json_extract(spec, '$.seed') = 5")
    assert queue(store.db, history(store.db), NOW) == {waits: Place(0, 0, 21)}


def test_what_nothing_has_finished_of_is_reckoned_from_passes(store, done):
    """Hand: a pass over an example takes 2 ms; of an untried method after others, what training took says what one takes."""
    passes = {"train": 1000.0, "reference": 900.0, "precompute": 300.0, "unlearn": 50.0, "evaluate": 600.0}
    asked = []

    def ask(one):
        asked.append(one.method)
        return Work(passes, 0.002, 7e8)

    known = history(store.db)
    assert known.forecasts([spec(), spec("ssse"), spec("aru", reference=False)], ask) == [
        Forecast(pytest.approx(2.0 + 1.8 + 0.6 + 0.1 + 1.2), 7e8, PASSES),
        Forecast(pytest.approx(0.6 + 0.1 + 1.2 / 2), 7e8, PASSES),  # the first's networks, and their evaluation
        Forecast(pytest.approx(0.6 + 0.1 + 1.2), 7e8, PASSES),
    ]
    assert known.forecasts([spec()]) == [Forecast(None, None)]
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    asked.clear()
    tried, untried = history(store.db).forecasts([spec(seed=1), spec("ssse")], ask)
    assert tried == Forecast(21, None)
    assert untried == Forecast(pytest.approx((50 + 300) * 8 / 1000 + 3 / 2 + 1), 7e8, PASSES)
    assert asked == ["ssse"]


def test_other_settings_of_a_method_are_reckoned_from_their_passes_where_the_engine_can_tell(store, done):
    """Hand: 8 s of training for 1000 passes are 8 ms each; 5000 passes of the method take 40 s, and 1 s with what it had before."""
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    known, ten_times = history(store.db), spec(params={"alpha": 1.0, "epochs": 10})
    told = Work({"train": 1000.0, "unlearn": 5000.0, "evaluate": 600.0}, 0.002, 7e8)
    assert known.forecasts([ten_times], lambda _: told) == [Forecast(pytest.approx(40 + 3 + 1), 7e8, PASSES)]
    assert known.forecasts([ten_times]) == [Forecast(1 + 3 + 1, None)], "the last resort is what the method took before"
    assert known.forecasts([spec(seed=1)], lambda _: told) == [Forecast(21, None)], "these settings are known"


def test_training_by_other_epochs_takes_as_much_longer(store, done):
    """Hand: 20 epochs of the preset took 8 s, 40 take 16; what had just 5 epochs is known, and the rest of it shares no network."""
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    known = history(store.db)
    assert known.seconds([spec(recipe={"epochs": 40})]) == [16 + 12 + 2 + 1 + 3 + 1]
    assert known.seconds([spec(recipe={"learning_rate": 0.01})]) == [21]
    done(spec(recipe={"epochs": 5}), 11, train=4, reference=3, precompute=0, unlearn=1, evaluate=3)
    known = history(store.db)
    assert known.seconds([spec(seed=1, recipe={"epochs": 5})]) == [4 + 3 + 2 + 1 + 3 + 0.5]
    assert known.seconds([spec(seed=1)]) == [8 + 6 + 2 + 1 + 3 + 0.5]
    told = Work({"train": 5000.0, "unlearn": 5000.0, "evaluate": 600.0}, 0.002, 7e8)
    longer = spec("ssd", seed=1, recipe={"epochs": 10})
    assert known.forecasts([longer], lambda _: told)[0].basis == PASSES, "a method may train by the recipe itself"


def test_the_end_of_a_long_queue_goes_on_at_the_pace_of_its_beginning(store, done, monkeypatch):
    """Alike runs of 21 seconds, one after the other: reckoned one by one or not, each begins when the one before it ends."""
    done(spec(), 21, train=8, reference=6, precompute=2, unlearn=1, evaluate=3)
    waiting = [store.add(spec(seed=seed)) for seed in range(2, 9)]
    wanted = {one: Place(index, 21 * index, 21 * index + 21) for index, one in enumerate(waiting)}
    known = history(store.db)
    assert queue(store.db, known, NOW, Machine(2, most=1)) == wanted
    monkeypatch.setattr(durations, "TIMED", 3)
    assert queue(store.db, known, NOW, Machine(2, most=1)) == wanted
    assert {place.starts_in for place in queue(store.db, History(), NOW, Machine(2, most=1)).values()} == {0, None}
    store.claim(ProcessId.of_this_process())
    monkeypatch.setattr(durations, "CROWD", 0)
    assert queue(store.db, known, NOW, Machine(2, most=1)) == {one: Place(index, None, None) for index, one in enumerate(waiting[1:], 1)}
