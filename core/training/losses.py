"""Losses that several methods share."""

from math import log

import torch
from torch import Tensor
import torch.nn.functional as F

from core.data.label_kinds import two_answers


def kl_divergence(target: Tensor, logits: Tensor, temperature: float = 1.0, *, multi: bool = False) -> Tensor:
    """KL(p || q) in nats, mean over the batch, of p = softmax(target / T) and q = softmax(logits / T), both (B, C).

    Times T^2, so that the size of its gradient does not depend on T (Hinton et al., arXiv:1503.02531). multi: of the
    Bernoulli distributions p = sigmoid(target / T) and q = sigmoid(logits / T), mean over attributes too.
    """
    if multi:
        target, logits = two_answers(target), two_answers(logits)
    log_p, log_q = F.log_softmax(target / temperature, 1), F.log_softmax(logits / temperature, 1)
    return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True) * temperature**2


def jensen_shannon(target: Tensor, logits: Tensor, *, multi: bool = False) -> Tensor:
    """JS divergence of two (B, C) batches of logits, per example (B,), in nats: 0 to ln 2; multi: mean over attributes."""
    if multi:
        return jensen_shannon(two_answers(target), two_answers(logits)).view(logits.shape).mean(1)
    log_p, log_q = F.log_softmax(target.double(), 1), F.log_softmax(logits.double(), 1)
    log_m = torch.logaddexp(log_p, log_q) - log(2)
    both = (log_p.exp() * (log_p - log_m)).sum(1) + (log_q.exp() * (log_q - log_m)).sum(1)
    return (both / 2).clamp(0, log(2))  # rounding alone leaves these bounds


def other_labels(labels: Tensor, classes: int, generator: torch.Generator) -> Tensor:
    """A class drawn evenly from all but the true one, int64 (N,), on the labels' device."""
    shift = torch.randint(1, classes, labels.shape, generator=generator).to(labels.device)
    return (labels + shift) % classes


def rank_auc(higher: Tensor, lower: Tensor) -> float:
    """Chance that a value of `higher` (N,) exceeds one of `lower` (M,), ties half: the area under the ROC curve."""
    order = torch.cat([higher, lower]).double()
    _, place, counts = torch.unique(order, return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    ranks = (ends - (counts - 1) / 2)[place][: len(higher)]  # mid-ranks, from 1
    return float((ranks.sum() - len(higher) * (len(higher) + 1) / 2) / (len(higher) * len(lower)))
