"""The shelf of metrics. To add a family: write its file, then its line here."""

from core.metrics import accuracy, agreement, distance, divergence, membership
from core.metrics.base import Metric

METRICS: dict[str, Metric] = {
    metric.info.key: metric for family in (accuracy, divergence, agreement, membership, distance) for metric in family.METRICS
}
