"""A run as one plain object: what stands beside it, and what it cost with all that was computed before."""

import json

import numpy as np
import pytest

from core.domain.requests.registry import parse_request
from core.jobs.validation import floor_spec, make_spec
from core.jobs.write_catalogue import describe
from core.reports.run_report import full_report
from core.storage.runs import ResultStore
from tests.planted import plant, spec


def report(home, run_id):
    with ResultStore(home.database) as store:
        return full_report(home, store, store.existing(run_id))


def test_the_floor_is_the_second_retrained_networks_numbers(home):
    run_id = plant(home, spec("ssd"))
    assert report(home, run_id)["floor"] is None
    plant(home, spec("retrain"), test_retain_accuracy=0.8)
    said = report(home, run_id)
    assert said["floor"]["unlearned"]["test_retain_accuracy"] == 0.8
    assert said["floor"]["reference"] == said["reference"]
    assert said["controls"] == {}
    json.dumps(said)


def test_controls_come_by_what_they_are(home):
    params = {"mask": "aru", "share": 0.5}
    run_id = plant(home, spec("aru", params=params))
    plant(home, spec("aru", params=params | {"mask": "largest"}), js_to_reference=0.25)
    assert report(home, run_id)["controls"]["the opposite mask"]["unlearned"]["js_to_reference"] == 0.25


def test_the_speed_up_that_pays_for_precompute_counts_it_even_when_it_was_stored(home):
    """4 s of retraining over 0.5 s is 8 times; over 0.5 s and 1.5 s precomputed once it is 2."""
    run_id = plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        run = store.existing(run_id)
        with store.db.transaction() as write:
            write.execute("insert into artifacts (run_id, name, file) values (?, 'statistic/fisher', 'fisher.safetensors')", (run_id,))
            seconds = json.dumps(run.seconds | {"unlearn": 0.5, "precompute": 0.0})
            write.execute("update runs set speedup = 8, seconds = ? where id = ?", (seconds, run_id))
        store.keep("key", "statistic", "fisher.safetensors", 1.5)
    said = report(home, run_id)
    assert (said["speedup"], said["precompute_seconds"]) == (8, 1.5)
    assert said["speedup_with_precompute"] == pytest.approx(2)


def test_what_a_search_chose_is_said_of_a_run_that_searched_alone(home):
    recorded = {"search/accuracies": np.array([[1.0, 0.99], [0.0, 0.97]]), "search/met": np.array(1), "search/to_alpha": np.array(4.5)}
    searched = plant(home, spec("ssd", params={"settings": "auto"}), files={"recorded": recorded})
    assert report(home, searched)["search"] == {"chosen": {"alpha": 4.5}, "trials": 1, "met": True}
    assert report(home, plant(home, spec("ssd")))["search"] is None


def test_without_precompute_or_without_a_speed_up_there_is_one_figure_or_none(home):
    said = report(home, plant(home, spec("finetune")))
    assert said["speedup_with_precompute"] == said["speedup"]
    said = report(home, plant(home, spec("finetune", reference=False)))
    assert said["speedup_with_precompute"] is said["speedup"] is None


def test_the_spec_of_a_floor_is_a_retraining_of_the_same_request(monkeypatch):
    shelves = describe()
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cpu")
    asked = make_spec(shelves, "digits", "small_cnn", parse_request("random:0.05@3"), "finetune", {}, seed=5, reference=False)
    monkeypatch.delenv("FORGETSCOPE_DEVICE")
    floor = floor_spec(asked, shelves)
    assert (floor.method, floor.params, floor.reference, floor.device) == ("retrain", {}, True, "cpu")
    assert (floor.dataset, floor.model, floor.request, floor.seed) == (asked.dataset, asked.model, asked.request, 5)
    assert floor_spec(floor, shelves) == floor
