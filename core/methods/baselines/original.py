"""Do nothing: the original model as it is, the baseline that every method must beat.

    theta  <-  theta
Departs from the paper: there is none.
"""

from dataclasses import dataclass

from torch import nn

from core.data.splits import Splits
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.training.context import RunContext


@dataclass(frozen=True)
class Original(UnlearningMethod):
    """The baseline that forgets nothing."""

    key = "original"
    title = "Original (do nothing)"
    about = "Leaves the model unchanged: what every number looks like when nothing was forgotten."
    multi = True

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Nothing is computed."""
        return 0.0

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, unchanged."""
        run.progress(1.0, "nothing to do")
        return model
