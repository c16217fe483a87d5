"""How often a model answers what is true of images that were given wrong labels."""

from core.data.labels import right
from core.descriptions import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable


def truth_accuracy(evidence: Evidence, model: str) -> float:
    """Share of right answers on the forget set by its labels as they were before the request flipped them.

    Raises NotApplicable for requests that flipped none.
    """
    splits = evidence.splits
    if splits.truth is None:
        raise NotApplicable("This request gave no image a wrong label, so its labels are the truth.")
    gone = splits.forgotten.cpu()
    return float(right(evidence.need(model).train[gone], splits.truth.cpu()[gone]).mean())


METRICS = (
    Metric(
        MetricInfo(
            "truth_accuracy", "Accuracy, forget set, by the truth", "share", "match",
            "Share of right answers on the mislabelled images that had to go, held against their right labels instead of the wrong ones "
            "that the original learned. The aim is the reference's value.",
        ),
        truth_accuracy,
    ),
)  # fmt: skip
