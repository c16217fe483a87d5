"""Layer grafting: the first layers of one network with the rest of another, to locate residual knowledge of the forget set."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import pandas as pd
import torch
from torch import nn

from core.data.dataset import Examples
from core.data.label_kinds import right
from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable
from core.metrics.layer_features import chain, features
from core.models.layer_groups import chained
from core.training.loop import share_right

FAMILY = "Residual knowledge"
MOST = 500  # images of each set
OPERATIONS = 1.8e12  # floating-point operations that all grafts of a network may take, as relearning may
FEATURES_OF = (("forget", MOST), ("test_forget", MOST), ("test_retain", MOST))
COLUMNS = ["model", "direction", "k", "layer", "forget", "retain"]
Chain = dict[str, nn.Sequential]
Say = Callable[[float], None]
DIRECTIONS = ("model_below", "original_below")
GRAFTED = ("unlearned", "reference")


def graft(below: dict[str, nn.Sequential], above: dict[str, nn.Sequential], k: int) -> nn.Module:
    """The first k groups of `below`, then the remaining ones of `above`; k from 0 (all of `above`) to the number of groups."""
    return chained([*list(below.values())[:k], *list(above.values())[k:]]).eval()


@dataclass(frozen=True)
class Grafted:
    """A row of the table. k: first groups that are below's; forget, retain: accuracies."""

    direction: str
    k: int
    forget: float
    retain: float


def forget_set(by_class: bool) -> str:
    """Whose accuracy a graft is judged by: test images of the forgotten classes; where none was named, the forget set itself."""
    return "test_forget" if by_class else "forget"


def grafts(model: Chain, original: Chain, sets: tuple[Examples, Examples], device: str, say: Say = lambda share: None) -> list[Grafted]:
    """Both directions and every k; sets: forget, retain."""
    rows = []
    for step, (direction, k) in enumerate(product(DIRECTIONS, range(len(model) + 1))):
        below, above = (model, original) if direction == "model_below" else (original, model)
        rows.append(Grafted(direction, k, *share_right(graft(below, above, k), *sets, device=device)))
        say((step + 1) / (2 * (len(model) + 1)))
    return rows


def grafted(evidence: Evidence, model: str) -> list[Grafted]:
    """Of a model's layers and the original's. Where all cost more than OPERATIONS, only those that cost next to nothing: the original,
    the model with the original's last layer, and the model. Raises NotApplicable.
    """
    own, original = chain(evidence, model), chain(evidence, "original")
    names = forget_set(evidence.splits.request.by_class), "test_retain"
    sets = tuple(evidence.examples(name, MOST) for name in names)

    def compute() -> list[tuple[str, int, float, float]]:
        images = 2 * (len(own) + 1) * sum(map(len, sets))
        if evidence.operations is None or images * evidence.operations <= OPERATIONS:
            found = grafts(own, original, (sets[0], sets[1]), evidence.device)
        else:
            last = graft(own, original, len(own) - 1)
            ends = {0: [evidence.accuracy("original", name, MOST) for name in names],
                    len(own) - 1: _with_features(evidence, model, names) or share_right(last, *sets, device=evidence.device),
                    len(own): [evidence.accuracy(model, name, MOST) for name in names]}  # fmt: skip
            found = [Grafted("model_below", k, *shares) for k, shares in ends.items()]
        return [(row.direction, row.k, row.forget, row.retain) for row in found]

    return [Grafted(*row) for row in evidence.cached(f"graft/{model}", compute)]


@torch.no_grad()
def _with_features(evidence: Evidence, model: str, names: tuple[str, str]) -> list[float] | None:
    """Accuracy with the original's last layer on the model's features, where that layer reads them as they are."""
    last = list(chain(evidence, "original").values())[-1]
    if not isinstance(last[0], nn.Linear):
        return None
    shares = []
    for name in names:
        values = list(features(evidence, model, name, MOST).values())[-2]
        labels = evidence.examples(name, MOST).labels.cpu()
        shares.append(float(right(last(values.to(evidence.device)).float().cpu(), labels).mean()))
    return shares


def graft_table(evidence: Evidence) -> pd.DataFrame:
    """One row per model, direction and k: model, direction, k, layer (the k-th group), forget, retain (accuracies).

    On test images for class requests; else `forget` is the forget set itself. Empty where there are no such images.
    """
    rows: list[dict[str, object]] = []
    for model in (m for m in GRAFTED if m in evidence.networks):
        try:
            names = ["", *chain(evidence, "original")]
            rows += [{"model": model, "layer": names[row.k], **vars(row)} for row in grafted(evidence, model)]
        except NotApplicable:
            continue
    return pd.DataFrame(rows, columns=COLUMNS)


def _with_the_original_s_last_layer(evidence: Evidence, model: str) -> float:
    if model == "original":
        evidence.network(model)
        return evidence.accuracy(model, forget_set(evidence.splits.request.by_class), MOST)
    last = len(chain(evidence, "original")) - 1
    return next(row.forget for row in grafted(evidence, model) if (row.direction, row.k) == ("model_below", last))


METRICS = (
    Metric(
        MetricInfo(
            "graft_forget_accuracy", "Forget accuracy under the original's last layer", "share", "match",
            "The network's layers but the last, with the original's last layer on top: accuracy on test images of the forgotten "
            "classes (on the forget set, where no class was named). High: only the last layer was made to forget. Of a costly network "
            "no other layer is grafted until everything is evaluated.",
        ),
        _with_the_original_s_last_layer,
    ),
)  # fmt: skip
