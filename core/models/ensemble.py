"""Several networks of one architecture that answer together: the logits are of the mean of what they say."""

from functools import cache
from math import log

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from core.models.inspection import Builder, Parts, marked
from core.models.registry import MODELS

LACKING = (
    "The networks of this run are ensembles, whose members stand side by side: no last layer, grid of channels or group of layers is "
    "common to all of them."
)


class Ensemble(nn.Module):
    """Networks side by side. multi: whether a logit is of an attribute by itself, so that it has a sigmoid and not a softmax."""

    def __init__(self, members: list[nn.Module], multi: bool) -> None:
        super().__init__()
        self.members, self.multi = nn.ModuleList(members), multi

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). (B, classes): log of the mean of the members' softmaxes, whose softmax is that mean.

        Of attributes the log-odds of the mean of their sigmoids.
        """
        logits = torch.stack([member(x) for member in self.members])
        if self.multi:
            return mean_log(logsigmoid(logits)) - mean_log(logsigmoid(-logits))
        return mean_log(logits.log_softmax(-1))


def mean_log(logs: Tensor) -> Tensor:
    """(S, ...) logarithms -> (...), the logarithm of the mean of what they are of."""
    return logs.logsumexp(0) - log(len(logs))


def builder_of(model: str, shards: int) -> Builder:
    """Of untrained networks of this key; of more than one shard ensembles, into which is looked as into networks from outside."""
    return MODELS[model] if shards == 1 else _ensembles(model, MODELS[model], shards)


@cache  # what is found out about a network is remembered by its builder
def _ensembles(key: str, member: Builder, shards: int) -> Builder:
    return marked(key, lambda data: Ensemble([member(data) for _ in range(shards)], data.multi), Parts(), LACKING)
