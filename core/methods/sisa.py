"""SISA: train by shards and slices, so that forgetting is training a few stages again.

Bourtoule, Chandrasekaran, Choquette-Choo, Jia, Travers, Zhang, Lie & Papernot, IEEE S&P 2021, arXiv:1912.03817.
    D is split into S shards, a shard into R slices;  theta_s,r  <-  train(theta_s,r-1, slices 1..r of shard s)
    the network answers with the mean of theta_1,R .. theta_S,R's softmaxes;  epochs of stage r: floor(r a) - floor((r-1) a), a = 2E/(R+1)
    to forget a point of slice r of shard s:  stages r..R of that shard once more, without it, from theta_s,r-1
Equal to training all of it again by the same shards and seeds, bit for bit. All but the last lines is the recipe of the original
(`shards`, `slices`); with one shard of one slice this is retraining.
Departs from the paper: softmaxes are averaged, where the authors' code counts votes by default, which have no probabilities; ranges are of
shuffled examples, not in the set's order; a schedule for each stage. Their code forgets no image that is left over where slices do not
divide a shard, since the address of a stage's weights leaves it out: here it belongs to the last slice, and to its address.
"""

from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor, nn

from core.data.splits import Splits
from core.domain.run import Recipe
from core.domain.training.sharding import expected_share
from core.methods.base import UnlearningMethod
from core.training.context import RunContext
from core.training.grid import Sharded, Weights
from core.training.loop import fit
from core.training.sharding import cell_passes, member_of, train_cell


@dataclass(frozen=True)
class SISA(UnlearningMethod):
    """Exact unlearning of networks that were trained by shards and slices."""

    key = "sisa"
    title = "SISA (shards and slices)"
    about = "Trains again only the stages of training that saw a forgotten image: exact, for a network trained by shards and slices."
    paper = "arXiv:1912.03817"
    uses = frozenset({"retain"})
    multi = True
    needs_shards = True
    by_members = True

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Of stages that saw one of so many images drawn at random, as many as are to be expected; for one image (2R + 1) / 3RS of all."""
        return recipe.passes * (train_count - forget_count) * expected_share(recipe, forget_count)

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original with the members whose shards are hit as they come out of their redone stages."""
        about = run.sharded
        if about is None:
            return fit(run.fresh_model(), splits.retain, run.recipe, run)
        shards, slices = about.forgotten.shape
        starts = {shard: start_of(about, shard) for shard in range(shards) if about.forgotten[shard].any()}
        redone = torch.zeros(shards, slices, dtype=torch.float64)
        for shard, (stage, _) in starts.items():
            redone[shard, stage - 1 :] = 1
        passes = redone * cell_passes(run.recipe, about.retained)
        seconds, weights = self._redo(starts, passes, splits, run)
        whole = model.state_dict()
        for shard, member in weights.items():
            for name, mine in member_of(whole, shard, shards).items():
                mine.copy_(member[name])
        counts = {"forgotten": about.forgotten.double(), "retained": about.retained.counts.double()}
        epochs = torch.tensor(run.recipe.stages, dtype=torch.float64)
        run.record("sisa", {"redone": redone, **counts, "passes": passes, "epochs": epochs, "seconds": seconds})
        run.progress(1.0, "trained")
        return model.eval()

    def _redo(
        self, starts: dict[int, tuple[int, Weights | None]], passes: Tensor, splits: Splits, run: RunContext
    ) -> tuple[Tensor, dict[int, Weights]]:
        """Seconds of each cell, and the weights of each member that is trained again."""
        about, retain, done = run.sharded, splits.retain, 0.0
        assert about is not None
        seconds, weights, sum_ = torch.zeros_like(passes), dict[int, Weights](), max(1.0, float(passes.sum()))
        for shard, (first, member) in starts.items():
            reached = member
            for stage in range(first, about.retained.slices + 1):
                began, ahead = perf_counter(), done + float(passes[shard, stage - 1])
                reached = train_cell(about, about.retained, retain, (shard, stage), reached, run.part(done / sum_, ahead / sum_))
                seconds[shard, stage - 1], done = perf_counter() - began, ahead
            weights[shard] = reached or {}
        return seconds, weights


def start_of(about: Sharded, shard: int) -> tuple[int, Weights | None]:
    """The first stage (from 1) of a shard that is to be done again, and the weights that it begins with, None for untrained ones.

    That is the first which saw a forgotten example; where the weights before it are not kept, an earlier one.
    """
    stage = int(about.forgotten[shard].nonzero()[0]) + 1
    while stage > 1:
        if (kept := about.stored(shard, stage - 1)) is not None:
            return stage, kept
        stage -= 1
    return 1, None
