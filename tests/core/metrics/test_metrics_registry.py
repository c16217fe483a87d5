"""What every metric in the registry declares."""

import pytest

from core.domain.run import MODELS
from core.metrics.base import NotApplicable
from core.metrics.registry import METRICS
from tests.core.metrics.evidence import evidence_of

ISSUE = (
    *("train_forget_accuracy", "train_retain_accuracy", "test_forget_accuracy", "test_retain_accuracy"),
    *("js_to_reference", "attack_loss_accuracy", "parameter_distance"),
)


def test_each_declares_its_unit_its_goal_and_its_definition():
    for key, metric in METRICS.items():
        info = metric.info
        assert info.key == key
        assert info.title, key
        assert info.unit, key
        assert info.goal in ("high", "low", "match"), key
        assert info.definition.endswith("."), key
        assert len(info.definition) > 20, key
        assert set(metric.models) <= set(MODELS), key
        assert "unlearned" in metric.models, key


def test_those_that_were_promised_are_on_the_shelf():
    assert set(ISSUE) <= set(METRICS)


def test_for_accuracy_on_what_was_forgotten_and_for_the_attack_zero_is_not_the_aim():
    for key in ("train_forget_accuracy", "test_forget_accuracy", "attack_loss_accuracy"):
        assert METRICS[key].info.goal == "match", key


@pytest.mark.parametrize("models", [MODELS, MODELS[:2]], ids=["with a reference", "without"])
@pytest.mark.parametrize("request_", ["class:2", "samples:3", "random:0.5", "attribute:person=2", "mislabelled:0.5"])
def test_each_is_a_number_or_a_reason_in_one_sentence_whatever_is_missing(request_, models, grey):
    evidence = evidence_of(grey, request_, models)  # one for all metrics: they share what they measure, as in a run
    for key, metric in METRICS.items():
        for model in metric.models:
            value, reason = asked(key, evidence, model)
            assert (value is None) == bool(reason), key
            assert value is None or value >= 0, key
            assert not reason or (reason.endswith(".") and "\n" not in reason), key


def asked(key, evidence, model):
    try:
        return METRICS[key].compute(evidence, model), ""
    except NotApplicable as reason:
        return None, str(reason)
