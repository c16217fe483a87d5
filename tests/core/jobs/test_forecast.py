"""What is said of a run before it begins, what is refused, and what a run writes down of it."""

from dataclasses import replace
import json
import os

import pytest

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus
from core.jobs import forecast as forecasts
from core.jobs import supervisor, worker
from core.jobs.forecast import asking, check_memory, forecast_and_truth, sentence, size
from core.storage.durations import History
from core.storage.processes import ProcessId
from core.storage.queues import slots
from core.storage.queues.slots import Machine, beside
from core.storage.record_types import PASSES, Forecast
from core.storage.runs import ResultStore
from tests.core.jobs.place import STUB

SPEC = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {"alpha": 1.0}, device="cpu")


def test_a_forecast_is_said_in_one_sentence():
    assert sentence(Forecast(15.2, 7.1e8)) == "About 15 s and 0.7 GB of memory on this machine, by what has finished here."
    assert sentence(Forecast(90.0, None, PASSES)) == "About 1 min 30 s on this machine, reckoned from a measured pass of this network."
    assert sentence(Forecast(None, 2.34e10)) == "About 23 GB of memory on this machine, by what has finished here."
    assert sentence(Forecast(None, None)) == ""


def test_what_memory_cannot_hold_is_refused_with_what_it_needs_what_there_is_and_what_to_change():
    check_memory(Forecast(1.0, 100.0), SPEC, 100.0)
    check_memory(Forecast(1.0, None), SPEC, 100.0)
    with pytest.raises(WrongInput, match=r"need about 23 GB of memory, and this machine has 8\.0 GB; choose a smaller model, or a dataset"):
        check_memory(Forecast(1.0, 2.3e10), SPEC, 8e9)


def test_on_a_gpu_the_machine_s_memory_is_not_looked_at(monkeypatch):
    monkeypatch.setattr("core.storage.queues.slots.gpus", lambda: ("0",))
    check_memory(Forecast(1.0, 2.3e10), replace(SPEC, device=""), 8e9)
    with pytest.raises(WrongInput):
        check_memory(Forecast(1.0, 2.3e10), SPEC, 8e9)


def test_the_engine_is_asked_once_for_all_seeds_and_one_that_cannot_tell_is_not_asked_again():
    asked = []

    def ask(question, **about):
        asked.append((question, about["method"]))
        if about["method"] == "aru":
            raise WrongInput("The images are gone.")
        return {"passes": {"train": 2.0}, "seconds": 0.5, "bytes": 7.0}

    work = asking(ask)
    told = [work(replace(SPEC, seed=seed, method=method)) for method in ("ssd", "aru") for seed in (0, 1)]
    assert [one and (one.passes, one.seconds, one.bytes) for one in told] == [({"train": 2.0}, 0.5, 7.0)] * 2 + [None] * 2
    assert asked == [("planned_work", "ssd"), ("planned_work", "aru")]


def test_forecast_and_truth_stand_together():
    report = {"took": 16.2, "peak_bytes": 600_000_000, "forecast": {"seconds": 15.0, "bytes": 7e8, "basis": "history"}}
    assert forecast_and_truth(report) == "Took 16 s and 0.6 GB; forecast: 15 s and 0.7 GB."
    assert forecast_and_truth({**report, "forecast": None}) == ""
    assert forecast_and_truth({**report, "forecast": {"seconds": None, "bytes": None, "basis": "history"}}) == ""


def computed(home, **params):
    with ResultStore(home.database) as store:
        run_id = store.add(RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", params))
        _, attempt = store.claim(ProcessId.of_this_process())
        worker.compute(home, "run", run_id, attempt, STUB)
        return store.existing(run_id)


def test_a_run_has_its_forecast_and_what_it_took(home):
    first, second = computed(home), computed(home, alpha=2)
    assert (first.status, second.status) == (RunStatus.DONE, RunStatus.DONE)
    assert first.forecast == Forecast(None, None)  # nothing has finished here
    assert second.forecast.bytes == first.peak_bytes > 2**20
    assert json.loads(second.forecast.to_json())["basis"] == "history"


def test_a_run_that_would_outgrow_what_is_free_is_refused_before_it_begins(home, monkeypatch):
    monkeypatch.setattr(forecasts, "history", lambda *_: type("Known", (), {"forecasts": lambda *_: [Forecast(1.0, 2.0**60)]})())
    run = computed(home)
    assert run.status == RunStatus.FAILED
    assert "would need about 1152921505 GB of memory, and free are now" in run.error_line
    assert run.stage == ""


def test_a_run_for_which_memory_is_not_free_waits_while_others_run_and_fails_only_alone(home, monkeypatch):
    monkeypatch.setattr(forecasts, "history", lambda *_: type("Known", (), {"forecasts": lambda *_: [Forecast(1.0, 6e9)]})())
    monkeypatch.setattr(worker, "free_memory", lambda: 2**30)
    monkeypatch.setattr(worker, "whole_memory", lambda: 8e9)
    me, first, second = ProcessId.of_this_process(), SPEC, replace(SPEC, seed=1)
    with ResultStore(home.database) as store:
        for one in (first, second):
            store.add(one)
        two_slots = beside(Machine(8, most=2), (), lambda _: None)
        assert [store.claim(me, two_slots), store.claim(me, two_slots)] == [(first, 1), (second, 1)]
        with pytest.raises(SystemExit):
            worker.compute(home, "run", second.id, 1, STUB)
        run = store.existing(second.id)
        assert (run.status, run.started_at, run.error, run.forecast.bytes) == (RunStatus.QUEUED, None, "", 6e9)
        # The supervisor now reckons with 6 GB, not with the 2 GiB of a run of which nothing is known.
        watched = supervisor.Computing([supervisor.Watched("run", first.id, 1, None)])
        for free, begun in ((6e9, None), (2e10, (second, 2))):
            monkeypatch.setattr(slots, "free_memory", lambda free=free: free)
            monkeypatch.setenv("FORGETSCOPE_SLOTS", "2")
            monkeypatch.setattr(supervisor, "history", lambda _: History())
            assert store.claim(me, supervisor._choice(store, watched)) == begun
        store.finish(first.id, 1, RunStatus.DONE)
        worker.compute(home, "run", second.id, 2, STUB)
        assert (store.existing(second.id).status, "free are now" in store.existing(second.id).error_line) == (RunStatus.FAILED, True)


def test_one_that_no_memory_here_can_hold_does_not_wait(home, monkeypatch):
    monkeypatch.setattr(forecasts, "history", lambda *_: type("Known", (), {"forecasts": lambda *_: [Forecast(1.0, 2.0**60)]})())
    with ResultStore(home.database) as store:
        store.add(SPEC)
        store.claim(ProcessId.of_this_process())
        choose = beside(Machine(8, most=2), (), lambda _: None)
        store.add(other := replace(SPEC, seed=1))
        store.claim(ProcessId.of_this_process(), choose)
        worker.compute(home, "run", other.id, 1, STUB)
        assert store.existing(other.id).status == RunStatus.FAILED


def test_a_run_on_one_of_several_gpus_is_forecast_there_too(home, monkeypatch):
    """CUDA reads the variable once: what looks at the GPUs before it is set would see the first."""
    seen = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # and set back after the test
    monkeypatch.setattr(worker.run_queue, "slot_of", lambda *_: "gpu 1")
    monkeypatch.setattr(worker, "_foresee", lambda *_: seen.append(os.environ["CUDA_VISIBLE_DEVICES"]))
    assert computed(home).status == RunStatus.DONE
    assert seen == ["1"]


def test_a_run_that_is_done_takes_no_time(home):
    run = computed(home)
    with ResultStore(home.database) as store:
        assert forecasts.forecast(store, run.spec) == forecasts.forecast(store, run.spec, how=Evaluation(budget=1.0)) == Forecast(0.0, None)
        assert forecasts.forecast(store, run.spec, how=Evaluation(whole=True)) != Forecast(0.0, None)  # it is evaluated once more
        assert forecasts.forecast(store, replace(run.spec, seed=1)).bytes == run.peak_bytes
    assert sentence(Forecast(0.0, None)) == ""


def test_a_forecast_says_how_much_the_networks_of_shards_keep_on_disk():
    assert sentence(Forecast(15.0, 7e8, stored=3.2e6)).endswith("by what has finished here. Its training keeps 3 MB of networks on disk.")
    assert "keeps" not in sentence(Forecast(15.0, 7e8))
    assert [size(count) for count in (1e5, 49e6, 7e8, 2.3e10)] == ["1 MB", "49 MB", "0.7 GB", "23 GB"]
