"""What stands beside a run: its floor, its controls, and what others paid for."""

from dataclasses import replace

import pytest

from core.domain.methods.ablations import control_title, is_control_of
from core.domain.requests.classes import ClassRequest
from core.domain.requests.random import RandomRequest
from core.domain.run import RunSpec, RunStatus
from core.storage.processes import ProcessId
from core.storage.related_runs import beside, kept_seconds
from core.storage.runs import ResultStore

SPEC = RunSpec("digits", "small_cnn", ClassRequest((3,)), "aru", {"mask": "aru", "share": 0.5}, 7, True, "", "engine1")
RETRAIN = replace(SPEC, method="retrain", params={})
RANDOM = replace(SPEC, params={"mask": "random", "share": 0.5})


@pytest.fixture
def store(home):
    with ResultStore(home.database) as opened:
        yield opened


def put(store, spec, status=RunStatus.DONE):
    """A run in that state; its id."""
    run_id = store.add(spec)
    if status != RunStatus.QUEUED:
        _, attempt = store.claim(ProcessId.of_this_process())
        store.finish(run_id, attempt, status)
    return run_id


def test_the_floor_is_the_retraining_of_the_same_request(store):
    assert beside(store, SPEC).floor is None
    wanted = put(store, RETRAIN)
    assert beside(store, SPEC).floor.id == wanted


@pytest.mark.parametrize(
    "other",
    [{"dataset": "else"}, {"model": "else"}, {"request": ClassRequest((4,))}, {"seed": 8}, {"device": "cuda"},
     {"engine": "engine2"}, {"reference": False}],
)  # fmt: skip
def test_another_one_is_no_floor(store, other):
    put(store, replace(RETRAIN, **other))
    assert beside(store, SPEC).floor is None


def test_requests_are_told_apart_by_every_part(store):
    spec = replace(SPEC, request=RandomRequest(amount=0.05, seed=1))
    put(store, replace(RETRAIN, request=RandomRequest(amount=0.05)))
    assert beside(store, spec).floor is None
    wanted = put(store, replace(RETRAIN, request=spec.request))
    assert beside(store, spec).floor.id == wanted


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_a_floor_that_is_not_done_is_told_with_its_status(store, status):
    put(store, RETRAIN, status)
    assert beside(store, SPEC).floor.status == status


def test_a_floor_has_no_floor_but_itself(store):
    put(store, RETRAIN)
    assert beside(store, RETRAIN).floor is None


def test_controls_are_the_methods_own_with_all_else_alike(store):
    wanted = put(store, RANDOM)
    put(store, replace(RANDOM, params={"mask": "random", "share": 0.7}))
    put(store, replace(RANDOM, seed=8))
    put(store, replace(RANDOM, params={"mask": "largest", "share": 0.5}), RunStatus.FAILED)
    assert {title: run.id for title, run in beside(store, SPEC).controls.items()} == {"a random mask": wanted}
    assert beside(store, RANDOM).controls == {}  # a control has none itself


def test_a_control_may_differ_in_what_has_no_effect_on_it():
    method = replace(SPEC, method="unsir", params={"noise": "optimised", "noise_count": 32, "repair_rate": 0.01})
    control = replace(method, params={"noise": "none", "noise_count": 256, "repair_rate": 0.01})
    assert is_control_of(control, method)
    assert not is_control_of(replace(control, params=control.params | {"repair_rate": 0.02}), method)
    assert not is_control_of(method, control)
    assert (control_title(control), control_title(method), control_title(RETRAIN)) == ("no noise", "", "")


def test_what_computing_shared_files_took_is_known_whoever_did_it(store):
    store.keep("a", "statistic", "one.safetensors", 2.0)
    store.keep("b", "statistic", "two.safetensors", 0.5)
    store.keep("c", "statistic", "two.safetensors", 0.25)  # the same content under another key
    assert kept_seconds(store, ["one.safetensors", "two.safetensors", "unknown"]) == 2.5
    assert kept_seconds(store, []) == 0.0
