"""Masked small gradients (MSG): weights on which forgetting and keeping pull alike start afresh, and the rest heals at a tenth of the rate.

The second of the entries of the NeurIPS 2023 competition (arXiv:2406.09073) in the study DeepUnlearn, Cadet et al., arXiv:2410.01276.
    g       =   sum over batches of dCE/dtheta on as many images of D_r as D_f has   -   the same on D_f,   at theta*
    reset   in each convolution the share rho of the weights with the smallest |g|, to Kaiming normal values (fan-out)
    heal    SGD on cross-entropy over D_r: momentum 0.9, weight decay 0.0005; the gradient by kept weights of convolutions times 0.1;
            a rate that rises and falls in equal steps, once an epoch: of five epochs 1/3, 2/3, 1, 2/3, 1/3 of eta
Departs from the study's code: gradients are taken in eval mode, where it leaves the mode as it finds it; the number of weights is rounded
down; controls (`mask`). Its docstring says "globally": the share is of each layer, as here. Without augmentation, as there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import cast

import torch
from torch import Tensor, nn

from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.aru import ADAMW, choose
from core.methods.search import Rung, SearchingInSteps
from core.training.context import RunContext
from core.training.loop import descend, share_right
from core.training.per_example_gradients import summed_gradient

EVALUATED = 500  # images of each set that healing is measured on, at most


@dataclass(frozen=True)
class MaskedSmallGradients(SearchingInSteps):
    """Re-initialises single weights of convolutions by their gradients, then fine-tunes, mostly these."""

    key = "masked_small_gradients"
    title = "Masked small gradients (MSG)"
    about = "Gives a fresh start to the weights that tell what goes from what stays least, and lets the rest follow slowly."
    paper = "arXiv:2410.01276"
    uses = frozenset({"forget", "retain"})
    ladder = tuple(  # rates: of the recipe's
        {"share": share, "learning_rate": rate}
        for share, rate in ((0.1, 0.1), (0.3, 0.1), (0.3, 0.5), (0.5, 0.5), (0.7, 0.5), (0.7, 1.0), (0.9, 1.0))
    )
    multi = True
    share_before = 0.1

    mask: str = param("smallest", choices=("smallest", "random", "largest"), help="Weights to reset; the others are controls.")
    share: float = param(0.3, low=0.0, high=1.0, symbol="ρ", format="%.2f", when=SEARCHED_UNLESS,
                         help="Share of each convolution's weights that is reset.")  # fmt: skip
    kept: float = param(0.1, low=0.0, high=1.0, format="%.2f", help="What the gradient by kept weights of convolutions is multiplied by.")
    epochs: int = param(5, low=0, high=200, when=SEARCHED_UNLESS, help="Healing: passes over the retain set.")
    learning_rate: float = param(
        0.001, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS,
        help="Healing: step size of SGD, plain momentum 0.9, at its peak in the middle.",
    )  # fmt: skip
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def rungs(self, recipe: Recipe) -> tuple[Rung, ...]:
        """Healing takes a third of the epochs that training took, at about its rate, told for SGD."""
        return scaled(self.ladder, recipe)

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The gradients on both sets."""
        return forget_count + min(forget_count, train_count - forget_count)

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Healing over the retain set, and the accuracies that are recorded."""
        retain_count = train_count - forget_count
        seen = min(EVALUATED, forget_count) + min(EVALUATED, retain_count)
        return self.epochs * retain_count + (self.epochs + 1) * seen / 3

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> dict[str, Tensor]:
        """Weight's name -> |g|, of every convolution."""
        names = kernels(model)
        if not names:
            raise WrongInput("Masked small gradients resets weights of convolutions; this model has none.")
        forget, retain = splits.forget.to(run.device), splits.retain
        drawn = retain.subset(torch.randperm(len(retain), generator=run.generator)[: len(forget)]).to(run.device)
        to_keep = summed_gradient(model, drawn.batches(self.batch_size), "mean")
        run.progress(0.5, "gradients")
        to_forget = summed_gradient(model, forget.batches(self.batch_size), "mean")
        run.progress(1.0, "gradients")
        return {name: (to_keep[name] - to_forget[name]).abs() for name in names}

    def after(self, made: dict[str, Tensor], model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, partly re-initialised and fine-tuned on the retain set."""
        forget, retain, weights = splits.forget.sample(EVALUATED), splits.retain.to(run.device), kernels(model)
        masks = {name: choose(size, self.share, self.mask, run.generator) for name, size in made.items()}
        reset(weights, masks, run.generator)
        optimiser = torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9, weight_decay=5e-4)
        slow(optimiser, weights, masks, self.kept)
        seen = retain.sample(EVALUATED)
        accuracies = [share_right(model, forget, seen, device=run.device)]
        for epoch in range(self.epochs):
            optimiser.param_groups[0]["lr"] = self.learning_rate * rate_share(epoch, self.epochs)
            model.train(len(retain) > 1)  # BatchNorm cannot normalise one example by itself
            batches = (b for b in retain.batches(self.batch_size, run.generator) if len(b[1]) > 1 or len(retain) == 1)
            descend(
                optimiser, batches, lambda b: label_loss(model(b[0]), b[1]), run.part(epoch / self.epochs, (epoch + 1) / self.epochs),
                steps=-(-len(retain) // self.batch_size), note=f"healing, epoch {epoch + 1} of {self.epochs}",
            )  # fmt: skip
            accuracies.append(share_right(model, forget, seen, device=run.device))
        run.record("masked_small_gradients_mask", {name: mask.to(torch.uint8) for name, mask in masks.items()})
        run.record("masked_small_gradients", {"healing": torch.tensor(accuracies)})
        run.progress(1.0, "healed")
        return model.eval()


def kernels(model: nn.Module) -> dict[str, nn.Parameter]:
    """Name -> weight of every convolution of images, those of 1x1 too, in the model's order."""
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    return {f"{name}.weight": cast(nn.Parameter, layer.weight) for name, layer in layers.items()}


@torch.no_grad()
def reset(weights: dict[str, nn.Parameter], masks: dict[str, Tensor], generator: torch.Generator) -> None:
    """Writes initial values, Kaiming normal by fan-out, where a mask (bool, shaped like its weight) is set; in place."""
    for name, weight in weights.items():
        fresh = nn.init.kaiming_normal_(torch.empty(weight.shape), mode="fan_out", nonlinearity="relu", generator=generator)
        weight.copy_(torch.where(masks[name], fresh.to(weight), weight))


def slow(optimiser: torch.optim.Optimizer, weights: dict[str, nn.Parameter], masks: dict[str, Tensor], kept: float) -> None:
    """Makes the optimiser multiply the gradient by `kept` before each step, where a mask is not set. Its weight decay stays whole."""

    def scale(*_: object) -> None:
        for name, weight in weights.items():
            if weight.grad is not None:
                weight.grad.mul_(torch.where(masks[name], 1.0, kept))

    optimiser.register_step_pre_hook(scale)


def rate_share(epoch: int, epochs: int) -> float:
    """Of the peak rate, in an epoch counted from 0: up in equal steps to the middle one, then down, as the study's code has it."""
    rising = (epochs + 1) // 2
    return (epoch + 1) / rising if epoch < rising else (epochs - epoch) / (epochs + 1 - rising)


def scaled(ladder: Sequence[Rung], recipe: Recipe) -> tuple[Rung, ...]:
    """Each rung with a third of the recipe's epochs, rounded up, and with its share of the recipe's rate, told for SGD: 1 at most.

    More epochs would cost what retraining does.
    """
    epochs, rate = ceil(recipe.epochs / 3), recipe.learning_rate / (ADAMW if recipe.optimiser == "adamw" else 1.0)
    return tuple({**rung, "epochs": epochs, "learning_rate": min(1.0, float(f"{rung['learning_rate'] * rate:.4g}"))} for rung in ladder)
