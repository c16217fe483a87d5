"""Layer grafting: the first layers of one network with the rest of another, to locate residual knowledge of the forget set."""

import pandas as pd
import torch
from torch import nn

from core.data.dataset import Examples
from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable
from core.metrics.layer_features import chain
from core.training.loop import share_right

FAMILY = "Residual knowledge"
MOST = 500  # images of each set
DIRECTIONS = ("model_below", "original_below")
GRAFTED = ("unlearned", "reference")


def graft(below: dict[str, nn.Sequential], above: dict[str, nn.Sequential], k: int) -> nn.Module:
    """The first k groups of `below`, then the remaining ones of `above`; k from 0 (all of `above`) to the number of groups."""
    layers = [layer for index, layer in enumerate(below.values()) if index < k]
    layers += [layer for index, layer in enumerate(above.values()) if index >= k]
    return nn.Sequential(*layers).eval()


def _sets(evidence: Evidence) -> tuple[Examples, Examples]:
    forget = "test_forget" if evidence.splits.request.by_class else "forget"
    return evidence.examples(forget, MOST), evidence.examples("test_retain", MOST)


@torch.no_grad()
def graft_table(evidence: Evidence) -> pd.DataFrame:
    """One row per model, direction and k: model, direction, k, layer (the k-th group), forget, retain (accuracies).

    On test images for class requests; else `forget` is the forget set itself. Empty where there are no such images.
    """
    rows: list[dict[str, object]] = []
    columns = ["model", "direction", "k", "layer", "forget", "retain"]
    try:
        sets, original = _sets(evidence), chain(evidence, "original")
    except NotApplicable:
        return pd.DataFrame(rows, columns=columns)
    names = ["", *original]
    for model in (m for m in GRAFTED if m in evidence.networks):
        own = chain(evidence, model)
        for direction in DIRECTIONS:
            below, above = (own, original) if direction == "model_below" else (original, own)
            for k, layer in enumerate(names):
                forget, retain = share_right(graft(below, above, k), *sets, device=evidence.device)
                rows.append({"model": model, "direction": direction, "k": k, "layer": layer, "forget": forget, "retain": retain})
    return pd.DataFrame(rows, columns=columns)


def _with_the_original_s_last_layer(evidence: Evidence, model: str) -> float:
    own, original = chain(evidence, model), chain(evidence, "original")
    forget, _ = _sets(evidence)
    return share_right(graft(own, original, len(own) - 1), forget, device=evidence.device)[0]


METRICS = (
    Metric(
        MetricInfo(
            "graft_forget_accuracy", "Forget accuracy under the original's last layer", "share", "match",
            "The network's layers but the last, with the original's last layer on top: accuracy on test images of the forgotten "
            "classes (on the forget set, where no class was named). High: only the last layer was made to forget.",
        ),
        _with_the_original_s_last_layer,
    ),
)  # fmt: skip
