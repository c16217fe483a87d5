"""Guided unlearning: the last layers start afresh and warm up on the retain set, then ascent and relabelled recovery take turns.

The method that the authors of Unlearning Comparator, arXiv:2508.12730, found with their own tool. Reconstruction: its name stands nowhere
in their code, of which `GA_SL_FT_V2` has the three stages that the paper describes. That one is here.
    labels     y' = the class that the original, in eval mode, is surest of but for the true one
    warm-up    the last k layers, with what is defined behind the first of them, begin untrained; then SGD on CE(x, y) over D_r
    an epoch   up CE(x, y) on D_f: a hundredth of the rate, eight times the batch, gradients no longer than 100;
               then down CE over one shuffled stream of D_r and of D_f under y'
    two SGDs, one for each direction: plain momentum 0.9, weight decay 0.0005
Departs from the code: y' is never the true class, which the second surest may be, nor another one to be forgotten; the rate is constant,
as the code's cosine from 0.001 to 0.001 is; images are not augmented (there once, before recovery); any network, any request.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.baselines.boundary_shrink import nearest_labels
from core.methods.baselines.last_layers import last_layers
from core.methods.baselines.masked_small_gradients import scaled
from core.methods.search import Rung, SearchingInSteps
from core.training.context import RunContext
from core.training.loop import descend, predict, share_right

EVALUATED = 500  # images of each set that stages are measured on, at most
LONGEST = 100.0  # gradient of a step of ascent


@dataclass(frozen=True)
class Guided(SearchingInSteps):
    """Restarts the last layers, then forgets by ascent and recovers on relabelled images, in turns."""

    key = "guided"
    title = "Guided unlearning (reconstruction)"
    about = "Starts the last layers afresh, then climbs the forget set's loss and learns it under the next best labels, in turns."
    paper = "arXiv:2508.12730"
    uses = frozenset({"forget", "retain"})
    reconstruction = True
    ladder = tuple(  # rates: of the recipe's
        {"k": k, "learning_rate": rate} for k, rate in ((1, 0.02), (1, 0.1), (2, 0.1), (2, 0.2), (3, 0.2), (6, 0.2), (6, 0.5))
    )
    not_multi = "it puts the class that comes next in place of the true one, and such images have no one class"
    not_ensemble = "its last layers would be those of one member alone"
    share_before = 0.05

    k: int = param(
        2, low=0, high=1000, when=SEARCHED_UNLESS, help="Convolutions and linear layers that begin untrained, from the last one on.",
    )  # fmt: skip
    warm_up: int = param(1, low=0, high=50, help="Passes over the retain set after that, before anything else.")
    epochs: int = param(3, low=0, high=200, when=SEARCHED_UNLESS, help="Of ascent and recovery.")
    learning_rate: float = param(
        0.001, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS,
        help="Step size of SGD, plain momentum 0.9, in warm-up and recovery.",
    )  # fmt: skip
    ascent: float = param(0.01, low=0.0, high=10.0, format="%.4f", help="Step size of the ascent, of that of recovery. 0: no ascent.")
    larger: int = param(8, low=1, high=100, help="How many times larger a batch of the ascent is.")
    batch_size: int = param(128, low=2, high=4096, symbol="B", help="Examples a step.")

    def rungs(self, recipe: Recipe) -> tuple[Rung, ...]:
        """A third of the epochs that training took, at a share of its rate, told for SGD."""
        return scaled(self.ladder, recipe)

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The original's answers."""
        return forget_count / 3

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every stage, and the accuracies that are recorded after each."""
        retain_count = train_count - forget_count
        seen = min(EVALUATED, forget_count) + min(EVALUATED, retain_count)
        trained = self.warm_up * retain_count + self.epochs * (train_count + forget_count * (self.ascent > 0))
        return trained + (3 + 2 * self.epochs) * seen / 3

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> Tensor:
        """The labels that the forget set is recovered under, int64 (k,)."""
        forget = splits.forget
        gone = torch.tensor(splits.request.classes, dtype=torch.int64)
        labels, _ = nearest_labels(predict(model, forget, run.device), forget.labels, gone)
        run.progress(1.0, "labels")
        return labels

    def after(self, made: Tensor, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original after all stages, and on record the labels and the accuracy on both sets after each stage."""
        forget, retain = splits.forget.to(run.device), splits.retain.to(run.device)
        both = splits.forget.relabelled(made).joined(splits.retain).to(run.device)
        down, up = (
            torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
            for rate in (self.learning_rate, self.ascent * self.learning_rate)
        )
        stages = self.warm_up + 2 * self.epochs
        accuracies, done = list[list[float]](), 0

        def look() -> None:
            accuracies.append(share_right(model, forget.sample(EVALUATED), retain.sample(EVALUATED), device=run.device))

        def stage(optimiser: torch.optim.SGD, examples: Examples, size: int, sign: float, note: str) -> None:
            nonlocal done
            part, steps = run.part(done / stages, (done + 1) / stages), -(-len(examples) // size)
            model.train(len(examples) > 1)  # BatchNorm cannot normalise one example by itself
            descend(
                optimiser, whole(examples, size, run.generator), lambda b: sign * label_loss(model(b[0]), b[1]), part, steps=steps,
                note=note, clip=LONGEST if sign < 0 else None,
            )  # fmt: skip
            done += 1

        look()
        restart(model, run.fresh_model(), self.k)
        look()
        for _ in range(self.warm_up):
            stage(down, retain, self.batch_size, 1.0, "warm-up")
        look()
        for epoch in range(self.epochs):
            if self.ascent:
                stage(up, forget, self.larger * self.batch_size, -1.0, f"forgetting, epoch {epoch + 1} of {self.epochs}")
            look()
            stage(down, both, self.batch_size, 1.0, f"recovery, epoch {epoch + 1} of {self.epochs}")
            look()
        run.record("guided", {"stages": torch.tensor(accuracies), "labels": made.float()})
        run.progress(1.0, "recovered")
        return model.eval()


def restart(model: nn.Module, fresh: nn.Module, k: int) -> None:
    """Gives a model the weights and statistics of a fresh one, in place, from its k-th last convolution or linear layer on."""
    moving = {id(theta) for theta in last_layers(model, k)[0]}
    for name, module in model.named_modules():
        if any(id(theta) in moving for theta in module.parameters(recurse=False)):
            with torch.no_grad():
                for old, new in zip(tensors(module), tensors(fresh.get_submodule(name)), strict=True):
                    old.copy_(new)


def tensors(module: nn.Module) -> list[Tensor]:
    """A module's own parameters, then its own statistics."""
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]


def whole(examples: Examples, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches without a last one of a single example, by which BatchNorm cannot normalise."""
    return (batch for batch in examples.batches(size, generator) if len(batch[1]) > 1 or len(examples) == 1)
