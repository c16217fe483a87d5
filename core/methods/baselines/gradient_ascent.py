"""Gradient ascent (NegGrad): maximise the loss of the forget set.

    theta  <-   theta + eta * d CE(f(x), y) / d theta   on batches of D_f
Baseline of Golatkar et al., 2020, arXiv:1911.04933, and of MUFAC, arXiv:2311.02240 (2 epochs, SGD 1e-3).
Departs from the paper: BatchNorm keeps its stored statistics, because batches of the forget set alone would replace them.
"""

from dataclasses import dataclass

import torch
from torch import nn

from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.loop import descend


@dataclass(frozen=True)
class GradientAscent(SearchingInSteps):
    """Gradient ascent on the forget set alone."""

    key = "gradient_ascent"
    title = "Gradient ascent (NegGrad)"
    about = "Takes training steps backwards on the forget set; nothing holds the rest of the network in place."
    paper = "arXiv:1911.04933 (baseline)"
    uses = frozenset({"forget"})
    ladder = tuple({"learning_rate": rate} for rate in (0.0001, 0.0003, 0.001, 0.003, 0.01))
    multi = True

    epochs: int = param(2, low=1, high=200, help="Passes over the forget set.")
    learning_rate: float = param(
        0.001, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Constant step size of SGD.",
    )  # fmt: skip
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over the forget set."""
        return self.epochs * forget_count

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original after gradient ascent on the forget set."""
        forget = splits.forget.to(run.device)
        batches = (b for _ in range(self.epochs) for b in forget.batches(self.batch_size, run.generator))
        descend(
            torch.optim.SGD(model.parameters(), lr=self.learning_rate), batches, lambda b: -label_loss(model(b[0]), b[1]),
            run, steps=self.epochs * -(-len(forget) // self.batch_size), note="climbing",
        )  # fmt: skip
        return model
