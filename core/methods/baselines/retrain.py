"""Retrain from scratch on the retain set, by the recipe of the original model.

    theta  <-  train(fresh theta, D_r)
The reference is trained in the same way from another seed: the difference of the two is the retraining variability.
Departs from the paper: there is none.
"""

from dataclasses import dataclass, replace

from torch import nn

from core.data.splits import Splits
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.training.context import RunContext
from core.training.early_stop import Validation
from core.training.loop import fit
from core.training.sharding import train_all


@dataclass(frozen=True)
class Retrain(UnlearningMethod):
    """Exact unlearning, at the full cost of training."""

    key = "retrain"
    title = "Retrain from scratch"
    about = "Trains a fresh model on the retain set: exact, and as slow as training. Against the reference: the retraining variability."
    uses = frozenset({"retain"})
    multi = True
    by_members = True

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch of the recipe, over the retain set."""
        return recipe.passes * (train_count - forget_count)

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """A model of which no weight comes from the original."""
        if run.sharded is None:
            held = None if run.validation is None else Validation(run.validation, run.recipe.patience)
            return fit(run.fresh_model(), splits.retain, run.recipe, run, validation=held)
        model = run.fresh_model()
        model.load_state_dict(train_all(replace(run.sharded, seed=run.seed), splits.retain, run))
        return model.eval()
