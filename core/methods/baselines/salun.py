"""SalUn: random labels, but only the weights that the forget set is salient for may move.

Fan et al., ICLR 2024, arXiv:2310.12508.
    mask   the top share of |d CE(D_f) / d theta| over all weights together
    L      as random label: CE(f(x), y') on D_f + CE(f(x), y) on D_r, y' drawn anew in each epoch
    theta outside the mask stays at theta*: put back after each step, which masking momentum too, as the authors' code does,
    does not change;   SGD with plain momentum of 0.9 and weight decay of 0.0005
One shuffled stream, as their branch for CIFAR-100 and Tiny ImageNet has it; that for CIFAR-10 and SVHN shows all forget batches
of an epoch, then all retain batches. Both let a drawn label be the true one: `true_label`.
Departs from the code: a label is not the true one unless that is asked for; images are not augmented.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.baselines.random_label import WRONG_LABEL, fit_on_random_labels
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.per_example_gradients import summed_gradient


@dataclass(frozen=True)
class SalUn(SearchingInSteps):
    """Random label under a saliency mask."""

    key = "salun"
    title = "Saliency Unlearning (SalUn)"
    about = "Finds the weights to which the forget set's loss is most sensitive, and retrains only those, on random labels."
    paper = "arXiv:2310.12508"
    uses = frozenset({"forget", "retain"})
    share_before = 0.1
    ladder = tuple({"learning_rate": rate} for rate in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05))
    not_multi = WRONG_LABEL

    share: float = param(0.5, low=0.0, high=1.0, format="%.2f", help="Share of all weights that may move: the most salient ones.")
    labels: str = param("each_epoch", choices=("each_epoch", "once"), help="When labels are drawn. each_epoch: as the authors' code.")
    true_label: str = param(
        "excluded", choices=("excluded", "allowed"),
        help="Whether a label may be true, or that of a class to forget. allowed: as the authors' code.",
    )  # fmt: skip
    epochs: int = param(5, low=1, high=200, help="Passes over the whole training set.")
    learning_rate: float = param(
        0.02, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Step size of SGD, plain momentum 0.9.",
    )  # fmt: skip
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The saliency."""
        return forget_count

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over both sets."""
        return self.epochs * train_count

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> dict[str, Tensor]:
        """Weight's name -> bool, shaped like it: which weights may move."""
        gradient = summed_gradient(model, splits.forget.to(run.device).batches(self.batch_size), "mean")
        saliency = {name: g.abs() for name, g in gradient.items()}
        everything = torch.cat([s.flatten() for s in saliency.values()])
        allowed = torch.zeros_like(everything, dtype=torch.bool)
        allowed[everything.argsort(descending=True)[: int(self.share * len(everything))]] = True
        parts = torch.split(allowed, [s.numel() for s in saliency.values()])
        return {name: part.view_as(saliency[name]) for name, part in zip(saliency, parts, strict=True)}

    def after(self, made: dict[str, Tensor], model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, its salient weights retrained."""
        named = dict(model.named_parameters())
        start = {name: p.detach().clone() for name, p in named.items()}

        @torch.no_grad()
        def put_back() -> None:
            for name, p in named.items():
                p.copy_(torch.where(made[name], p, start[name]))

        recipe = Recipe(self.epochs, self.batch_size, self.learning_rate, weight_decay=5e-4, one_cycle=False)
        fit_on_random_labels(model, splits, recipe, run, self.labels, self.true_label, put_back)
        run.record("salun_mask", {name: mask.to(torch.uint8) for name, mask in made.items()})
        return model
