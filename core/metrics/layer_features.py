"""A network's features of images, layer group by layer group."""

from math import isqrt

import torch
from torch import Tensor
import torch.nn.functional as F

from core.data.dataset import Examples
from core.metrics.base import Evidence, NotApplicable
from core.models.forward_look import NotFound
from core.models.layer_groups import groups

CELLS = 4  # a feature map is averaged to at most 4 x 4 cells, so that wide layers stay comparable in cost
WIDEST = 4096  # numbers of an image and layer, where cells or tokens can be averaged; a probe of more costs minutes
BATCH = 128


def chain(evidence: Evidence, model: str) -> dict[str, torch.nn.Sequential]:
    """The model's layer groups, input to output. Raises NotApplicable where it is missing or no chain."""
    try:
        return groups(evidence.network(model))
    except NotFound as reason:
        raise NotApplicable(str(reason)) from None


@torch.no_grad()
def features(evidence: Evidence, model: str, split: str, count: int) -> dict[str, Tensor]:
    """Group -> float32 (n, d) on the CPU, of at most `count` examples of a split; the last group's are the logits."""
    examples = evidence.examples(split, count)
    return evidence.cached(features_name(model, split, count), lambda: _through(chain(evidence, model), examples))


def features_name(model: str, split: str, count: int) -> str:
    """Under which an evaluation holds them."""
    return f"features/{split}/{count}/{model}"


def _through(layers: dict[str, torch.nn.Sequential], examples: Examples) -> dict[str, Tensor]:
    outputs: dict[str, list[Tensor]] = {name: [] for name in layers}
    for images, _ in examples.batches(BATCH):
        x = images
        for name, layer in layers.items():
            x = layer(x)
            outputs[name].append(flat(x).float().cpu())
    return {name: torch.cat(parts) for name, parts in outputs.items()}


def flat(x: Tensor) -> Tensor:
    """Maps (B, C, H, W) in at most CELLS x CELLS means, tokens (B, T, D) in means of neighbours, to (B, d), d <= WIDEST."""
    if x.ndim == 4:
        cells = min(CELLS, max(1, isqrt(WIDEST // x.shape[1])))
        if max(x.shape[2:]) > cells:
            x = F.adaptive_avg_pool2d(x, cells)
    elif x.ndim == 3 and x[0].numel() > WIDEST:
        x = F.adaptive_avg_pool1d(x.mT, max(1, WIDEST // x.shape[2]))
    return x.flatten(1)
