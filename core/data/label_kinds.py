"""What a label is: one class, int64 (N,), or any number of attributes, uint8 (N, A); how wrong, and how right, an answer is."""

import torch
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
    """float64 (N,): 1 where the largest logit is the label's, else 0; multi-label: the share of attributes predicted correctly."""
    if not is_multi(labels):
        return (logits.argmax(1) == labels).double()
    return ((logits > 0) == (labels > 0)).double().mean(1)


def order(labels: Tensor) -> Tensor:
    """int64 (N,): the examples sorted by class, or by their row of attributes; those that are alike keep their order."""
    keys = torch.unique(labels, dim=0, return_inverse=True)[1] if is_multi(labels) else labels
    return keys.argsort(stable=True)


def answers(logits: Tensor, multi: bool) -> Tensor:
    """The surest class, int64 (N,); multi-label: 1 for each attribute with a logit above 0, uint8 (N, A)."""
    return (logits > 0).to(torch.uint8) if multi else logits.argmax(1)


def probabilities(logits: Tensor, multi: bool) -> Tensor:
    """Of each class, which sum to 1, or of each attribute by itself: shaped like the logits, (N, C) or (N, A)."""
    return logits.sigmoid() if multi else logits.softmax(1)


def two_answers(logits: Tensor) -> Tensor:
    """Logits (N * A, 2) of attributes' logits (N, A), row by row: each attribute is a question with two answers, no and yes.

    What is known of a class's answer is known of an attribute's by this; an example's value is the mean over its attributes.
    """
    return torch.stack([torch.zeros_like(logits), logits], -1).flatten(0, 1)
