"""Accuracy against the truth, on images whose labels a request flipped."""

from dataclasses import replace

import pytest
from sklearn.metrics import accuracy_score
import torch
import torch.nn.functional as F

from core.metrics.base import Logits, NotApplicable
from core.metrics.registry import METRICS
from tests.core.metrics.evidence import evidence_of

TRUTH, WRONG = METRICS["truth_accuracy"], METRICS["train_forget_accuracy"]


@pytest.mark.parametrize("model", ["original", "unlearned", "reference"])
def test_it_is_scikit_learns_accuracy_against_the_labels_before_the_flip(grey, model):
    evidence = evidence_of(grey, "mislabelled:30@4")
    gone = evidence.splits.forgotten
    answers = evidence.logits[model].train[gone].argmax(1)
    assert TRUTH.compute(evidence, model) == pytest.approx(accuracy_score(grey.dataset.train.labels[gone], answers), abs=1e-12)


def test_who_answers_the_truth_is_right_by_the_truth_and_wrong_by_the_labels(grey):
    evidence = evidence_of(grey, "mislabelled:30@4")
    truth, labels = (F.one_hot(some, 3).float() for some in (grey.dataset.train.labels, evidence.splits.train.labels))
    test = torch.zeros(60, 3)
    evidence = replace(evidence, logits={"unlearned": Logits(truth, test), "original": Logits(labels, test)})
    assert (TRUTH.compute(evidence, "unlearned"), WRONG.compute(evidence, "unlearned")) == (1, 0)
    assert (TRUTH.compute(evidence, "original"), WRONG.compute(evidence, "original")) == (0, 1)


@pytest.mark.parametrize("request_", ["class:2", "random:0.1", "samples:3", "attribute:person=2"])
def test_where_no_label_was_flipped_there_is_a_reason(grey, request_):
    with pytest.raises(NotApplicable, match=r"^This request gave no image a wrong label, so its labels are the truth\.$"):
        TRUTH.compute(evidence_of(grey, request_), "unlearned")


def test_the_aim_is_the_references_own_value():
    assert TRUTH.info.goal == "match"
