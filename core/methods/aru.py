"""Attack-and-Reset: noise that imitates the forget set picks the kernel slices to re-initialise; then fine-tuning on the retain set.

Jung, Cho, Hsu & Hockenmaier, 2024, arXiv:2401.08998.
    attack  x'  <-   clip(x' - eta * sign(d CE(f(x'), y) / dx')), |x' - x| <= radius;   delta = x' - x
            (direction = minimise, as a co-author's script has it; maximise: up the gradient, as secondary summaries of the paper say)
    mask    d[o, i]  =   | mean over the kernel of (G(x, y) - G(delta, y))[o, i] |, the share rho with the smallest d, per layer
    reset   the masked slices (o, i) to an initial value (or 0), then train on D_r
Departs from the paper: the share, the healing schedule and the reset are not in what could be read; the authors' later
script (for ViT) resets to 0 with a share of 0.5, heals by AdamW and picks layers by the name "conv": here, every convolution but 1x1 ones,
which those names leave out in a ResNet (of a ViT, the patches' alone). Noise is made in pixel space, gradients on copies.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from math import ceil

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import Rung, SearchingInSteps
from core.training.batch_size import forward_chunk
from core.training.context import RunContext
from core.training.loop import fit, share_right
from core.training.per_example_gradients import summed_gradient


def random_start(shape: tuple[int, ...], radius: float, generator: torch.Generator) -> Tensor:
    """A change of pixels, uniform in the box |change| <= radius."""
    return torch.empty(shape).uniform_(-radius, radius, generator=generator)


def pgd(
    model: nn.Module, x: Tensor, y: Tensor, start: Tensor, *, radius: float, step_size: float, steps: int,
    minimise: bool = True, on_step: Callable[[float], None] | None = None,
) -> Tensor:  # fmt: skip
    """Attacked images (B, C, H, W) in [0, 1] with |x' - x| <= radius everywhere.

    Starts at `x + start`, clipped; each step moves every pixel by `step_size` along the sign of the gradient of
    the labels' summed loss, down where `minimise` (error-minimising noise), else up; then projects and clips.
    `on_step` is called with the mean loss before each step and after the last. The model's mode is used as
    it is; its parameters get no gradient.
    """
    attacked = (x + start).clamp(0, 1)
    sign = -1.0 if minimise else 1.0
    for _ in range(steps):
        attacked.requires_grad_(True)
        loss = label_loss(model(attacked), y, "sum")
        if on_step is not None:
            on_step(loss.item() / len(y))
        (gradient,) = torch.autograd.grad(loss, attacked)
        moved = attacked.detach() + sign * step_size * gradient.sign()
        attacked = torch.minimum(torch.maximum(moved, x - radius), x + radius).clamp(0, 1)
    if on_step is not None:
        with torch.no_grad():
            on_step(label_loss(model(attacked), y, "sum").item() / len(y))
    return attacked.detach()


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Weight's name -> layer, for every convolution larger than 1x1, in the model's order."""
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    return {f"{name}.weight": layer for name, layer in layers.items() if max(layer.kernel_size) > 1}


def difference(
    model: nn.Module, forget: Examples, noise: Tensor, *, batch_size: int, train_mode: bool
) -> dict[str, Tensor]:
    """Weight's name -> d (out, in): |mean over the kernel of (gradient on the images - gradient on the noise alone)|.

    noise: (k, C, H, W), each under its image's label. Each gradient is a sum over batches of the batch-mean
    cross-entropy's, taken on a copy whose BatchNorm uses the batch's statistics (`train_mode`) or the stored ones.
    """
    sums, alone = [], len(forget) == 1
    of_noise = zip(torch.split(noise, batch_size), torch.split(forget.labels, batch_size), strict=True)
    for batches in (forget.batches(batch_size), of_noise):
        usable = (batch for batch in batches if len(batch[1]) > 1 or not train_mode or alone)
        copy = deepcopy(model).train(train_mode and not alone)  # BatchNorm cannot normalise a single example
        sums.append(summed_gradient(copy, usable, "mean"))
    return {name: (sums[0][name] - sums[1][name]).mean((2, 3)).abs() for name in convolutions(model)}


def choose(scores: Tensor, share: float, rule: str, generator: torch.Generator) -> Tensor:
    """bool, shaped like `scores`: floor(share x size) entries, by `rule`: smallest (aru), largest, or random ones."""
    size = scores.numel()
    count = int(share * size + 1e-9)  # 0.3 x 10 is 2.9999... in binary
    order = scores.flatten().argsort(descending=rule == "largest", stable=True)  # dead units tie at 0
    if rule == "random":
        order = torch.randperm(size, generator=generator).to(scores.device)
    mask = torch.zeros(size, dtype=torch.bool, device=scores.device)
    mask[order[:count]] = True
    return mask.view_as(scores)


SHOWN, EVALUATED = 16, 500  # forget images whose attack is recorded; images of each set that healing is measured on, at most
MASK_PASSES = 2
ADAMW = 0.02  # of SGD's rates


@dataclass(frozen=True)
class ARU(SearchingInSteps):
    """Resets weights whose gradients on images and on noise are alike, then fine-tunes."""

    key = "aru"
    title = "Attack-and-Reset (ARU)"
    about = "Noise that imitates the forget set picks slices of convolutions (in a ViT: of its patches) to reset; then the rest heals."
    paper = "arXiv:2401.08998"
    uses = frozenset({"forget", "retain"})
    multi = True
    share_before = 0.2
    ladder = tuple(  # rates: of the recipe's
        {"share": share, "learning_rate": rate}
        for share, rate in ((0.02, 0.4), (0.05, 0.4), (0.1, 0.4), (0.1, 1.0), (0.3, 1.0), (0.3, 2.0), (0.5, 1.0), (0.8, 2.0))
    )

    radius: float = param(8 / 255, low=1e-4, high=1.0, format="%.4f", help="Largest change of a pixel in [0, 1]; the script's 8/255.")
    attack_steps: int = param(7, low=1, high=200, symbol="T", help="Steps of the attack.")
    direction: str = param(
        "minimise", choices=("minimise", "maximise"),
        help="What the noise does to the loss of its image. minimise: as a co-author's script. maximise: as summaries of the paper say.",
    )  # fmt: skip
    attack_rate: float = param(2 / 255, low=1e-5, high=1.0, symbol="η", format="%.4f", help="Change of a pixel in one step.")
    norm_mode: str = param("train", choices=("train", "eval"), help="BatchNorm while gradients are compared: of the batch, or stored.")
    mask: str = param("aru", choices=("aru", "random", "largest"), help="Slices to reset: smallest difference; the others are controls.")
    share: float = param(0.5, low=0.0, high=1.0, symbol="ρ", format="%.2f", when=SEARCHED_UNLESS,
                         help="Share of each layer's slices that is reset.")  # fmt: skip
    reset: str = param("init", choices=("init", "zero"), help="init: initial values, as the paper says. zero: as the script does.")
    epochs: int = param(5, low=0, high=200, when=SEARCHED_UNLESS, help="Healing: passes over the retain set.")
    learning_rate: float = param(0.01, low=0.0, high=1.0, format="%.6f", when=SEARCHED_UNLESS,
                                 help="Healing: step size.")  # fmt: skip
    optimiser: str = param(
        "trained", choices=("trained", "sgd", "adamw"),
        help="Healing: SGD with plain momentum 0.9, or AdamW, as the script for ViT has it; trained: that of the original's training.",
    )  # fmt: skip
    schedule: str = param(
        "one_cycle", choices=("one_cycle", "constant"),
        help="Healing: a step size that rises to its peak and falls to zero, or that stays, as in the script for ViT.",
    )  # fmt: skip
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step, in all stages.")

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Attack and mask over the forget set."""
        return (self.attack_steps + 1 / 3 + MASK_PASSES) * forget_count

    def rungs(self, recipe: Recipe) -> tuple[Rung, ...]:
        """Healing takes a third of the epochs that training took, at about its rate: fewer do not heal a small set, more would cost what
        retraining does.
        """
        size = {"sgd": 1.0, "adamw": ADAMW}
        rate = recipe.learning_rate * size[self._optimiser(recipe)] / size[recipe.optimiser]
        epochs = ceil(recipe.epochs / 3)
        return tuple({**rung, "epochs": rung.get("epochs", epochs), "learning_rate": float(f"{rung['learning_rate'] * rate:.4g}")}
                     for rung in self.ladder)  # fmt: skip

    def _optimiser(self, recipe: Recipe) -> str:
        return recipe.optimiser if self.optimiser == "trained" else self.optimiser

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Healing over the retain set, and the accuracies that are recorded."""
        retain_count = train_count - forget_count
        seen = min(EVALUATED, forget_count) + min(EVALUATED, retain_count)
        return self.epochs * retain_count + (self.epochs + 1) * seen / 3

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> dict[str, Tensor]:
        """Weight's name -> d (out, in): what the reset is chosen by."""
        if not convolutions(model):
            raise WrongInput("Attack-and-Reset resets slices of convolutions larger than 1x1; this model has none.")
        return self.differences(model, splits.forget.to(run.device), run)

    def after(self, made: dict[str, Tensor], model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, partly re-initialised and fine-tuned on the retain set."""
        forget, retain, layers = splits.forget.to(run.device), splits.retain, convolutions(model)
        masks, fresh = {}, dict(run.fresh_model().named_parameters())
        with torch.no_grad():
            for name, layer in layers.items():
                masks[name] = choose(made[name], self.share, self.mask, run.generator)
                value = fresh[name] if self.reset == "init" else torch.zeros_like(layer.weight)
                layer.weight.copy_(torch.where(masks[name][..., None, None], value, layer.weight))
        right = partial(share_right, model, forget.sample(EVALUATED), retain.sample(EVALUATED), device=run.device)
        accuracies = [right()]
        if self.epochs:
            optimiser = self._optimiser(run.recipe)
            one_cycle = self.schedule == "one_cycle"
            recipe = Recipe(self.epochs, self.batch_size, self.learning_rate, weight_decay=0.0, one_cycle=one_cycle, optimiser=optimiser)
            fit(model, retain, recipe, run, nesterov=False, after_epoch=lambda _: accuracies.append(right()))
        run.record("aru_difference", made)
        run.record("aru_mask", {name: mask.to(torch.uint8) for name, mask in masks.items()})
        run.record("aru", {"healing": torch.tensor(accuracies)})
        run.progress(1.0, "healed")
        return model

    def differences(self, model: nn.Module, forget: Examples, run: RunContext) -> dict[str, Tensor]:
        """Weight's name -> d (out, in), by noise that the attack makes; the model is left as it is."""
        noise = self._attack(model, forget, run)
        return difference(model, forget, noise, batch_size=self.batch_size, train_mode=self.norm_mode == "train")

    def _attack(self, model: nn.Module, forget: Examples, run: RunContext) -> Tensor:
        """The noise alone, (k, C, H, W), from a random point of the box for each image."""
        noise = random_start(forget.shape, self.radius, run.generator).to(run.device)

        def attack(part: slice) -> Tensor:
            x, batch_losses = forget.subset(torch.arange(part.start, part.stop)).pixels(), list[float]()
            noise[part] = -x + pgd(
                model, x, forget.labels[part], noise[part], radius=self.radius, step_size=self.attack_rate, steps=self.attack_steps,
                minimise=self.direction == "minimise", on_step=batch_losses.append,
            )  # fmt: skip
            run.progress(part.stop / len(forget), "attack")
            return torch.tensor(batch_losses) * len(x) / len(forget)

        chunk = forward_chunk(model, forget.first(1).pixels(), gradients=True)
        losses = torch.stack(list(chunk.through(len(forget), attack))).sum(0)
        run.record("aru", {"images": forget.first(SHOWN).pixels(), "noise": noise[:SHOWN], "attack_loss": losses})
        return noise
