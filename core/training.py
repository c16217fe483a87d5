"""Fit a model, and ask a model: the only two loops over data that are not a method's own."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.context import RunContext
from core.data.examples import Examples
from core.domain import Recipe

EVALUATION_BATCH = 512


class Diverged(ArithmeticError):
    """The loss stopped being a number."""


def fit(model: nn.Module, examples: Examples, recipe: Recipe, run: RunContext) -> nn.Module:
    """Train in place and return the model, in eval mode.

    SGD with Nesterov momentum; one-cycle learning rate (L. Smith, arXiv:1708.07120) or a constant one. Batches are drawn from
    `run.generator` alone. Raises Diverged at the first loss that is not finite, or where the last step left such weights.
    """
    data = examples.to(run.device)
    steps = recipe.epochs * -(-len(data) // recipe.batch_size)
    optimiser = torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
    )
    schedule = _schedule(optimiser, recipe, steps)
    step = 0
    for epoch in range(recipe.epochs):
        model.train()
        for x, y in data.batches(recipe.batch_size, run.generator):
            if len(y) == 1 < len(data):  # BatchNorm cannot normalise one example by itself; the last batch may be that
                continue
            optimiser.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(x), y)
            if not loss.isfinite():
                raise Diverged(
                    f"The loss became {loss.item()} at step {step + 1} of {steps}; a lower learning rate may help."
                )
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            optimiser.step()
            schedule.step()
            step += 1
            run.progress(step / steps, f"epoch {epoch + 1} of {recipe.epochs}")
    if not all(theta.isfinite().all() for theta in model.parameters()):  # the last step has no loss after it
        raise Diverged(f"Weights became infinite or NaN at step {step} of {steps}; a lower learning rate may help.")
    optimiser.zero_grad(set_to_none=True)  # a model that is handed on carries no gradients
    run.progress(1.0, "trained")
    return model.eval()


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
