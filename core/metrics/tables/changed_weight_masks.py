"""Masks of the weights that a method changed most, small enough to store for every run."""

from collections.abc import Mapping
from math import ceil

import torch
from torch import Tensor


def changed_masks(weights: Mapping[str, Tensor], origin: Mapping[str, Tensor], most: float = 0.1) -> dict[str, Tensor]:
    """Parameter name -> bool mask of the weights that moved: all that changed, or the share `most` that moved farthest."""
    moved = {name: (weights[name].double() - theta.double()).abs() for name, theta in origin.items()}
    flat = torch.cat([m.flatten() for m in moved.values()])
    room = ceil(most * len(flat))
    if int((flat > 0).sum()) <= room:
        return {name: m > 0 for name, m in moved.items()}
    chosen = torch.zeros(len(flat), dtype=torch.bool)
    chosen[flat.topk(room).indices] = True
    masks, start = {}, 0
    for name, m in moved.items():
        masks[name] = chosen[start : start + m.numel()].view_as(m)
        start += m.numel()
    return masks


def packed(masks: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each mask flattened, eight to a byte, the first in the highest bit (as numpy.packbits); uint8."""
    powers = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8)
    packed_masks = {}
    for name, mask in masks.items():
        bits = torch.nn.functional.pad(mask.flatten().to(torch.uint8), (0, -mask.numel() % 8)).view(-1, 8)
        packed_masks[name] = (bits * powers).sum(1, dtype=torch.uint8)
    return packed_masks
