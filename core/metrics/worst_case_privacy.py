"""Worst-case privacy: the threshold that best tells a model's predictions on the forget set from the reference's."""

from functools import partial

from core.data.label_kinds import probabilities
from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable
from core.metrics.privacy.unlearned_against_retrained import features, features_of_attributes, worst_case

FAMILY = "Membership"
FEWEST = 10  # forgotten examples: fewer are parted by some threshold, whatever the models


def _score(form: str, evidence: Evidence, model: str) -> float:
    sides = [evidence.logits_of(name).of("forget", evidence.splits)[0] for name in (model, "reference")]
    if len(sides[0]) < FEWEST:
        raise NotApplicable(f"The worst case needs {FEWEST} forgotten examples; this request names {len(sides[0])}.")
    read = features_of_attributes if evidence.multi else features
    ours, theirs = (read(probabilities(logits.double(), evidence.multi).numpy()) for logits in sides)
    return worst_case(ours, theirs, form).score


def _metric(form: str, which: str, after: str) -> Metric:
    definition = (
        "One minus the best attack that guesses from one prediction on the forget set, by its entropy or its logit gap over 51 "
        f"thresholds, whether the reference gave it: 1 - 2^-epsilon, epsilon from {which} of its two logarithms of error rates "
        f"({after}). 100 %: no threshold tells them apart. An unchanged original may score higher than a second "
        "retrained network: see the second reference."
    )
    info = MetricInfo(f"worst_case_{form}", f"Worst-case privacy score ({form} form)", "share", "high", definition)
    return Metric(info, partial(_score, form), ("original", "unlearned"))


METRICS = (
    _metric("min", "the smaller", "as Unlearning Comparator's code, which rounds scores to two decimals first"),
    _metric("max", "the greater", "as the NeurIPS 2023 challenge's; thresholds where exactly one rate is 0 are left out"),
)
