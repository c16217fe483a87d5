"""A small vision transformer for small images: about 64 patches, six blocks (Dosovitskiy et al., arXiv:2010.11929).

Departs from it: the classifier reads the mean of all tokens, not a class token.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.domain.info import DatasetInfo, ModelInfo
from core.models.layers import Normalise, TokenMean, attended

INFO = ModelInfo(
    "vit_small", "Small ViT", "Six attention blocks of width 192 on 4-pixel patches at 32 pixels; about 2.7 million weights."
)
WIDTH, HEADS, DEPTH, ACROSS = 192, 3, 6, 8  # ACROSS: patches along the short side, about
SMALLEST = 2  # pixels across a patch: of one pixel alone there is nothing to see


class Patches(nn.Module):
    """Pixels (B, C, H, W) -> tokens (B, T, D), each with its place added; patches at the edge are filled with the mean."""

    def __init__(self, data: DatasetInfo) -> None:
        super().__init__()
        size = max(SMALLEST, round(min(data.height, data.width) / ACROSS))
        self.missing = (-data.width % size, -data.height % size)  # pixels to the next whole patch: right, below
        self.embed = nn.Conv2d(data.channels, WIDTH, size, size)
        self.place = nn.Parameter(torch.randn(1, -(-data.height // size) * -(-data.width // size), WIDTH) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """x: float32 (B, C, H, W), normalised, so that 0 is the mean."""
        right, below = self.missing
        tokens: Tensor = self.embed(F.pad(x, (0, right, 0, below)) if right or below else x).flatten(2).mT
        return tokens + self.place


class Block(nn.Module):
    """Attention, then a two-layer network, each on normalised tokens and added to what came in; (B, T, D)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attend, self.merge = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """x: tokens (B, T, D)."""
        x = x + self.merge(attended(self.attend(self.norm1(x)), HEADS))
        hidden: Tensor = self.narrow(F.gelu(self.widen(self.norm2(x))))
        return x + hidden


def build(data: DatasetInfo) -> nn.Module:
    """An untrained model: float32 (B, C, H, W) in [0, 1] -> logits (B, classes)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise(data.mean, data.deviation), patches=Patches(data))
    layers |= {f"block{index}": Block() for index in range(1, DEPTH + 1)}
    return nn.Sequential(
        layers | {"norm": nn.LayerNorm(WIDTH), "pool": TokenMean(), "classifier": nn.Linear(WIDTH, len(data.classes))}
    )
