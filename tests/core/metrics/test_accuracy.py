"""Accuracies, per class and confusion, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score
import torch

from core.metrics import METRICS
from core.metrics.accuracy import accuracy
from core.metrics.base import NotApplicable
from core.metrics.tables import confusion, per_class
from tests.core.metrics.evidence import evidence_of

WHERE = {  # split -> (its labels' set, rows)
    "train_forget": ("train", [2]),
    "train_retain": ("train", [0, 1]),
    "test_forget": ("test", [2]),
    "test_retain": ("test", [0, 1]),
}


def test_accuracy_is_the_share_of_right_answers():
    logits = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.0, 5.0], [0.1, 0.0]])
    assert accuracy(logits, torch.tensor([1, 0, 0, 1])) == 0.5


@pytest.mark.parametrize("split", WHERE)
@pytest.mark.parametrize("model", ["original", "unlearned", "reference"])
def test_each_accuracy_agrees_with_scikit_learn_on_its_own_split(grey, split, model):
    evidence = evidence_of(grey)
    which, classes = WHERE[split]
    examples, logits = getattr(grey.dataset, which), getattr(evidence.answers[model], which)
    chosen = np.isin(examples.labels.numpy(), classes)
    wanted = accuracy_score(examples.labels.numpy()[chosen], logits.argmax(1).numpy()[chosen])
    assert METRICS[f"{split}_accuracy"].compute(evidence, model) == pytest.approx(wanted, abs=1e-12)


def test_no_unseen_forgotten_examples_is_a_reason_and_not_zero(grey):
    evidence = evidence_of(grey, "random:0.1")
    with pytest.raises(NotApplicable, match=r"^There are no test-forget examples for this request\.$"):
        METRICS["test_forget_accuracy"].compute(evidence, "unlearned")
    everything = accuracy_score(grey.dataset.test.labels, evidence.answers["unlearned"].test.argmax(1))
    assert METRICS["test_retain_accuracy"].compute(evidence, "unlearned") == pytest.approx(everything, abs=1e-12)


def test_without_a_reference_there_is_a_reason(grey):
    evidence = evidence_of(grey, models=("original", "unlearned"))
    with pytest.raises(NotApplicable, match=r"^This run has no reference model to compare with\.$"):
        METRICS["train_forget_accuracy"].compute(evidence, "reference")


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_table_by_class_is_scikit_learns_recall(grey, split):
    evidence = evidence_of(grey)
    table = per_class(evidence)
    assert set(table["model"]) == {"original", "unlearned", "reference"}
    for model, answers in evidence.answers.items():
        labels = getattr(grey.dataset, split).labels
        wanted = recall_score(labels, getattr(answers, split).argmax(1), average=None)
        rows = table[(table["split"] == split) & (table["model"] == model)].sort_values("class")
        assert rows["accuracy"].tolist() == pytest.approx(wanted.tolist(), abs=1e-12)
        assert rows["count"].tolist() == torch.bincount(labels).tolist()


def test_a_class_that_has_no_examples_has_no_accuracy_in_the_table(grey):
    table = per_class(evidence_of(grey, test_classes=(0, 1)))
    absent = table[(table["split"] == "test") & (table["class"] == 2)]
    assert absent["accuracy"].isna().all()
    assert (absent["count"] == 0).all()


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_confusion_table_is_scikit_learns_matrix(grey, split):
    evidence = evidence_of(grey)
    table = confusion(evidence)
    for model, answers in evidence.answers.items():
        logits, labels = getattr(answers, split), getattr(grey.dataset, split).labels
        rows = table[(table["split"] == split) & (table["model"] == model)]
        ours = rows.pivot(index="true", columns="predicted", values="count").to_numpy()
        assert (ours == confusion_matrix(labels, logits.argmax(1), labels=range(3))).all()
        probabilities = torch.softmax(logits.double(), 1).numpy()
        for row in rows.itertuples():
            here = (labels.numpy() == row.true) & (probabilities.argmax(1) == row.predicted)
            if here.any():
                assert row.confidence == pytest.approx(probabilities[here, row.predicted].mean(), rel=1e-5)
            else:
                assert row.count == 0
                assert np.isnan(row.confidence)
