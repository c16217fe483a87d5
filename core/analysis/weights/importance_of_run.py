"""A run's importances: those that its method stored, or those that a background analysis computed later."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core.analysis.finished_run import FinishedRun
from core.domain.errors import WrongInput
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from core.training.cache import to_tensors

RECORDED, STATISTIC = "importance_forget/", "statistic/Importance"
FORGET, ALL = "forget/", "all/"  # prefixes of the arrays of a background analysis of kind `importance`


@dataclass(frozen=True)
class Importances:
    """Parameter name -> importance on the forget set and on all training data, in the network's order, on the CPU.

    forget, everything: the same over all weights, (d,). ceiling: n/k, which no ratio of the two exceeds; None for
    estimators that have none.
    """

    of_forget: dict[str, Tensor]
    of_all: dict[str, Tensor]
    forget: Tensor
    everything: Tensor
    ceiling: float | None


def importances_of(finished: FinishedRun, importance_key: str = "") -> Importances:
    """The run's own, or those of the background analysis `importance_key`. Raises WrongInput where there are none."""
    forget, everything, exact = _computed_later(finished, importance_key) if importance_key else _stored(finished)
    shapes = {name: p.shape for name, p in finished.model("original").named_parameters()}
    if missing := [name for name in shapes if name not in forget or name not in everything]:
        raise WrongInput(f"The importances of run {finished.run.id} lack {missing[0]}; compute them anew.")
    flat = [torch.cat([part[name].flatten() for name in shapes]) for part in (forget, everything)]
    ours, all_ = (views(part, shapes) for part in flat)
    return Importances(ours, all_, flat[0], flat[1], 1 / finished.splits.forget_share if exact else None)


def views(flat: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Pieces of a flat tensor (d,) under their names, in their shapes; nothing is copied."""
    pieces = torch.split(flat, [shape.numel() for shape in shapes.values()])
    return {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def _stored(finished: FinishedRun) -> tuple[dict[str, Tensor], dict[str, Tensor], bool]:
    statistic = next((name for name in finished.files if name.startswith(STATISTIC)), None)
    if statistic is None or "recorded" not in finished.files:
        raise WrongInput(f"Run {finished.run.id} has no stored importances; compute them, or open a finished SSD run.")
    recorded = _under(finished.arrays("recorded"), RECORDED)
    return recorded, finished.arrays(statistic), finished.run.spec.params.get("importance") == "per_sample"


def _computed_later(finished: FinishedRun, key: str) -> tuple[dict[str, Tensor], dict[str, Tensor], bool]:
    with ResultStore(finished.home.database) as store:
        cached = store.kept(key)
    if cached is None:
        raise WrongInput(f"The importances of run {finished.run.id} are not computed yet, or were removed; compute them.")
    arrays = to_tensors(Artifacts(finished.home.artifacts_folder).get_arrays(cached.file))
    return _under(arrays, FORGET), _under(arrays, ALL), "per_sample" in arrays


def _under(arrays: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
