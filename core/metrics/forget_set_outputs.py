"""Residual knowledge in the predictions on the forget set, compared with networks that were not trained on it."""

import torch

from core.data.label_kinds import two_answers
from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable
from core.training.loop import predict
from core.training.losses import jensen_shannon, rank_auc

FAMILY = "Residual knowledge"


def entropy(logits: torch.Tensor, *, multi: bool = False) -> torch.Tensor:
    """Shannon entropy of softmax(logits), nats, (N,) in [0, ln C]: logits (N, C); multi: mean over attributes, [0, ln 2]."""
    if multi:
        return entropy(two_answers(logits)).view(logits.shape).mean(1)
    log_p = logits.double().log_softmax(1)
    return -(log_p.exp() * log_p).sum(1)


def similarity_ratio(unlearned: float, original: float, reference: float) -> float:
    """|A_u - A_o| / (|A_u - A_o| + |A_u - A_r|) of a score A: 0 as the original, 1 as the reference.

    Raises NotApplicable where all three are equal.
    """
    moved, left = abs(unlearned - original), abs(unlearned - reference)
    if moved + left == 0:
        raise NotApplicable("The score is the same for all three networks, so it cannot tell which one this is like.")
    return moved / (moved + left)


def _zrf(evidence: Evidence, model: str) -> float:
    logits, _ = evidence.logits_of(model).of("forget", evidence.splits)
    untrained = evidence.network("untrained")
    theirs = evidence.cached("untrained", lambda: predict(untrained, evidence.examples("forget", len(logits)), evidence.device))
    return 1 - float(jensen_shannon(theirs, logits, multi=evidence.multi).mean())


def _forget_entropy(evidence: Evidence, model: str) -> float:
    return float(entropy(evidence.logits_of(model).of("forget", evidence.splits)[0], multi=evidence.multi).mean())


def _class_auc(evidence: Evidence, model: str) -> float:
    """AUC of the probability of the forgotten classes, of their test images against all others."""
    picks = list(evidence.splits.request.classes)
    forget, retain = (
        evidence.logits_of(model).of(name, evidence.splits)[0].double().softmax(1)[:, picks].sum(1)
        for name in ("test_forget", "test_retain")
    )
    return rank_auc(forget, retain)


def _similarity(evidence: Evidence, model: str) -> float:
    if not evidence.splits.request.by_class:
        raise NotApplicable("The ratio compares how well a class is recognised; this request names no class.")
    return similarity_ratio(*(_class_auc(evidence, m) for m in (model, "original", "reference")))


METRICS = (
    Metric(
        MetricInfo(
            "forget_entropy", "Entropy of the predictions, forget set", "nats", "match",
            "Mean Shannon entropy of the probabilities on the forget set: 0 is sure, ln(classes) knows nothing. Above the "
            "reference's, the forgotten images stand out by the model's confusion (Streisand effect). "
            "Of several attributes the mean of theirs, at most ln 2.",
        ),
        _forget_entropy,
    ),
    Metric(
        MetricInfo(
            "zrf", "Zero-retrain forgetting (ZRF)", "share", "match",
            "One minus the mean Jensen-Shannon divergence (nats, at most 0.693) between the model's and an untrained network's "
            "predictions on the forget set. More is not better than the reference's own value.",
        ),
        _zrf,
    ),
    Metric(
        MetricInfo(
            "similarity_ratio", "SSSE's similarity ratio (reconstruction)", "share", "high",
            "How far the AUC of recognising the forgotten classes went from the original's (0 %) to the reference's (100 %), on test "
            "images. The paper's exact formula is not public; this is our reading of its summaries.",
        ),
        _similarity, ("unlearned",),
    ),
)  # fmt: skip
