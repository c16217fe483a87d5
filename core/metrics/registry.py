"""The registry of metrics. To add a family: write its file, then its line here."""

from dataclasses import replace

from core.metrics import (
    accuracy,
    cka,
    forget_set_outputs,
    layer_grafting,
    linear_probes,
    membership_inference,
    reference_agreement,
    relearning,
    svc_attack,
    weight_distance,
    worst_case_privacy,
)
from core.metrics.base import Metric

FAMILIES = (
    accuracy,
    reference_agreement,
    cka,
    forget_set_outputs,
    relearning,
    linear_probes,
    layer_grafting,
    membership_inference,
    svc_attack,
    worst_case_privacy,
    weight_distance,
)
METRICS: dict[str, Metric] = {
    metric.info.key: replace(metric, info=replace(metric.info, family=module.FAMILY)) for module in FAMILIES for metric in module.METRICS
}
