"""Projected gradient descent on pixels (Madry et al., arXiv:1706.06083), towards less loss or more of it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.data.labels import loss as label_loss


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
    `on_step` hears the mean loss before each step and after the last. The model's mode is used as
    it is; its parameters get no gradient.
    """
    attacked = (x + start).clamp(0, 1)
    sign = -1.0 if minimise else 1.0
    for step in range(steps + 1):
        attacked.requires_grad_(True)
        loss = label_loss(model(attacked), y, "sum")
        if on_step is not None:
            on_step(loss.item() / len(y))
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(loss, attacked)
        moved = attacked.detach() + sign * step_size * gradient.sign()
        attacked = torch.minimum(torch.maximum(moved, x - radius), x + radius).clamp(0, 1)
    return attacked.detach()
