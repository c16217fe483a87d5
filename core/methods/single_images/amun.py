"""AMUN: for every forget image the nearest image that the original gets wrong, learned under that wrong answer beside the image itself.

Ebrahimpour-Boroojeny, Sundaram & Chandrasekaran, Adversarial machine unlearning, ICML 2025, arXiv:2503.00917.
    x'     the first image on the way of an L2 attack on the original f*, in eval mode, whose answer y' is not the true label y: steps of
           r / 10 up CE(f*(x'), y), inside a ball of radius r about x and inside [0, 1]; r begins at 0.04, and doubles after 50 steps
    theta  <-   descend CE over one shuffled stream of D_r, D_f and all (x', y'), from theta*; without retain data: of D_f and all (x', y')
    SGD: plain momentum 0.9, weight decay 0.0005, a rate that falls to a tenth after every so many epochs
So it goes on learning D_f under its TRUE labels: what x' takes away is certainty, not the answer.
Departs from the authors' code: the number of doublings is bounded, and what is still answered rightly then lends no x'; images are not
augmented.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.baselines.masked_small_gradients import scaled
from core.methods.search import Rung, SearchingInSteps
from core.training.batch_size import forward_chunk
from core.training.context import RunContext
from core.training.loop import descend

SHOWN = 16  # forget images that are recorded before and after the attack
STEP = 0.1  # of the radius
USUAL = 5  # radii that an image takes, about: how many it takes is known afterwards


class Attacked(NamedTuple):
    """images (k, C, H, W) in [0, 1]; answers int64 (k,): the model's there; radius (k,): the last one that each was given, 0 for none."""

    images: Tensor
    answers: Tensor
    radius: Tensor


@dataclass(frozen=True)
class AMUN(SearchingInSteps):
    """Fine-tunes on everything, and on an attacked copy of the forget set under the wrong answers to it."""

    key = "amun"
    title = "Adversarial unlearning (AMUN)"
    about = (
        "Goes on learning the forgotten images, under their true labels, beside the nearest images that are mistaken for something else; "
        "made for single images, of no use for a whole class."
    )
    paper = "arXiv:2503.00917"
    uses = frozenset({"forget", "retain"})
    ladder = tuple({"learning_rate": rate} for rate in (0.01, 0.03, 0.1, 0.2, 0.5, 1.0))  # of the recipe's
    not_multi = "it moves an image until it is mistaken for another class, and such images have no one class"
    share_before = 0.2

    retain_data: str = param("used", choices=("used", "left_out"), help="Whether the retain set is trained on.")
    forget_data: str = param(
        "used", choices=("used", "left_out"),
        help="Whether the forget images themselves are trained on, under their true labels. left_out: the attacked ones alone (advonly).",
    )  # fmt: skip
    radius: float = param(0.04, low=1e-4, high=10.0, symbol="r", format="%.4f", help="Radius that the attack begins with, in L2.")
    steps: int = param(50, low=0, high=200, symbol="T", help="Steps of the attack at each radius, at most. 0: no attack.")
    doublings: int = param(8, low=0, high=12, help="How often the radius doubles where the answer is still right, at most.")
    epochs: int = param(10, low=1, high=200, when=SEARCHED_UNLESS, help="Passes over all that is trained on.")
    learning_rate: float = param(
        0.01, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Step size of SGD, plain momentum 0.9, at first.",
    )  # fmt: skip
    falls_after: int = param(1, low=1, high=200, help="Epochs after which the step size falls to a tenth, each time.")
    batch_size: int = param(128, low=2, high=4096, symbol="B", help="Examples a step.")

    def rungs(self, recipe: Recipe) -> tuple[Rung, ...]:
        """A third of the epochs that training took, at a share of its rate, told for SGD."""
        return scaled(self.ladder, recipe)

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The first or the last answers, and the attack's steps at as many radii as is usual: digits take 4.4 on average."""
        return forget_count / 3 + min(USUAL, self.doublings + 1) * self.steps * forget_count

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch over what is trained on; as if the attack succeeded on every image."""
        sets = (train_count - forget_count) * (self.retain_data == "used") + forget_count * (self.forget_data == "used") + forget_count
        return self.epochs * sets

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> Examples:
        """The attacked images under the wrong answers; float32 pixels, since bytes are too coarse for them."""
        forget = splits.forget.to(run.device)

        def attack(part: slice) -> Attacked:
            x = forget.taken(part).float() / forget.peak
            found = nearest_mistakes(model, x, forget.labels[part], radius=self.radius, steps=self.steps, doublings=self.doublings)
            run.progress(part.stop / len(forget), "attack")
            return found

        chunk = forward_chunk(model, forget.first(1).pixels(), gradients=True)
        found = Attacked(*map(torch.cat, zip(*chunk.through(len(forget), attack), strict=True)))
        moved, wrong = found.images - forget.pixels(), found.answers != forget.labels
        run.record("amun", {
            "images": forget.first(SHOWN).pixels(), "attacked": found.images[:SHOWN], "radius": found.radius,
            "distance": moved.flatten(1).norm(dim=1), "answers": found.answers.float(), "mistaken": wrong.to(torch.uint8),
        })  # fmt: skip
        return Examples(found.images, found.answers, peak=1).subset(wrong)

    def after(self, made: Examples, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, fine-tuned on the sets that are used and on the attacked images."""
        sets = [made]
        if self.forget_data == "used":
            sets.insert(0, splits.forget.to(run.device))
        if self.retain_data == "used":
            sets.insert(0, splits.retain.to(run.device))
        count = sum(map(len, sets))
        optimiser = torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9, weight_decay=5e-4)
        model.train(count > 1)  # BatchNorm cannot normalise one example by itself
        for epoch in range(self.epochs if count else 0):
            optimiser.param_groups[0]["lr"] = self.learning_rate * 0.1 ** (epoch // self.falls_after)
            batches = (b for b in together(sets, self.batch_size, run.generator) if len(b[1]) > 1 or count == 1)
            descend(
                optimiser, batches, lambda b: label_loss(model(b[0]), b[1]), run.part(epoch / self.epochs, (epoch + 1) / self.epochs),
                steps=-(-count // self.batch_size), note=f"epoch {epoch + 1} of {self.epochs}",
            )  # fmt: skip
        run.progress(1.0, "trained")
        return model.eval()


def nearest_mistakes(model: nn.Module, x: Tensor, y: Tensor, *, radius: float, steps: int, doublings: int) -> Attacked:
    """Moves images x (B, C, H, W) in [0, 1], of labels y (B,), until the model answers something else; it is used in the mode it is in.

    What is answered wrongly as it stands stays as it is. Each step goes a tenth of the radius along the gradient of the loss, then
    back into the ball about x and into [0, 1], which holds x, so that the ball is not left by it.
    """
    attacked, radii = x.clone(), torch.zeros(len(x), device=x.device)
    answers, going = torch.empty_like(y), torch.arange(len(x), device=x.device)
    for level in range(doublings + 1):
        size = radius * 2**level
        for step in range(steps):
            now = attacked[going].requires_grad_()
            logits = model(now)
            answers[going], right = logits.argmax(1), logits.argmax(1) == y[going]
            if not right.any():
                return Attacked(attacked, answers, radii)
            (gradient,) = torch.autograd.grad(label_loss(logits[right], y[going[right]], "sum"), now)
            going = going[right]
            if step == 0:
                radii[going] = size
            away = now.detach()[right] + STEP * size * unit(gradient[right]) - x[going]
            attacked[going] = (x[going] + away * (size / norms(away).clamp(min=1e-30)).clamp(max=1.0)).clamp(0, 1)
    with torch.no_grad():
        answers[going] = model(attacked[going]).argmax(1)
    return Attacked(attacked, answers, radii)


def norms(images: Tensor) -> Tensor:
    """L2 lengths of (B, C, H, W), as (B, 1, 1, 1)."""
    lengths: Tensor = torch.linalg.vector_norm(images, dim=(1, 2, 3), keepdim=True)
    return lengths


def unit(gradient: Tensor) -> Tensor:
    """Each image's gradient (B, C, H, W) at length 1; 0 where it is 0."""
    largest = gradient.abs().amax((1, 2, 3), keepdim=True)  # squares of what is small are 0
    scaled_up = gradient / largest.clamp(min=torch.finfo(gradient.dtype).tiny)
    return scaled_up / norms(scaled_up).clamp(min=1e-30)


def together(sets: Sequence[Examples], size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """One pass over several sets as one, shuffled: batches of float32 (B, C, H, W) in [0, 1] and labels; each may store pixels its way."""
    starts = torch.tensor([0, *map(len, sets)]).cumsum(0).tolist()
    for batch in torch.split(torch.randperm(starts[-1], generator=generator), size):
        parts = []
        for examples, start, end in zip(sets, starts, starts[1:], strict=False):
            rows = (batch[(batch >= start) & (batch < end)] - start).to(examples.labels.device)
            parts.append((examples.taken(rows).float() / examples.peak, examples.labels[rows]))
        yield torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])
