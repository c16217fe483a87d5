"""SCRUB: move away from the original's predictions on the forget set, and towards them on the retain set, in turn.

Kurmanji, Triantafillou, Hayes & Triantafillou, NeurIPS 2023, arXiv:2302.09880.
    max-step   theta  <-   climb KL(teacher || student) on D_f         (the first `max_epochs` epochs)
    min-step   theta  <-   descend gamma * CE + alpha * KL(teacher || student) on D_r         (every epoch)
Departs from the paper: no rewinding (SCRUB+R), which needs held-out data to choose the epoch; schedule and rates are ours.
Of several attributes the divergence is the mean of theirs, yes or no each.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import is_multi
from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.loop import descend, predict, share_right
from core.training.losses import kl_divergence

EVALUATED = 500  # images of each set that its accuracy is recorded on, at most


@dataclass(frozen=True)
class SCRUB(SearchingInSteps):
    """Distillation from the original, maximised on the forget set and minimised on the retain set."""

    key = "scrub"
    title = "SCRUB"
    about = "Moves away from the original's predictions on the forget set and back towards them on the retain set, epoch by epoch."
    paper = "arXiv:2302.09880"
    uses = frozenset({"forget", "retain"})
    ladder = tuple({"learning_rate": rate} for rate in (0.0001, 0.0002, 0.0005, 0.001, 0.002))
    multi = True

    epochs: int = param(5, low=1, high=200, help="Epochs; each ends with a pass over the retain set.")
    max_epochs: int = param(3, low=0, high=200, help="Epochs that begin with a climb on the forget set.")
    gamma: float = param(0.99, low=0.0, high=100.0, symbol="γ", format="%.3f", help="Weight of the cross-entropy on the retain set.")
    alpha: float = param(0.1, low=0.0, high=100.0, symbol="α", format="%.3f", help="Weight of the divergence from the original there.")
    temperature: float = param(4.0, low=0.1, high=100.0, symbol="T", help="Softens both networks' predictions.")
    learning_rate: float = param(0.001, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Step size of Adam.")
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The teacher's predictions, all steps of both kinds, and the accuracies that are recorded."""
        retain_count = train_count - forget_count
        seen = min(EVALUATED, forget_count) + min(EVALUATED, retain_count)
        steps = self.epochs * retain_count + min(self.epochs, self.max_epochs) * forget_count
        return train_count / 3 + steps + (self.epochs + 1) * seen / 3

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original after the last epoch's pass over the retain set."""
        forget, retain = splits.forget.to(run.device), splits.retain.to(run.device)
        teach = [predict(model, e, run.device).to(run.device) for e in (forget, retain)]
        optimiser = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        right = partial(share_right, model, forget.sample(EVALUATED), retain.sample(EVALUATED), device=run.device)
        accuracies = [right()]
        for epoch in range(self.epochs):
            start, end = epoch / self.epochs, (epoch + 1) / self.epochs
            middle = start + 0.2 / self.epochs
            if epoch < self.max_epochs:
                self._pass(model, optimiser, forget, teach[0], run.part(start, middle), climb=True)
            self._pass(model, optimiser, retain, teach[1], run.part(middle, end), climb=False)
            accuracies.append(right())
        run.record("scrub", {"healing": torch.tensor(accuracies)})
        run.progress(1.0, "scrubbed")
        return model.eval()

    def _pass(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, data: Examples, teacher: Tensor, run: RunContext, climb: bool
    ) -> None:
        """One pass over a set: away from the teacher, or towards it and the labels. In train mode."""

        def loss(part: Tensor) -> Tensor:
            batch = data.subset(part)
            logits = model(batch.pixels())
            divergence = kl_divergence(teacher[part], logits, self.temperature, multi=is_multi(batch.labels))
            return -divergence if climb else self.gamma * label_loss(logits, batch.labels) + self.alpha * divergence

        model.train(len(data) > 1)
        order = torch.randperm(len(data), generator=run.generator).to(run.device)
        parts = [part for part in torch.split(order, self.batch_size) if len(part) > 1 or len(data) == 1]
        descend(optimiser, parts, loss, run, steps=len(parts), note="away" if climb else "back")
