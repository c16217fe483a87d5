"""Take steps, fit a model, and ask a model: the loops over data that everything shares."""

from collections.abc import Callable, Iterable, Iterator
from math import isfinite, nan
from typing import TypeVar

import torch
from torch import Tensor, nn

from core.context import RunContext
from core.data.examples import Examples
from core.data.labels import loss as label_loss
from core.data.labels import right
from core.domain import Recipe

EVALUATION_BATCH = 512
T = TypeVar("T")


class Diverged(ArithmeticError):
    """The loss stopped being a number."""


def descend(
    optimiser: torch.optim.Optimizer, items: Iterable[T], loss_of: Callable[[T], Tensor], run: RunContext,
    *, steps: int, note: str, clip: float | None = None, after: Callable[[int, float], None] | None = None,
) -> None:  # fmt: skip
    """One step of the optimiser for each item, on the loss that `loss_of(item)` builds; gradients are gone afterwards.

    `steps`: how many items come, for the progress, which `note` explains. `clip`: largest norm of the gradient.
    `after(step, loss)` is called after each step, counted from 1. Raises Diverged at the first loss that is not finite,
    or where the last step left such weights.
    """
    weights = [p for group in optimiser.param_groups for p in group["params"]]
    for step, item in enumerate(items, 1):
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(item)
        value = loss.item()
        if not isfinite(value):
            raise Diverged(f"The loss became {value} at step {step} of {steps} ({note}); a lower learning rate may help.")
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        if clip is not None:
            nn.utils.clip_grad_norm_(weights, clip)
        optimiser.step()
        if after is not None:
            after(step, value)
        run.progress(min(1.0, step / steps), note)
    if not all(theta.isfinite().all() for theta in weights):  # the last step has no loss after it
        raise Diverged(f"Weights became infinite or NaN within {steps} steps; a lower learning rate may help.")
    optimiser.zero_grad(set_to_none=True)  # a model that is handed on carries no gradients


def fit(
    model: nn.Module, examples: Examples, recipe: Recipe, run: RunContext,
    *, after_step: Callable[[], None] = lambda: None, after_epoch: Callable[[int], None] = lambda epoch: None,
) -> nn.Module:  # fmt: skip
    """Train in place and return the model, in eval mode.

    SGD with Nesterov momentum; one-cycle learning rate (L. Smith, arXiv:1708.07120) or a constant one. Batches are drawn from
    `run.generator` alone. `after_step` is called after each step, `after_epoch` with each epoch's number, from 1.
    Raises Diverged at the first loss that is not finite, or where the last step left such weights.
    """
    data = examples.to(run.device)
    per_epoch = -(-len(data) // recipe.batch_size)
    steps = recipe.epochs * per_epoch
    optimiser = torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
    )
    schedule = _schedule(optimiser, recipe, steps)

    def stepped() -> None:
        schedule.step()
        after_step()

    for epoch in range(1, recipe.epochs + 1):
        model.train()
        # BatchNorm cannot normalise one example by itself; the last batch may be that.
        batches = (b for b in data.batches(recipe.batch_size, run.generator) if len(b[1]) > 1 or len(data) == 1)
        part = run.part((epoch - 1) / recipe.epochs, epoch / recipe.epochs)
        descend(
            optimiser, batches, lambda batch: label_loss(model(batch[0]), batch[1]), part,
            steps=per_epoch, note=f"epoch {epoch} of {recipe.epochs}", after=lambda *_: stepped(),
        )  # fmt: skip
        for name, statistic in model.named_buffers():  # BatchNorm hides an overflow from the loss while it trains
            if not statistic.isfinite().all():
                raise Diverged(f"{name} became infinite or NaN in epoch {epoch} of {recipe.epochs}; a lower learning rate may help.")
        after_epoch(epoch)
    run.progress(1.0, "trained")
    return model.eval()


def draws(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches of indices below `count` without end: every index once before any comes again, in a new order each time."""
    while True:
        yield from torch.split(torch.randperm(count, generator=generator), size)


def _schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    if recipe.one_cycle:
        return torch.optim.lr_scheduler.OneCycleLR(
            optimiser, recipe.learning_rate, total_steps=max(steps, 2), cycle_momentum=False
        )
    return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)


@torch.no_grad()
def predict(model: nn.Module, examples: Examples, device: str) -> Tensor:
    """Logits float32 (N, C) on the CPU, in the examples' order; the model's mode is given back."""
    was_training = model.training
    model.eval()
    try:
        return torch.cat([model(x.to(device)).float().cpu() for x, _ in examples.batches(EVALUATION_BATCH)])
    finally:
        model.train(was_training)


def share_right(model: nn.Module, *sets: Examples, device: str) -> list[float]:
    """Accuracy on each set, in [0, 1]; NaN where it is empty. For what a method records, not for what a run reports."""
    return [float(right(predict(model, s, device), s.labels.cpu()).mean()) if len(s) else nan for s in sets]
