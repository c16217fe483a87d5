"""Convolution transpose (CT): every kernel is turned about its diagonal, which breaks the network, and training on the retain set heals it.

The fifth of the entries of the NeurIPS 2023 competition (arXiv:2406.09073) in the study DeepUnlearn, Cadet et al., arXiv:2410.01276.
    W[o, i, r, c]  <-   W[o, i, c, r]   of every convolution
    then SGD on cross-entropy over D_r: momentum 0.9, weight decay 0.0005, a rate that falls along a cosine, once an epoch
Departs from the study's code: kernels that are not square stay as they are, where it would stop. Without augmentation, as there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.aru import convolutions
from core.methods.search import Rung, SearchingInSteps
from core.training.context import RunContext
from core.training.loop import descend, share_right

EVALUATED = 500  # images of the retain set that healing is measured on, at most


@dataclass(frozen=True)
class ConvolutionTranspose(SearchingInSteps):
    """Transposes kernels, then fine-tunes; the forget set is never read."""

    key = "convolution_transpose"
    title = "Convolution transpose (CT)"
    about = "Turns every kernel about its diagonal, then trains on what stays; what is not rehearsed does not come back."
    paper = "arXiv:2410.01276"
    uses = frozenset({"retain"})
    ladder = (
        {"epochs": 6, "learning_rate": 0.005}, {"epochs": 6, "learning_rate": 0.01}, {"epochs": 6, "learning_rate": 0.02},
        {"epochs": 6, "learning_rate": 0.05}, {"epochs": 6, "learning_rate": 0.1},
    )  # fmt: skip
    multi = True

    epochs: int = param(3, low=0, high=200, when=SEARCHED_UNLESS, help="Healing: passes over the retain set.")
    learning_rate: float = param(
        0.001, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS,
        help="Healing: step size of SGD, plain momentum 0.9, at the start; it falls along a cosine.",
    )  # fmt: skip
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def rungs(self, recipe: Recipe) -> tuple[Rung, ...]:
        """Healing takes a third of the epochs that training took, at most: more would cost what retraining does."""
        return tuple({**rung, "epochs": min(rung["epochs"], max(1, recipe.epochs // 3))} for rung in self.ladder)

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Healing over the retain set, and the accuracies that are recorded."""
        retain_count = train_count - forget_count
        return self.epochs * retain_count + (self.epochs + 1) * min(EVALUATED, retain_count) / 3

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original with its kernels transposed, fine-tuned on the retain set."""
        changes = transpose(model)
        retain = splits.retain.to(run.device)
        optimiser = torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, self.epochs))
        accuracies = share_right(model, retain.sample(EVALUATED), device=run.device)
        for epoch in range(self.epochs):
            model.train(len(retain) > 1)  # BatchNorm cannot normalise one example by itself
            batches = (b for b in retain.batches(self.batch_size, run.generator) if len(b[1]) > 1 or len(retain) == 1)
            descend(
                optimiser, batches, lambda b: label_loss(model(b[0]), b[1]), run.part(epoch / self.epochs, (epoch + 1) / self.epochs),
                steps=-(-len(retain) // self.batch_size), note=f"healing, epoch {epoch + 1} of {self.epochs}",
            )  # fmt: skip
            schedule.step()
            accuracies += share_right(model, retain.sample(EVALUATED), device=run.device)
        run.record("convolution_transpose", {"changes": changes, "healing": torch.tensor(accuracies)})
        run.progress(1.0, "healed")
        return model.eval()


def transpose(model: nn.Module) -> Tensor:
    """Swaps rows and columns of every square kernel in place; (layers,): the change's length as a share of the weight's.

    Raises WrongInput where there is no such kernel larger than 1x1.
    """
    square = [layer for layer in convolutions(model).values() if layer.kernel_size[0] == layer.kernel_size[1]]
    if not square:
        raise WrongInput("Convolution transpose turns square kernels larger than 1x1; this model has none.")
    changes = []
    with torch.no_grad():
        for layer in square:
            turned = layer.weight.transpose(2, 3).clone()
            changes.append((turned - layer.weight).norm() / layer.weight.norm().clamp(min=1e-30))
            layer.weight.copy_(turned)
    return torch.stack(changes)
