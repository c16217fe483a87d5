"""The loops over data that everything shares: optimiser steps, training, prediction and accuracy."""

from collections.abc import Callable, Iterable, Iterator
from math import isfinite, nan
from typing import TypeVar

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.label_kinds import right
from core.domain.run import Recipe
from core.training.batch_size import forward_chunk
from core.training.context import RunContext
from core.training.early_stop import Validation
from core.training.ranks.group import ALONE, Ranks
from core.training.training_state import Training

T = TypeVar("T")


class Diverged(ArithmeticError):
    """The loss stopped being a number."""


def descend(
    optimiser: torch.optim.Optimizer, items: Iterable[T], loss_of: Callable[[T], Tensor], run: RunContext,
    *, steps: int, note: str, clip: float | None = None, after: Callable[[int, float], None] | None = None,
) -> None:  # fmt: skip
    """One step of the optimiser for each item, on the loss that `loss_of(item)` builds; gradients are cleared afterwards.

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
    *, nesterov: bool = True, labels: Callable[[], Tensor] | None = None,
    after_step: Callable[[], None] = lambda: None, after_epoch: Callable[[int], None] = lambda epoch: None,
    noted: Callable[..., None] | None = None, resume: Callable[[Training], int] = lambda _: 0,
    ended: Callable[[Training], None] = lambda _: None, validation: Validation | None = None, ranks: Ranks = ALONE,
) -> nn.Module:  # fmt: skip
    """Train in place and return the model, in eval mode.

    SGD with Nesterov momentum, or with plain momentum where `nesterov` is off, or AdamW (arXiv:1711.05101); one-cycle learning
    rate (L. Smith, arXiv:1708.07120) or a constant one. Batches and their changes are drawn from `run.generator` alone. The forward
    pass runs in the recipe's precision: on a GPU bfloat16, unless it says otherwise. `labels` gives the examples other labels, (N,), before
    each epoch.
    `after_step` is called after each step, `after_epoch` with each epoch's number, from 1; `noted` after each epoch with the mean loss
    (nats) and the accuracy (share) on its images, each as the network was when it was trained on it, and then with those of `validation`,
    which may also end training before its last epoch. `resume` is asked, before the first epoch, how many of them are done already, and
    sets all that decides how training goes on; `ended` is told of that after each. `ranks`: processes that train the same network together,
    each with all of the examples, of every batch its own rows.
    Raises Diverged at the first loss that is not finite, or where the last step left such weights.
    """
    data = examples.to(run.device)
    per_epoch = -(-len(data) // recipe.batch_size)
    steps = recipe.epochs * per_epoch
    on_gpu = run.device.startswith("cuda")
    half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and on_gpu)
    model.to(memory_format=torch.channels_last)  # 1.3 to 2 times as many images a second, on CPUs too
    optimiser = _optimiser(model, recipe, nesterov, on_gpu)
    ranks.joins(optimiser)
    schedule = _schedule(optimiser, recipe, steps)
    training = Training(model, optimiser, schedule, run.generator, validation)
    seen = None if noted is None else Seen(run.device)

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        with torch.autocast("cuda" if on_gpu else "cpu", torch.bfloat16, enabled=half), ranks.forward():
            logits = model(batch[0].contiguous(memory_format=torch.channels_last))
        value = label_loss(logits.float(), batch[1])
        if seen is not None:
            seen.add(value, logits, batch[1], ranks.counted)
        return ranks.weighted(value)

    def stepped() -> None:
        schedule.step()
        after_step()

    for epoch in range(resume(training) + 1, recipe.epochs + 1):
        if validation is not None and validation.over:
            break
        data = data if labels is None else data.relabelled(labels().to(run.device))
        # BatchNorm cannot normalise one example by itself: a set of one is learned by its statistics as they are, a last batch left out.
        model.train(len(data) > 1)
        batches = (b for b in data.batches(recipe.batch_size, run.generator, recipe.augment) if len(b[1]) > 1 or len(data) == 1)
        part = run.part((epoch - 1) / recipe.epochs, epoch / recipe.epochs)
        descend(
            optimiser, ranks.share(batches), loss, part,
            steps=per_epoch, note=f"epoch {epoch} of {recipe.epochs}", after=lambda *_: stepped(),
        )  # fmt: skip
        for name, statistic in model.named_buffers():  # BatchNorm hides an overflow from the loss while it trains
            if not statistic.isfinite().all():
                raise Diverged(f"{name} became infinite or NaN in epoch {epoch} of {recipe.epochs}; a lower learning rate may help.")
        ranks.agree(model, f"epoch {epoch}")
        after_epoch(epoch)
        held: tuple[float, ...] = ()
        if validation is not None:
            held = validation.note(model, ranks.joined(lambda some: predict(model, some, run.device), validation.examples))
        if noted is not None and seen is not None:
            noted(*seen.means(ranks), *held)
        ended(training)
    if validation is not None:
        validation.settle(model)
    model.to(memory_format=torch.contiguous_format)  # as it came
    run.progress(1.0, "trained")
    return model.eval()


class Seen:
    """Mean loss and accuracy over what was trained on since they were last asked for; summed on the device, which waits for nothing."""

    def __init__(self, device: str) -> None:
        self._sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, right, images

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor, each: float = 1.0) -> None:
        """loss: the mean over a batch; logits (B, C); each: what an image counts."""
        count = len(labels)
        hits = right(logits.detach(), labels).sum()
        self._sums += torch.stack([loss.detach().double() * count, hits, torch.full_like(hits, count)]) * each

    def means(self, ranks: Ranks = ALONE) -> tuple[float, float]:
        """Loss and accuracy, of all ranks; NaN where nothing was added."""
        loss, hits, count = ranks.sum(self._sums).tolist()
        self._sums.zero_()
        return (loss / count, hits / count) if count else (nan, nan)


def draws(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches of indices below `count` without end: every index once before any comes again, in a new order each time."""
    while True:
        yield from torch.split(torch.randperm(count, generator=generator), size)


def _optimiser(model: nn.Module, recipe: Recipe, nesterov: bool, fused: bool) -> torch.optim.Optimizer:
    rates = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay, "fused": fused}
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(model.parameters(), **rates)  # type: ignore[arg-type]  # three types in one dict
    looks_ahead = nesterov and recipe.momentum > 0
    return torch.optim.SGD(model.parameters(), momentum=recipe.momentum, nesterov=looks_ahead, **rates)  # type: ignore[arg-type]  # as above


def _schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    if recipe.one_cycle:
        return torch.optim.lr_scheduler.OneCycleLR(
            optimiser, recipe.learning_rate, total_steps=max(steps, 2), cycle_momentum=False
        )
    return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)


@torch.no_grad()
def predict(model: nn.Module, examples: Examples, device: str) -> Tensor:
    """Logits float32 (N, C) on the CPU, in the examples' order; computed in eval mode, the model's own mode is restored."""
    was_training = model.training
    model.eval()

    def pixels(part: slice) -> Tensor:
        return examples.taken(part).to(device).float() / examples.peak

    def ask(part: slice) -> Tensor:
        return torch.as_tensor(model(pixels(part).contiguous(memory_format=torch.channels_last)).float().cpu())

    try:
        one, count = pixels(slice(1)), len(examples)
        return torch.cat(list(forward_chunk(model, one).through(count, ask)))
    finally:
        model.train(was_training)


def share_right(model: nn.Module, *sets: Examples, device: str) -> list[float]:
    """Accuracy on each set, in [0, 1]; NaN where it is empty. For what a method records, not for what a run reports."""
    return [float(right(predict(model, s, device), s.labels.cpu()).mean()) if len(s) else nan for s in sets]
