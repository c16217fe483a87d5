"""What every metric on the shelf declares."""

import pytest

from core.metrics import METRICS
from core.metrics.base import MODELS, NotApplicable
from tests.core.metrics.evidence import evidence_of

ISSUE = (
    *("train_forget_accuracy", "train_retain_accuracy", "test_forget_accuracy", "test_retain_accuracy"),
    *("js_to_reference", "attack_loss_accuracy", "parameter_distance"),
)


@pytest.mark.parametrize("key", METRICS)
def test_it_declares_its_unit_its_goal_and_its_definition(key):
    info = METRICS[key].info
    assert info.key == key
    assert info.title
    assert info.unit
    assert info.goal in ("high", "low", "match")
    assert info.definition.endswith(".")
    assert len(info.definition) > 20
    assert set(METRICS[key].models) <= set(MODELS)
    assert "unlearned" in METRICS[key].models


def test_those_that_were_promised_are_on_the_shelf():
    assert set(ISSUE) <= set(METRICS)


@pytest.mark.parametrize("key", ["train_forget_accuracy", "test_forget_accuracy", "attack_loss_accuracy"])
def test_for_accuracy_on_what_was_forgotten_and_for_the_attack_zero_is_not_the_aim(key):
    assert METRICS[key].info.goal == "match"


@pytest.mark.parametrize("key", METRICS)
def test_it_is_a_number_or_a_reason_in_one_sentence_whatever_is_missing(key, grey):
    for request in ("class:2", "samples:3", "random:0.5", "attribute:person=2", "mislabelled:0.5"):
        for models in (MODELS, MODELS[:2]):
            for model in METRICS[key].models:
                value, reason = asked(key, evidence_of(grey, request, models), model)
                assert (value is None) == bool(reason)
                assert value is None or value >= 0
                assert not reason or (reason.endswith(".") and "\n" not in reason)


def asked(key, evidence, model):
    try:
        return METRICS[key].compute(evidence, model), ""
    except NotApplicable as reason:
        return None, str(reason)
