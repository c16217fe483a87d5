"""Accuracies, per class and confusion, against scikit-learn."""

from dataclasses import replace
import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score
import torch

from core.metrics.accuracy import accuracy, accuracy_by_class, accuracy_of
from core.metrics.base import Evidence, Logits, NotApplicable
from core.metrics.registry import METRICS
from core.metrics.tables.per_class import confusion, per_class
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


def test_of_chosen_examples_and_of_each_class_there_is_none_where_there_are_no_examples():
    logits, labels = torch.tensor([[2.0, 0, 0], [0, 1.0, 0], [3.0, 0, 0]]), torch.tensor([0, 0, 1])
    assert accuracy_of(logits, labels, torch.tensor([True, False, True])) == 0.5
    assert accuracy_of(logits, labels, labels == 2) is None
    assert accuracy_by_class(logits, labels, multi=False) == [0.5, 0.0, None]


def test_of_attributes_accuracy_is_of_all_images_for_each_attribute():
    logits, labels = torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1, 1], [1, 0]], dtype=torch.uint8)
    assert accuracy_by_class(logits, labels, multi=True) == [1.0, 0.0]


@pytest.mark.parametrize("split", WHERE)
@pytest.mark.parametrize("model", ["original", "unlearned", "reference"])
def test_each_accuracy_agrees_with_scikit_learn_on_its_own_split(grey, split, model):
    evidence = evidence_of(grey)
    which, classes = WHERE[split]
    examples, logits = getattr(grey.dataset, which), getattr(evidence.logits[model], which)
    chosen = np.isin(examples.labels.numpy(), classes)
    wanted = accuracy_score(examples.labels.numpy()[chosen], logits.argmax(1).numpy()[chosen])
    assert METRICS[f"{split}_accuracy"].compute(evidence, model) == pytest.approx(wanted, abs=1e-12)


def test_no_unseen_forgotten_examples_is_a_reason_and_not_zero(grey):
    evidence = evidence_of(grey, "random:0.1")
    with pytest.raises(NotApplicable, match=r"^There are no test-forget examples for this request\.$"):
        METRICS["test_forget_accuracy"].compute(evidence, "unlearned")
    everything = accuracy_score(grey.dataset.test.labels, evidence.logits["unlearned"].test.argmax(1))
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
    for model, answers in evidence.logits.items():
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
    for model, answers in evidence.logits.items():
        logits, labels = getattr(answers, split), getattr(grey.dataset, split).labels
        rows = table[(table["split"] == split) & (table["model"] == model)]
        ours = np.zeros((3, 3), int)
        ours[rows["true"], rows["predicted"]] = rows["count"]
        assert (ours == confusion_matrix(labels, logits.argmax(1), labels=range(3))).all()
        probabilities = torch.softmax(logits.double(), 1).numpy()
        for row in rows.itertuples():
            here = (labels.numpy() == row.true) & (probabilities.argmax(1) == row.predicted)
            assert row.confidence == pytest.approx(probabilities[here, row.predicted].mean(), rel=1e-5)  # no row without an image


def test_of_a_thousand_classes_the_tables_grow_with_the_images_and_not_with_the_square_of_the_classes(grey):
    """Six images a half: six rows at most of a million cells; by hand, no more than that much memory."""
    classes, images = 1001, 6
    generator = torch.Generator().manual_seed(3)
    labels = torch.tensor([0, 0, 1, 999, 1000, 1000])
    examples = replace(grey.dataset.train.subset(torch.arange(images)), labels=labels)
    splits = replace(grey.splits("class:2"), train=examples, test=examples, forgotten=labels == 0, test_forgotten=labels == 0)
    logits = torch.randn(images, classes, generator=generator)
    logits[0, 5] = logits[1, 5] = 20.0
    tracemalloc.start()
    table = confusion(Evidence(splits, {"original": Logits(logits, logits)}, {}))
    rows = per_class(Evidence(splits, {"original": Logits(logits, logits)}, {}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) <= 3 * images
    (first,) = table[(table["split"] == "forget")].itertuples(index=False)
    assert (first.true, first.predicted, first.count) == (0, 5, 2)
    assert first.confidence == pytest.approx(logits[:2].double().softmax(1)[:, 5].mean().item(), rel=1e-5)
    assert len(rows) == 2 * classes
    assert rows.groupby("split")["count"].sum().tolist() == [images, images]
    assert peak < 3e6  # a million cells as float64 alone would be eight
