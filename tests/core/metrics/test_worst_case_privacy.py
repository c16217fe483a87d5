"""The worst-case scores as metrics: whose answers they compare, and when they say nothing."""

from dataclasses import replace

import pytest
from scipy.special import softmax
import torch

from core.metrics.base import Logits, NotApplicable
from core.metrics.privacy.unlearned_against_retrained import features, worst_case
from core.metrics.registry import METRICS
from tests.core.metrics.evidence import evidence_of

KEYS = ("worst_case_min", "worst_case_max")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("model", ["original", "unlearned"])
def test_it_sets_the_forget_set_under_a_model_against_the_same_under_the_reference(grey, key, model):
    evidence = evidence_of(grey)
    forgotten = evidence.splits.forgotten.numpy()
    sides = [features(softmax(evidence.logits[m].train.double().numpy()[forgotten], axis=1)) for m in (model, "reference")]
    wanted = worst_case(*sides, key.removeprefix("worst_case_")).score
    assert METRICS[key].compute(evidence, model) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("key", KEYS)
def test_a_model_that_is_the_reference_cannot_be_told_from_it_and_a_clueless_one_can(grey, key):
    evidence = evidence_of(grey)
    sure = Logits(*(50 * torch.nn.functional.one_hot(part.argmax(1)).float() for part in _parts(evidence)))
    clueless = Logits(*(torch.zeros_like(part) for part in _parts(evidence)))
    planted = replace(evidence, logits={"original": clueless, "unlearned": sure, "reference": sure})
    assert METRICS[key].compute(planted, "unlearned") == 1
    assert METRICS[key].compute(planted, "original") == 0


@pytest.mark.parametrize("key", KEYS)
def test_without_a_reference_or_with_few_forgotten_there_is_a_reason(grey, key):
    with pytest.raises(NotApplicable, match="no reference model"):
        METRICS[key].compute(evidence_of(grey, models=("original", "unlearned")), "unlearned")
    with pytest.raises(NotApplicable, match=r"needs 10 forgotten examples; this request names 3\.$"):
        METRICS[key].compute(evidence_of(grey, "samples:1,2,3"), "unlearned")


def test_the_two_forms_say_which_they_are_and_the_reference_has_none():
    assert ["min" in METRICS[KEYS[0]].info.title, "max" in METRICS[KEYS[1]].info.title] == [True, True]
    assert METRICS[KEYS[0]].models == METRICS[KEYS[1]].models == ("original", "unlearned")


def _parts(evidence):
    answers = evidence.logits["reference"]
    return answers.train, answers.test
