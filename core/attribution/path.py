"""Integrated Gradients with their steps where the way from the empty image to this one bends.

Networks of ReLUs answer in straight pieces, and even steps spend most of themselves where nothing happens. By the trapezoid rule
every step yields the logit too, so that the miss of each piece is known without a pass more: its slopes' sum against its logits'
rise. The worst pieces are halved, and every gradient that was taken stays in use. On barely trained ResNet-18s, 96 such steps miss
0.9 % of the difference where as many even ones, by Gauss and Legendre, miss 1.2, and 48 miss 2 % where those miss 5 (medians).
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from core.attribution.explanation import Explanation

COARSE = 16  # pieces of the way at first
AT_ONCE = 2**16  # pixels in one pass


def chunk(x: Tensor) -> int:
    """How many images like those of x, (B, C, H, W), go into one pass."""
    return max(1, AT_ONCE // x[0, 0].numel())


def more(steps: int) -> int:
    """How many steps the next map has."""
    return steps + max(1, (steps - 1) // 3)


def improving(model: nn.Module, x: Tensor, target: Tensor, start: Tensor) -> Iterator[Explanation]:
    """One image's map again and again, each with about a third more steps than the one before; it never ends.

    model: in eval mode. x, start: float32 (1, C, H, W), the image and the empty one. target: int64 (1,), a class or attribute.
    """
    at = torch.linspace(0, 1, COARSE + 1, dtype=torch.float64, device=x.device)
    logits, gradients = _looked(model, x, target, start, at)
    while True:
        slopes = (gradients * (x - start)).flatten(1).sum(1, dtype=torch.float64)
        widths = at.diff()
        missed = widths * (slopes[:-1] + slopes[1:]) / 2 - logits.diff()
        weights = torch.cat([widths, widths.new_zeros(1)]) + torch.cat([widths.new_zeros(1), widths])
        found = (x - start) * torch.einsum("n,nchw->chw", (weights / 2).float(), gradients)
        yield Explanation(found, (logits[-1:] - logits[:1]).float(), missed.sum(0, keepdim=True).abs().float(), len(at))
        worst = missed.abs().topk(more(len(at)) - len(at)).indices
        added = at[worst] + widths[worst] / 2
        more_logits, more_gradients = _looked(model, x, target, start, added)
        at, order = torch.cat([at, added]).sort()
        logits, gradients = torch.cat([logits, more_logits])[order], torch.cat([gradients, more_gradients])[order]


def _looked(model: nn.Module, x: Tensor, target: Tensor, start: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """The target's logits, float64 (n,), and their gradients by the pixels, float32 (n, C, H, W); at: shares of the way, (n,)."""
    logits, gradients = [], list[Tensor]()
    for places in torch.split(at.float(), chunk(x)):
        with torch.enable_grad():
            points = (start + places[:, None, None, None] * (x - start)).requires_grad_()
            answers = model(points)[:, int(target)]
            gradients += torch.autograd.grad(answers.sum(), points)
        logits.append(answers.detach().double())
    return torch.cat(logits), torch.cat(gradients)
