"""Which images an evaluation looks at: all, or of a costly network a fixed draw of the training images; and what one costs."""

from typing import cast

import torch
from torch import Tensor, nn

from core.data.splits import Splits
from core.metrics.base import NotApplicable, drawn, rows_of

OPERATIONS = 5e11  # that predicting the retain set may take, and the forget set: some 5 seconds of two CPU cores
FEWEST = 1000  # images of either, whatever they cost: a share of them is known to 1.6 points (one standard error)


@torch.no_grad()
def operations_per_image(model: nn.Module, x: Tensor) -> int:
    """Floating-point operations of the layers with weights in a forward pass of one image x (1, C, H, W): twice the products."""
    total = 0

    def count(module: nn.Module, _: object, output: object) -> None:
        nonlocal total
        if isinstance(output, Tensor):
            weight = cast(Tensor, module.weight)
            total += 2 * weight.numel() * output.numel() // weight.shape[0]

    layers = [m for m in model.modules() if isinstance(w := getattr(m, "weight", None), Tensor) and w.ndim > 1]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def images_at_most(operations: int) -> int:
    """Of the forget set, and of the retain set: as many as `OPERATIONS` allow, and at least `FEWEST`. operations: of one image."""
    return max(FEWEST, int(OPERATIONS / max(1, operations)))


def evaluated_rows(splits: Splits, operations: int | None) -> Tensor | None:
    """Rows of the training set that are evaluated, int64 (n,), rising: `images_at_most` of the forget set and of the retain set, or both
    whole where no operations are given. None where that is all; what is held out is never among them.
    """
    most = len(splits.train) if operations is None else images_at_most(operations)
    chosen = []
    for name in ("forget", "retain"):
        try:
            chosen.append(drawn(rows_of(name, splits), most))
        except NotApplicable:
            continue
    rows = torch.cat(chosen).sort().values
    return None if len(rows) == len(splits.train) else rows
