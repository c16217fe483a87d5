"""NegGrad+: gradient descent on the retain set and ascent on the forget set in the same step.

    L  =   alpha * CE(D_r)  -  (1 - alpha) * CE(D_f),   SGD
Kurmanji et al., NeurIPS 2023, arXiv:2302.09880 (baseline); MUFAC's "advanced NegGrad" weights both by 1.
Departs from the paper: gradients may be clipped (`clip`), because the loss has no lower end and steps explode; schedules
differ from paper to paper.
"""

from dataclasses import dataclass
from itertools import islice
from math import ceil

import torch
from torch import Tensor, nn

from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.loop import descend, draws


@dataclass(frozen=True)
class NegGradPlus(SearchingInSteps):
    """Gradient ascent on the forget set, with descent on the retain set."""

    key = "neggrad_plus"
    title = "NegGrad+"
    about = "Trains on the retain set and, in the same step, backwards on the forget set."
    paper = "arXiv:2302.09880 (baseline)"
    uses = frozenset({"forget", "retain"})
    ladder = tuple({"learning_rate": rate} for rate in (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02))
    multi = True

    alpha: float = param(0.95, low=0.0, high=1.0, symbol="α", format="%.3f", help="Weight of the retain set; the forget set gets the rest.")
    epochs: int = param(5, low=1, high=200, help="Passes over the retain set.")
    learning_rate: float = param(
        0.01, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Step size of SGD, momentum 0.9.",
    )  # fmt: skip
    clip: float = param(1000.0, low=1e-3, high=1000.0, format="%.3f", help="Largest length of a step's gradient; 1000 hardly ever binds.")
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples of each set in a step.")

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch over the retain set; every step reads a batch of the forget set too."""
        retain_count = train_count - forget_count
        steps = self.epochs * ceil(retain_count / self.batch_size)
        return self.epochs * retain_count + steps * forget_count / max(1, ceil(forget_count / self.batch_size))

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original after descent on the retain set and ascent on the forget set."""
        forget, retain = splits.forget.to(run.device), splits.retain.to(run.device)
        steps = self.epochs * -(-len(retain) // self.batch_size)
        retain_draws, forget_draws = (draws(len(e), self.batch_size, run.generator) for e in (retain, forget))

        def loss(pair: tuple[Tensor, Tensor]) -> Tensor:
            r, f = retain.subset(pair[0]), forget.subset(pair[1])
            of_retain = label_loss(model(r.pixels()), r.labels)
            return self.alpha * of_retain - (1 - self.alpha) * label_loss(model(f.pixels()), f.labels)

        # BatchNorm cannot normalise a single example in train mode.
        alone = min(len(forget), len(retain)) == 1
        pairs = ((r, f) for r, f in zip(retain_draws, forget_draws, strict=False) if min(len(r), len(f)) > 1 or alone)
        model.train(not alone)
        optimiser = torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9)
        descend(optimiser, islice(pairs, steps), loss, run, steps=steps, note="descending and climbing", clip=self.clip)
        return model.eval()
