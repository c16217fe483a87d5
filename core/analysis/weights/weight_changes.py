"""Interactive analysis: which weights each method changed, by how much, and how the changes of methods overlap."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.weights.importance_summary import blocks_of, listed, mapped_layers, slices
from core.domain.errors import WrongInput
from core.metrics.weight_distance import relative_distance
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.training.cache import to_tensors

LEVELS = tuple(10 ** (exponent / 4) for exponent in range(-16, 9))  # thresholds: 0.0001 to 100 times a layer's typical weight
COMPARED = 2_000_000  # weights that overlaps are counted on, at most, taken evenly
REFERENCE = "reference"  # in place of a run's id: the run's own reference


def touched_map(home: Home, run_id: str, others: list[str]) -> dict[str, Any]:
    """By how much runs changed the weights of the original that they share with `run_id`; `others`: ids, or REFERENCE.

    A weight's move is |theta' - theta| over the root mean square of its layer in the original. `layers`: names, `weights`:
    counts, `maps`: layers that `touched_layer` can look into. By run, in the order of `others`: `relative`: length of the
    change over the original's, by layer; `above`: by threshold of `levels`, by layer the share of weights that moved by more.
    `jaccard`: by threshold, run by run: weights that both moved over weights that either did, None where neither moved any;
    counted on every `step`-th weight. Raises WrongInput for a run of another original.
    """
    finished = open_models(home, run_id)
    names, original = _names(finished), finished.files["original"]
    weights = [finished.weights["original"][name].numel() for name in names]
    moved = [_moved(home, names, original, _file(finished, other)) for other in others]
    step = -(-sum(weights) // COMPARED)
    flat = [torch.cat([t.flatten() for t in levels.values()])[::step] for _, levels in moved]
    counts = [_above(levels) for levels in flat]
    return {
        "layers": list(names), "weights": weights, "levels": list(LEVELS), "step": step,
        "maps": mapped_layers(finished.model("original")),
        "relative": [list(relative.values()) for relative, _ in moved],
        "above": [
            (torch.stack([_above(t) / t.numel() for t in levels.values()], 1)).tolist() for _, levels in moved
        ],
        "jaccard": _jaccards(flat, counts),
    }  # fmt: skip


def touched_layer(home: Home, run_id: str, other: str, layer: str) -> dict[str, Any]:
    """One layer of one run: relative change by output channel (`filters`), and by kernel slice, output x input (`slices`).

    `block`, `shape`: as in `kernel_map`. Raises WrongInput for a layer without channels or a run of another original.
    """
    finished = open_models(home, run_id)
    layers = mapped_layers(finished.model("original"))
    if layer not in layers:
        raise WrongInput(f"{layer!r:.60} has no output and input channels here; layers that have: {', '.join(layers)}.")
    theta = finished.weights["original"][layer]
    change, size = (slices(t.double().square()) for t in (_read(home, _file(finished, other))[layer] - theta, theta))
    small, block = blocks_of(change)
    return {
        "filters": listed((change.sum(1) / size.sum(1)).sqrt()), "slices": listed((small / blocks_of(size)[0]).sqrt()),
        "block": block, "shape": list(change.shape),
    }  # fmt: skip


def _names(finished: FinishedRun) -> tuple[str, ...]:
    return tuple(name for name, _ in finished.model("original").named_parameters())


def _file(finished: FinishedRun, other: str) -> str:
    """The file of the other run's unlearned weights. Raises WrongInput where it began from another original."""
    if other == REFERENCE:
        if REFERENCE not in finished.files:
            raise WrongInput(f"Run {finished.run.id} has no reference model; it has {', '.join(finished.weights)}.")
        return finished.files[REFERENCE]
    with ResultStore(finished.home.database) as store:
        store.existing(other)
        files = store.artifacts(other)
    if files.get("original") != finished.files["original"] or "unlearned" not in files:
        raise WrongInput(f"Run {other} began from another original than run {finished.run.id}, so their weights cannot be compared.")
    return files["unlearned"]


def _read(home: Home, file: str) -> dict[str, Tensor]:
    return to_tensors(Artifacts(home.artifacts_folder).get_arrays(file))


@lru_cache(maxsize=24)  # by files, so that no network stays in memory, only what became of it
def _moved(home: Home, names: tuple[str, ...], original: str, file: str) -> tuple[dict[str, float], dict[str, Tensor]]:
    """By layer: the relative distance; and of each weight uint8, how many of LEVELS its move exceeds."""
    origin, theirs = _read(home, original), _read(home, file)
    relative, levels, bounds = {}, {}, torch.tensor(LEVELS)
    for name in names:
        theta, move = origin[name], (theirs[name] - origin[name]).abs()
        relative[name] = relative_distance({name: theirs[name]}, {name: theta})
        typical = theta.double().square().mean().sqrt().float()
        share = torch.where(move > 0, move / typical, torch.zeros_like(move))  # where all were 0, any move exceeds all bounds
        levels[name] = torch.bucketize(share, bounds).to(torch.uint8)
    return relative, levels


def _above(levels: Tensor) -> Tensor:
    """(thresholds,): how many weights moved by more than each."""
    counts = torch.bincount(levels.flatten(), minlength=len(LEVELS) + 1)
    return counts.flip(0).cumsum(0).flip(0)[1:]


def _jaccards(flat: list[Tensor], counts: list[Tensor]) -> list[list[list[float | None]]]:
    """By threshold, row, column."""
    table = torch.ones(len(LEVELS), len(flat), len(flat), dtype=torch.float64)
    for i, ours in enumerate(flat):
        for j, theirs in enumerate(flat[: i + 1]):
            both = _above(torch.minimum(ours, theirs))
            table[:, i, j] = table[:, j, i] = both / (counts[i] + counts[j] - both)
    return listed(table)
