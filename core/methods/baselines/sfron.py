"""SFRon: steps up a weighted loss of the forget set, by the weights that matter more to it, among steps down the retain set's.

Huang et al., NeurIPS 2024, arXiv:2409.19732.
    mask     m = 1 where F_f / F_r >= gamma,   F: mean over batches of the squared gradient of the batch-mean cross-entropy, at theta*
    forget   before every fifth retain step: up sum_i w_i CE_i on a batch of D_f,  w_i in proportion to CE_i^-lambda, their sum 1;
             gradient times a_t = alpha (1 + cos(pi t / T)) / 2, times m, then no longer than `clip`
    retain   T steps down the mean cross-entropy on batches of D_r, without mask and clip
    one SGD for both: plain momentum 0.9, weight decay 0.0005, a rate that falls from eta to 0 along a cosine over the T retain steps
Departs from the authors' code: the length is counted in passes over D_r, not as 1,500 steps; images are not augmented, and what the mask is
computed from is not cached under a name that other seeds share. The slow half of "fast-slow", an average of weights, is off there: its
weight of 1 leaves the weights as they are. So it is left out here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.baselines.masked_small_gradients import scaled
from core.methods.search import Rung, SearchingInSteps
from core.training.context import RunContext
from core.training.fisher import Importance, squared_batch_gradient
from core.training.loop import descend, draws

FLOOR = 1e-15  # added to both importances, and to a loss before it divides: weights without either are in the mask
Step = tuple[bool, int, Tensor, Tensor]  # whether it forgets, retain steps before it, images and labels


@dataclass(frozen=True)
class SFRon(SearchingInSteps):
    """Alternates between ascent on the forget set, masked, and descent on the retain set."""

    key = "sfron"
    title = "Saliency forgetting among retaining (SFRon)"
    about = "Climbs the forget set's loss, by the weights that matter to it most, between steps that keep the rest."
    paper = "arXiv:2409.19732"
    uses = frozenset({"forget", "retain"})
    ladder = tuple(  # rates: of the recipe's
        {"alpha": alpha, "learning_rate": rate}
        for alpha, rate in ((1.0, 0.02), (5.0, 0.02), (5.0, 0.1), (25.0, 0.1), (25.0, 0.2), (25.0, 0.5), (50.0, 0.5))
    )
    multi = True
    share_before = 0.2

    threshold: float = param(1.0, low=0.0, high=1e6, symbol="γ", format="%.2f",
                             help="Least ratio of importances, forget over retain set, at which a weight may climb.")  # fmt: skip
    weighting: float = param(0.5, low=0.0, high=5.0, symbol="λ", format="%.2f",
                             help="How much more images with a low loss weigh; 0: all alike.")  # fmt: skip
    alpha: float = param(25.0, low=0.0, high=1e4, symbol="α", format="%.2f", when=SEARCHED_UNLESS,
                         help="What the forget set's loss is multiplied by at the start; it falls along a cosine.")  # fmt: skip
    every: int = param(5, low=1, high=1000, help="Retain steps to each forget step.")
    clip: float = param(7.0, low=1e-6, high=1e6, format="%.2f", help="Longest gradient of a forget step.")
    epochs: int = param(4, low=1, high=200, when=SEARCHED_UNLESS, help="Passes over the retain set.")
    learning_rate: float = param(
        0.01, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS,
        help="Step size of SGD, plain momentum 0.9, at the start; it falls to 0 along a cosine.",
    )  # fmt: skip
    batch_size: int = param(128, low=2, high=4096, symbol="B", help="Examples a step, and of the mask's batches.")

    def rungs(self, recipe: Recipe) -> tuple[Rung, ...]:
        """A third of the epochs that training took, at a share of its rate, told for SGD."""
        return scaled(self.ladder, recipe)

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Both importances."""
        return train_count

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch over the retain set; of the forget set as many batches as there are forget steps, the last of a pass smaller."""
        retain_count = train_count - forget_count
        steps, per_pass = self.epochs * -(-retain_count // self.batch_size), -(-forget_count // self.batch_size)
        whole, rest = divmod(-(-steps // self.every), per_pass)
        return self.epochs * retain_count + whole * forget_count + rest * min(self.batch_size, forget_count)

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> dict[str, Tensor]:
        """Weight's name -> bool, shaped like it: which weights a forget step may move."""
        importances = list[Importance]()
        for place, examples in enumerate((splits.forget, splits.retain), 1):
            batches = examples.to(run.device).batches(self.batch_size, run.generator)
            importances.append(squared_batch_gradient(model, batches))
            run.progress(place / 2, "importance")
        forget, retain = importances
        return {name: (forget[name] + FLOOR) / (retain[name] + FLOOR) >= self.threshold for name in forget}

    def after(self, made: dict[str, Tensor], model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original after all steps, and on record the mask and the two losses as they were stepped on."""
        forget, retain = splits.forget.to(run.device), splits.retain.to(run.device)
        steps = self.epochs * -(-len(retain) // self.batch_size)
        optimiser = torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9, weight_decay=5e-4)
        masks = [made[name] for name, _ in model.named_parameters()]
        forgetting, losses = [False], {True: list[float](), False: list[float]()}

        def mask_and_clip(*_: object) -> None:
            if forgetting[0]:
                for p, mask in zip(model.parameters(), masks, strict=True):
                    if p.grad is not None:
                        p.grad.mul_(mask)
                nn.utils.clip_grad_norm_(model.parameters(), self.clip)

        def loss(item: Step) -> Tensor:
            forgetting[0], done, x, y = item
            falling = (1 + cos(pi * done / steps)) / 2
            optimiser.param_groups[0]["lr"] = self.learning_rate * falling
            model.train(len(x) > 1)  # BatchNorm cannot normalise one example by itself
            value = label_loss(model(x), y) if not forgetting[0] else weighted(label_loss(model(x), y, "none"), self.weighting)
            losses[forgetting[0]].append(value.item())
            return -self.alpha * falling * value if forgetting[0] else value

        optimiser.register_step_pre_hook(mask_and_clip)
        items = turns(forget, retain, steps, self.every, self.batch_size, run.generator)
        descend(optimiser, items, loss, run, steps=steps + -(-steps // self.every), note="forgetting among retaining")
        run.record("sfron_mask", {name: mask.to(torch.uint8) for name, mask in made.items()})
        run.record("sfron", {"forget_loss": torch.tensor(losses[True]), "retain_loss": torch.tensor(losses[False])})
        run.progress(1.0, "forgotten")
        return model.eval()


def weighted(losses: Tensor, weighting: float) -> Tensor:
    """The mean of losses (B,) in nats, each weighing in proportion to its own to the power of -weighting, which is not differentiated."""
    shares = 1 / (losses.detach().clamp(min=0) ** weighting + FLOOR)
    return (shares / shares.sum() * losses).sum()


def turns(forget: Examples, retain: Examples, steps: int, every: int, size: int, generator: torch.Generator) -> Iterator[Step]:
    """A batch to forget before each of the retain steps 0, every, 2 every, ..., and one to keep at each; both sets come round shuffled."""
    of_forget, of_retain = draws(len(forget), size, generator), draws(len(retain), size, generator)
    for step in range(steps):
        for examples, order, forgets in ((forget, of_forget, True), (retain, of_retain, False)):
            if not forgets or step % every == 0:
                rows = next(order).to(examples.labels.device)
                yield forgets, step, examples.taken(rows).float() / examples.peak, examples.labels[rows]
