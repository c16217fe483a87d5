"""Interactive analysis: importance of the weights to the forget set and to all data, by layer and by kernel slice."""

from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.weights.accuracy_over_alpha import images_at_once, seconds_of_curve
from core.analysis.weights.importance_of_run import Importances, importances_of
from core.analysis.weights.importance_statistics import importance_statistics
from core.analysis.weights.ssd_what_if import load
from core.domain.errors import WrongInput
from core.storage.home import Home

LARGEST = 128  # rows and columns of a map; larger ones are averaged in blocks


def importance_view(home: Home, run_id: str, importance_key: str = "") -> dict[str, Any]:
    """What does not depend on alpha and lambda. importance_key: see `importance_of_run.importances_of`.

    `layers`, `histogram`: see `importance_statistics`.
    `ceiling`: n/k, which no ratio of per-sample importances exceeds; None for other estimators. `automatic`: the adaptive
    alpha; `axis`: the lowest and the highest useful alpha (`ssd_what_if.axis_of`). `dead`: share of weights without gradient on
    any data. `at_once`: images of a part of the data that the curve over alpha can evaluate interactively, 0 where it takes a
    background analysis; `curve_seconds`: what the curve would take with the fewest images. `maps`: layers that have a kernel map.
    """
    finished = open_models(home, run_id)
    prepared = load(finished, importance_key)
    importances = prepared.importances
    of_forget, of_all = ({name: tensor.numpy() for name, tensor in part.items()} for part in (importances.of_forget, importances.of_all))
    return importance_statistics(of_forget, of_all) | {
        "ceiling": importances.ceiling,
        "automatic": prepared.axis.automatic,
        "axis": [prepared.axis.low, prepared.axis.high],
        "dead": float((importances.everything == 0).double().mean()),
        "at_once": images_at_once(prepared.seconds), "curve_seconds": seconds_of_curve(prepared.seconds),
        "maps": mapped_layers(finished.model("original")),
    }


def mapped_layers(model: nn.Module) -> list[str]:
    """Names of the weights that have output and input channels: of convolutions and of linear layers, input to output."""
    return [f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def kernel_map(home: Home, run_id: str, layer: str, importance_key: str = "") -> dict[str, Any]:
    """A layer's weights by kernel slice, output x input channels: mean importance on forget over that on all data.

    `ratios`: rows are output channels (None for 0/0), `block`: how many channels each row and column draws together.
    `filters`: the same by whole output channel. `shape`: output and input channels. Raises WrongInput for another layer.
    """
    finished = open_models(home, run_id)
    importances = importances_of_layer(finished, layer, importance_key)
    forget, everything = (slices(part[layer]) for part in (importances.of_forget, importances.of_all))
    small, block = blocks_of(forget)
    ratios = small / blocks_of(everything)[0]
    return {
        "ratios": listed(ratios), "block": block, "shape": list(forget.shape),
        "filters": listed(forget.mean(1) / everything.mean(1)),
    }  # fmt: skip


def importances_of_layer(finished: FinishedRun, layer: str, importance_key: str) -> Importances:
    """Raises WrongInput where the layer has no channels."""
    layers = mapped_layers(finished.model("original"))
    if layer not in layers:
        raise WrongInput(f"{layer!r:.60} has no output and input channels here; layers that have: {', '.join(layers)}.")
    return importances_of(finished, importance_key)


def slices(weights: Tensor) -> Tensor:
    """(out, in): the mean over each kernel slice, float64."""
    return weights.double().flatten(2).mean(2) if weights.ndim > 2 else weights.double()


def blocks_of(table: Tensor) -> tuple[Tensor, list[int]]:
    """Means over blocks, so that neither side is longer than LARGEST; and how many rows and columns a block has."""
    block = [-(-side // LARGEST) for side in table.shape]
    rows = torch.stack([part.mean(0) for part in torch.split(table, block[0], 0)])
    return torch.stack([part.mean(1) for part in torch.split(rows, block[1], 1)], 1), block


def listed(table: Tensor) -> list[Any]:
    """For JSON, which has no NaN: None stands for what is not finite."""
    values: list[Any] = table.tolist()
    return _finite(values)


def _finite(values: list[Any]) -> list[Any]:
    return [_finite(v) if isinstance(v, list) else v if isfinite(v) else None for v in values]
