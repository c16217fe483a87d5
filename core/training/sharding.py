"""Training by shards and slices (SISA, arXiv:1912.03817): one stage of one shard, which decides its weights whoever asks for it."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from core.data.dataset import Examples
from core.domain.run import Recipe
from core.training.context import RunContext, derived_seed
from core.training.grid import Grid, Sharded, Weights
from core.training.loop import fit


def train_cell(
    about: Sharded, grid: Grid, examples: Examples, cell: tuple[int, int], start: Weights | None, run: RunContext,
    noted: Callable[[float, float], None] | None = None,
) -> Weights:  # fmt: skip
    """The weights of a shard's member after one stage, on the CPU: trained on what `examples` have of the slices up to it.

    grid: of the examples. cell: shard from 0, stage from 1. start: the weights after the stage before, None for the first. Optimiser,
    schedule and draws begin anew with each stage, from a seed of its own: what comes of it depends on nothing but these examples and the
    start. A stage that has nothing to train on leaves the weights as they are.
    """
    shard, stage = cell
    seed = derived_seed(about.seed, f"shard {shard}, stage {stage}")
    own = RunContext(about.build, replace(run.recipe, epochs=run.recipe.stages[stage - 1], shards=1, slices=1), seed, run.device)
    own.on_progress = run.progress
    model = own.fresh_model()
    if start is not None:
        model.load_state_dict(start)
    part = examples.subset(grid.until(shard, stage).to(examples.labels.device))
    if len(part):
        fit(model, part, own.recipe, own, noted=noted)
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def cell_passes(recipe: Recipe, grid: Grid) -> Tensor:
    """float64 (shards, slices): training passes over single examples of each stage of each shard, of the examples of this grid."""
    return grid.counts.cumsum(1).double() * torch.tensor(recipe.stages, dtype=torch.float64)


def joined(members: list[Weights]) -> Weights:
    """The weights of the network of these members: an ensemble, or the only one as it is."""
    if len(members) == 1:
        return members[0]
    return {f"members.{shard}.{name}": tensor for shard, member in enumerate(members) for name, tensor in member.items()}


def member_of(weights: Weights, shard: int, shards: int) -> Weights:
    """The inverse of `joined`: the weights of one member."""
    start = f"members.{shard}."
    return weights if shards == 1 else {name.removeprefix(start): tensor for name, tensor in weights.items() if name.startswith(start)}


def train_all(about: Sharded, examples: Examples, run: RunContext) -> Weights:
    """Every stage of every shard, from untrained networks. examples: the retain set."""
    passes, members, done = cell_passes(run.recipe, about.retained), list[Weights](), 0.0
    whole = max(1.0, float(passes.sum()))
    for shard in range(about.retained.shards):
        weights: Weights | None = None
        for stage in range(1, about.retained.slices + 1):
            ahead = done + float(passes[shard, stage - 1])
            weights = train_cell(about, about.retained, examples, (shard, stage), weights, run.part(done / whole, ahead / whole))
            done = ahead
        members.append(weights or {})
    return joined(members)
