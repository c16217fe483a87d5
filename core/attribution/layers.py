"""The layers that Grad-CAM can stand on: those whose output is a grid of channels."""

import torch
from torch import Tensor, nn

FEWEST = 4  # cells across: of a coarser grid nothing but a corner can be told
FIXED = ("normalise",)  # first layers that nothing was learned in


def grids(model: nn.Module, shape: tuple[int, int, int]) -> dict[str, tuple[int, int]]:
    """Top-level layer -> height and width of its output, input to output, where that is (B, C, h, w) with 2 cells or more a side.

    shape: of one image, (C, H, W). Empty for a network that is no chain of such layers.
    """
    if not isinstance(model, nn.Sequential):
        return {}
    found: dict[str, tuple[int, int]] = {}
    x: Tensor = torch.zeros(1, *shape)
    with torch.no_grad():
        for name, layer in model.named_children():
            x = layer(x)
            if x.ndim == 4 and min(x.shape[2:]) > 1 and name not in FIXED and not isinstance(layer, nn.Identity):
                found[name] = (x.shape[2], x.shape[3])
    return found


def preset(found: dict[str, tuple[int, int]]) -> str:
    """The deepest layer that still tells places apart; the deepest of all where none does."""
    fine = [name for name, grid in found.items() if min(grid) >= FEWEST]
    return (fine or list(found))[-1]
