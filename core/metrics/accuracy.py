"""Accuracy on the retain set and the forget set, of training and of test images."""

from functools import partial

from torch import Tensor

from core.data.label_kinds import right
from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable, rows_of

FAMILY = "Accuracy"
ATTRIBUTES = "Where an image has several attributes: the mean share of them that is predicted correctly."


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Mean of `core.data.label_kinds.right`: the share of correct predictions, or of attributes predicted correctly; N >= 1."""
    return float(right(logits, labels).mean())


def accuracy_of(logits: Tensor, labels: Tensor, chosen: Tensor) -> float | None:
    """Over the chosen examples, bool (N,); None where there are none."""
    return accuracy(logits[chosen], labels[chosen]) if chosen.any() else None


def accuracy_by_class(logits: Tensor, labels: Tensor, multi: bool) -> list[float | None]:
    """Of the examples of each class, None where there are none; multi: of all examples by attribute."""
    if multi:
        return [accuracy(logits[:, [a]], labels[:, [a]]) for a in range(logits.shape[1])]
    return [accuracy_of(logits, labels, labels == index) for index in range(logits.shape[1])]


def _on(split: str, evidence: Evidence, model: str) -> float:
    return accuracy(*evidence.logits_of(model).of(split, evidence.splits))


def _metric(split: str, title: str, goal: str, definition: str) -> Metric:
    return Metric(MetricInfo(f"{split}_accuracy", title, "share", goal, f"{definition} {ATTRIBUTES}"), partial(_on, split))



def truth_accuracy(evidence: Evidence, model: str) -> float:
    """Share of correct predictions on the forget set by its labels as they were before the request flipped them.

    Raises NotApplicable for requests that flipped none.
    """
    splits = evidence.splits
    if splits.truth is None:
        raise NotApplicable("This request gave no image a wrong label, so its labels are the truth.")
    rows = rows_of("forget", splits, evidence.rows)
    return float(right(evidence.logits_of(model).at(rows, test=False), splits.truth.cpu()[rows]).mean())


METRICS = (
    _metric(
        "test_forget", "Accuracy, test forget set", "match",
        "Share of correct predictions on test images that the request's rule names: of its classes, its subclass or its attribute. "
        "The aim is the reference's value.",
    ),
    _metric(
        "test_retain", "Accuracy, test retain set", "high",
        "Share of correct predictions on the test retain set: test images that the request's rule does not name.",
    ),
    _metric(
        "train_forget", "Accuracy, forget set", "match",
        "Share of correct predictions on the forget set. The aim is the reference's value, not zero.",
    ),
    _metric(
        "train_retain", "Accuracy, retain set", "high",
        "Share of correct predictions on the retain set.",
    ),
    Metric(
        MetricInfo(
            "truth_accuracy", "Accuracy, forget set, by the truth", "share", "match",
            "Share of correct predictions on the mislabelled images of the forget set, held against their right labels instead of the "
            "wrong ones that the original learned. The aim is the reference's value.",
        ),
        truth_accuracy,
    ),
)  # fmt: skip
