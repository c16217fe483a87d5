"""The shelf of metrics. To add a family: write its file, then its line here."""

from core.metrics import (
    accuracy,
    agreement,
    distance,
    divergence,
    grafts,
    membership,
    probes,
    relearning,
    residue,
    similarity,
    truth,
    worst_case,
)
from core.metrics.base import Metric

FAMILIES = (
    *(accuracy, truth, divergence, agreement, similarity, residue, relearning, probes, grafts, membership, worst_case, distance),
)
METRICS: dict[str, Metric] = {metric.info.key: metric for family in FAMILIES for metric in family.METRICS}
