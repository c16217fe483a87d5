"""Residual knowledge in the predictions on the forget set, compared with networks that were not trained on it."""

from math import log

import torch

from core.data.label_kinds import two_answers
from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable
from core.training.loop import predict
from core.training.losses import jensen_shannon, rank_auc

FEW, ALL = 300, 10**12  # images on which an untrained network is predicted: of a costly one, of others
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


def zrf_of_code(logits: torch.Tensor, untrained: torch.Tensor, *, multi: bool = False) -> float:
    """ZRF as its authors' code and SSD's compute it, at most 1: logits (N, C) of a model and of an untrained network.

    1 - 1/2 [mean m ln(m / p) + mean m ln(m / q)], m = (p + q) / 2, means over examples *and* classes: the divergence has its
    arguments the other way round than Jensen and Shannon's, is divided by the number of classes, and has no bound, so that the
    score of sure networks may lie below 0. From log probabilities, which that code has not: a probability of 0 makes it infinite.
    """
    if multi:
        logits, untrained = two_answers(logits), two_answers(untrained)
    log_p, log_q = logits.double().log_softmax(1), untrained.double().log_softmax(1)
    log_m = torch.logaddexp(log_p, log_q) - log(2)
    return 1 - float((log_m.exp() * (2 * log_m - log_p - log_q)).mean()) / 2


def _both(evidence: Evidence, model: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (N, C) of the model and of the untrained network on a split."""
    own, most = evidence.logits_of(model), FEW if evidence.drawn else ALL
    rows, images = evidence.sample_rows(split, most), evidence.examples(split, most)
    logits, untrained = own.at(rows, test=split.startswith("test")), evidence.network("untrained")
    of_untrained = evidence.cached(f"untrained/{split}/untrained", lambda: {"logits": predict(untrained, images, evidence.device)})
    return logits, of_untrained["logits"]


def _zrf(evidence: Evidence, model: str) -> float:
    logits, untrained = _both(evidence, model, "forget")
    return 1 - float(jensen_shannon(untrained, logits, multi=evidence.multi).mean())


def _zrf_of_code(evidence: Evidence, model: str) -> float:
    split = "test_forget" if evidence.splits.request.by_rule else "forget"
    return zrf_of_code(*_both(evidence, model, split), multi=evidence.multi)


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
            "predictions on the forget set (arXiv:2205.08096, as its text defines it). More is not better than the reference's own "
            f"value. Where the training images are a draw, as of a costly network, on {FEW} images at most. Published numbers are computed "
            "otherwise: see ZRF by its authors' code.",
        ),
        _zrf,
    ),
    Metric(
        MetricInfo(
            "zrf_of_code", "ZRF by its authors' code", "share", "match",
            "ZRF as its authors' code and SSD's compute it, for the numbers of their tables: another divergence in place of "
            "Jensen and Shannon's, averaged over classes too, on test images of the forgotten rule (class, subclass, attribute), "
            "else on the forget set. The more classes, the nearer to 100 %; of sure networks it may lie below 0. On as many images as ZRF.",
        ),
        _zrf_of_code,
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
