"""How far a model's beliefs lie from the reference's."""

from functools import partial

from torch import Tensor

from core.descriptions import MetricInfo
from core.maths.losses import jensen_shannon
from core.metrics.base import Evidence, Metric


def js_divergence(logits_p: Tensor, logits_q: Tensor, *, multi: bool = False) -> float:
    """Mean Jensen-Shannon divergence of two (N, C) batches of logits, in nats: 0 to ln 2.

    JS = 1/2 KL(p || m) + 1/2 KL(q || m),  m = (p + q) / 2;  summed over classes, averaged over examples. multi: of each attribute
    (N, A) by itself, averaged over attributes too.
    """
    return float(jensen_shannon(logits_p, logits_q, multi=multi).mean())


def _to_reference(split: str, evidence: Evidence, model: str) -> float:
    theirs, _ = evidence.need("reference").of(split, evidence.splits)
    ours, _ = evidence.need(model).of(split, evidence.splits)
    return js_divergence(ours, theirs, multi=evidence.multi)


def _metric(key: str, split: str, title: str, where: str) -> Metric:
    definition = (
        f"Jensen-Shannon divergence between the model's and the reference's probabilities, averaged over {where}. "
        "0: the same beliefs; ln 2 = 0.693: no overlap. Of several attributes the mean of theirs, yes or no each."
    )
    return Metric(
        MetricInfo(key, title, "nats", "low", definition), partial(_to_reference, split), ("original", "unlearned")
    )


METRICS = (
    _metric("js_to_reference", "forget", "Divergence from the reference, forget set", "the forget set"),
    _metric("js_to_reference_test", "test", "Divergence from the reference, test set", "the test set"),
)
