"""L1-sparse: go on training on the retain set under a penalty on the size of every weight, which falls to 0.

Jia et al., NeurIPS 2023, arXiv:2304.04934.
    L  =   CE(D_r)  +  gamma_t * sum over all parameters of |theta|,      gamma_t = gamma * (1 - t / (T - T0)), not below 0
t: epochs from 0; T: `epochs`; T0: `free_epochs`, the last ones, without a penalty. SGD with plain momentum of 0.9 and weight decay
of 0.0005 on top. `step = subgradient` adds gamma_t * sign(theta) to the gradient, as the authors' code does, and leaves no weight
at 0; `proximal` moves each weight towards 0 by eta * gamma_t after each step instead, and stops there.
Departs from the code: images are not augmented; epochs and rate are its own, batches are smaller.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.loop import fit

SMALL = 1e-3  # a weight below counts as none


@dataclass(frozen=True)
class L1Sparse(SearchingInSteps):
    """Fine-tuning under an L1 penalty."""

    key = "l1_sparse"
    title = "L1-sparse"
    about = "Goes on training on the retain set while a penalty makes all weights smaller; what is not rehearsed shrinks away."
    paper = "arXiv:2304.04934"
    uses = frozenset({"retain"})
    ladder = tuple({"gamma": gamma} for gamma in (0.00001, 0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02))
    multi = True

    gamma: float = param(
        0.0005, low=0.0, high=10.0, symbol="γ", format="%.6f", when=SEARCHED_UNLESS, help="Weight of the penalty in the first epoch.",
    )  # fmt: skip
    step: str = param(
        "subgradient", choices=("subgradient", "proximal"),
        help="How the penalty acts. subgradient: in the loss, as the authors' code. proximal: after each step, which makes weights 0.",
    )  # fmt: skip
    epochs: int = param(10, low=1, high=200, symbol="T", help="Passes over the retain set.")
    free_epochs: int = param(0, low=0, high=200, symbol="T₀", help="The last epochs, which have no penalty.")
    learning_rate: float = param(0.01, low=1e-6, high=1.0, symbol="η", format="%.6f", help="Constant step size of SGD, plain momentum 0.9.")
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over the retain set."""
        return self.epochs * (train_count - forget_count)

    def penalty(self, epoch: int) -> float:
        """gamma_t of an epoch, counted from 0."""
        penalised = self.epochs - self.free_epochs
        return self.gamma * (1 - epoch / penalised) if epoch < penalised else 0.0

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, trained further on the retain set under the penalty."""
        now, sizes = [self.penalty(0)], [sizes_of(model)]
        weights = list(model.parameters())

        def add(theta: Tensor) -> None:
            assert theta.grad is not None  # the hook's own occasion
            theta.grad.add_(theta.detach().sign(), alpha=now[0])

        @torch.no_grad()
        def shrink() -> None:
            if self.step == "proximal":
                for theta in weights:
                    theta.copy_(F.softshrink(theta, self.learning_rate * now[0]))

        def next_epoch(done: int) -> None:
            now[0] = self.penalty(done)
            sizes.append(sizes_of(model))

        recipe = Recipe(self.epochs, self.batch_size, self.learning_rate, weight_decay=5e-4, one_cycle=False)
        penalised = weights if self.step == "subgradient" else []
        hooks = [theta.register_post_accumulate_grad_hook(add) for theta in penalised]  # type: ignore[no-untyped-call]  # torch does not annotate it
        try:
            fit(model, splits.retain, recipe, run, nesterov=False, after_step=shrink, after_epoch=next_epoch)
        finally:
            for hook in hooks:
                hook.remove()
        run.record("l1_sparse", {
            "penalty": torch.tensor([self.penalty(epoch) for epoch in range(self.epochs)]), "sizes": torch.stack(sizes),
        })  # fmt: skip
        return model


@torch.no_grad()
def sizes_of(model: nn.Module) -> Tensor:
    """float32 (2,): mean |theta| over all parameters together, and the share of them below SMALL."""
    sizes = torch.cat([theta.abs().flatten() for theta in model.parameters()])
    return torch.stack([sizes.mean(), (sizes < SMALL).float().mean()]).cpu()
