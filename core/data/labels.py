"""What a label is: one class, int64 (N,), or any number of attributes, uint8 (N, A); how wrong, and how right, an answer is."""

from torch import Tensor
import torch.nn.functional as F


def is_multi(labels: Tensor) -> bool:
    """Whether each example has a row of attributes instead of one class."""
    return labels.ndim == 2


def loss(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy (single label) or the mean over attributes of binary cross-entropy (multi-label), in nats.

    logits (B, C); reduction over examples: `mean`, `sum`, or `none` for (B,).
    """
    if not is_multi(labels):
        return F.cross_entropy(logits, labels, reduction=reduction)
    each = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none").mean(1)
    return each if reduction == "none" else each.mean() if reduction == "mean" else each.sum()


def right(logits: Tensor, labels: Tensor) -> Tensor:
    """float64 (N,): 1 where the largest logit is the label's, else 0; multi-label: the share of attributes answered rightly."""
    if not is_multi(labels):
        return (logits.argmax(1) == labels).double()
    return ((logits > 0) == (labels > 0)).double().mean(1)


