"""Distances between networks' weights, relative to the length of one of them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable

FAMILY = "Weights"


def relative_distance(weights: Mapping[str, Tensor], origin: Mapping[str, Tensor]) -> float:
    """sqrt(sum ||theta - theta'||^2 / sum ||theta'||^2) over the named parameters; theta' is the origin's."""
    moved = sum(float((weights[name].double() - origin[name].double()).square().sum()) for name in origin)
    size = sum(float(origin[name].double().square().sum()) for name in origin)
    return (moved / size) ** 0.5 if size else float(moved > 0)


def changed_share(weights: Tensor, origin: Tensor) -> float:
    """Share of weights, in [0, 1], that are not bit for bit the origin's."""
    return float(torch.ne(weights, origin).double().mean())


def _from(origin: str, evidence: Evidence, model: str) -> float:
    for needed in (origin, model):
        if needed not in evidence.weights:
            raise NotApplicable(f"This run has no {needed} model to compare with.")
    return relative_distance(evidence.weights[model], evidence.weights[origin])


METRICS = (
    Metric(
        MetricInfo(
            "parameter_distance", "Relative weight distance from the original", "relative", "match",
            "Length of the change of all weights over the length of the original's weights. "
            "0: untouched. A retrained network lies far away by chance of its start, so nearness proves nothing.",
        ),
        lambda evidence, model: _from("original", evidence, model),
        ("unlearned", "reference"),
    ),
    Metric(
        MetricInfo(
            "parameter_distance_to_reference", "Relative weight distance from the reference", "relative", "low",
            "Length of the difference of all weights over the length of the reference's weights.",
        ),
        lambda evidence, model: _from("reference", evidence, model),
        ("original", "unlearned"),
    ),
)  # fmt: skip
