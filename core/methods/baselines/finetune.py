"""Fine-tune: go on training the original model on the retain set alone (catastrophic forgetting).

    theta  <-  SGD on cross-entropy over D_r, from theta*
Baseline of Foster, Schoepf & Brintrup, AAAI 2024, arXiv:2308.07707: 5 epochs at a constant rate of 0.02, plain momentum
of 0.9 and weight decay of 0.0005, as in their code.
"""

from dataclasses import dataclass

from torch import nn

from core.data.splits import Splits
from core.domain.hyperparameters import param
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.training.context import RunContext
from core.training.loop import fit


@dataclass(frozen=True)
class Finetune(UnlearningMethod):
    """Catastrophic forgetting as a method."""

    key = "finetune"
    title = "Fine-tuning on the retain set"
    about = "Goes on training the original model without the forget set; what is not rehearsed may fade, slowly."
    paper = "arXiv:2308.07707 (baseline)"
    uses = frozenset({"retain"})
    multi = True

    epochs: int = param(5, low=1, high=200, help="Passes over the retain set.")
    learning_rate: float = param(0.02, low=1e-6, high=1.0, symbol="η", format="%.6f", help="Constant step size of SGD, plain momentum 0.9.")
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over the retain set."""
        return self.epochs * (train_count - forget_count)

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, trained further on the retain set."""
        recipe = Recipe(self.epochs, self.batch_size, self.learning_rate, weight_decay=5e-4, one_cycle=False)
        return fit(model, splits.retain, recipe, run, nesterov=False)
