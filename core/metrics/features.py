"""What a network makes of images, layer group by layer group: for metrics that look inside."""

import torch
from torch import Tensor
import torch.nn.functional as F

from core.data.examples import Examples
from core.metrics.base import Evidence, NotApplicable
from core.models.groups import NoChain, groups

CELLS = 4  # a feature map is averaged to at most 4 x 4 cells, so that wide layers stay comparable in cost
BATCH = 512


def chain(evidence: Evidence, model: str) -> dict[str, torch.nn.Sequential]:
    """The model's layer groups, input to output. Raises NotApplicable where it is missing or no chain."""
    try:
        return groups(evidence.network(model))
    except NoChain as reason:
        raise NotApplicable(str(reason)) from None


@torch.no_grad()
def features(evidence: Evidence, model: str, split: str, count: int) -> dict[str, Tensor]:
    """Group -> float32 (n, d) on the CPU, of at most `count` examples of a split; the last group's are the logits."""
    examples = evidence.examples(split, count)
    return evidence.once(f"features/{model}/{split}/{count}", lambda: _through(chain(evidence, model), examples))


def _through(layers: dict[str, torch.nn.Sequential], examples: Examples) -> dict[str, Tensor]:
    found: dict[str, list[Tensor]] = {name: [] for name in layers}
    for images, _ in examples.batches(BATCH):
        x = images
        for name, layer in layers.items():
            x = layer(x)
            found[name].append(_flat(x).float().cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def _flat(x: Tensor) -> Tensor:
    if x.ndim == 4 and max(x.shape[2:]) > CELLS:
        x = F.adaptive_avg_pool2d(x, CELLS)
    return x.flatten(1)
