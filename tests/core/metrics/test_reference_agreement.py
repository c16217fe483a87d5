"""Summaries of agreement with the reference: by hand, and against NumPy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
import torch

from core.metrics.base import Logits, NotApplicable
from core.metrics.membership_inference import nomus
from core.metrics.reference_agreement import activation_distance, tug_of_war
from core.metrics.registry import METRICS
from tests.core.metrics.evidence import evidence_of

KEYS = ("activation_distance", "average_gap", "tow", "tow_attack")


def value(key, evidence, model="unlearned"):
    return METRICS[key].compute(evidence, model)


def test_activation_distance_is_numpys():
    generator = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(40, 5, generator=generator), torch.randn(40, 5, generator=generator)
    wanted = np.linalg.norm(softmax(ours.double().numpy(), 1) - softmax(theirs.double().numpy(), 1), axis=1).mean()
    assert activation_distance(ours, theirs) == pytest.approx(wanted, rel=1e-12)


def test_activation_distance_ends_at_the_root_of_two():
    sure = torch.tensor([[800.0, 0.0], [0.0, 800.0]])
    assert activation_distance(sure, sure) == 0
    assert activation_distance(sure, sure.flip(1)) == pytest.approx(2**0.5)


def test_tug_of_war_by_hand():
    assert tug_of_war([0.1, -0.2, 0.0]) == pytest.approx(0.9 * 0.8)
    assert tug_of_war([0.0, 0.0]) == 1
    assert tug_of_war([1.0, 0.0]) == 0


@pytest.mark.parametrize("request_", ["class:2", "random:0.5"])
def test_a_model_that_is_the_reference_agrees_in_everything(grey, request_):
    evidence = evidence_of(grey, request_)
    same = replace(evidence, logits={**evidence.logits, "unlearned": evidence.logits["reference"]})
    assert [value(key, same) for key in KEYS] == [0, 0, 1, 1]


def answers(splits, forget, retain, test):
    """Logits that are right on so many of the first examples of each set."""

    def logits(labels, right):
        shown = torch.where(right, labels, (labels + 1) % 3)
        return 5.0 * torch.nn.functional.one_hot(shown, 3).float()

    def first(mask, count):
        chosen = torch.zeros_like(mask)
        chosen[mask.nonzero()[:count, 0]] = True
        return chosen

    train_right = first(splits.forgotten, forget) | first(~splits.forgotten, retain)
    test_right = first(~splits.test_forgotten, test)
    return Logits(logits(splits.train.labels, train_right), logits(splits.test.labels, test_right))


def test_tug_of_war_takes_forget_retain_and_unseen_kept_accuracy(grey):
    evidence = evidence_of(grey)  # 40 to forget, 80 to keep, 40 unseen kept
    models = {
        "original": answers(evidence.splits, 40, 80, 40),
        "unlearned": answers(evidence.splits, 10, 72, 36),
        "reference": answers(evidence.splits, 0, 80, 40),
    }
    planted = replace(evidence, logits=models)
    assert value("tow", planted) == pytest.approx((1 - 0.25) * (1 - 0.1) * (1 - 0.1))
    assert value("tow", planted, "original") == 0
    attacks = [METRICS["attack_entropy_members"].compute(planted, m) for m in ("unlearned", "reference")]
    gap = abs(attacks[0] - attacks[1])
    assert value("tow_attack", planted) == pytest.approx((1 - gap) * 0.9 * 0.9)
    assert value("average_gap", planted) == pytest.approx((0.25 + 0.1 + 0.1 + gap) / 4)


@pytest.mark.parametrize("key", KEYS)
def test_without_a_reference_there_is_a_reason_instead(grey, key):
    with pytest.raises(NotApplicable, match="no reference model"):
        value(key, evidence_of(grey, models=("original", "unlearned")))


@pytest.mark.parametrize("key", ["average_gap", "tow_attack"])
def test_what_needs_the_attack_says_so_where_too_few_are_forgotten(grey, key):
    with pytest.raises(NotApplicable, match="The attack needs 10"):
        value(key, evidence_of(grey, "samples:3"))
    assert value("tow", evidence_of(grey, "samples:3")) >= 0


def test_nomus_by_hand_and_on_the_benchmarks_own_row():
    assert nomus(1.0, 0.5) == 1
    assert nomus(0.0, 1.0) == nomus(0.0, 0.0) == 0
    assert nomus(0.5951, 0.5 + 0.2136) == pytest.approx(0.5839, abs=1e-4)  # MUFAC's original network, README of its benchmark
    assert nomus(0.4880, 0.5 - 0.0445) == pytest.approx(0.6995, abs=1e-4)  # and its retrained one
