"""A small vision transformer for small images: 64 patches, six blocks (Dosovitskiy et al., arXiv:2010.11929, without a class token)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.descriptions import DatasetInfo, ModelInfo
from core.models.layers import TokenMean
from core.models.normalise import Normalise

INFO = ModelInfo(
    "vit_small", "Small ViT", "Six attention blocks of width 192 on 4-pixel patches at 32 pixels; about 2.7 million weights."
)
WIDTH, HEADS, DEPTH, ACROSS = 192, 3, 6, 8  # ACROSS: patches along the short side, about


class Patches(nn.Module):
    """Pixels (B, C, H, W) -> tokens (B, T, D), each with its place added."""

    def __init__(self, data: DatasetInfo) -> None:
        super().__init__()
        size = max(1, min(data.height, data.width) // ACROSS)
        self.embed = nn.Conv2d(data.channels, WIDTH, size, size)
        self.place = nn.Parameter(torch.randn(1, (data.height // size) * (data.width // size), WIDTH) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """x: float32 (B, C, H, W), normalised."""
        tokens: Tensor = self.embed(x).flatten(2).mT
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
        heads = self.attend(self.norm1(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)  # (3, B, heads, T, d)
        mixed = F.scaled_dot_product_attention(heads[0], heads[1], heads[2]).transpose(1, 2).flatten(2)
        x = x + self.merge(mixed)
        thought: Tensor = self.narrow(F.gelu(self.widen(self.norm2(x))))
        return x + thought


def build(data: DatasetInfo) -> nn.Module:
    """An untrained model: float32 (B, C, H, W) in [0, 1] -> logits (B, classes)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise(data.mean, data.deviation), patches=Patches(data))
    layers |= {f"block{index}": Block() for index in range(1, DEPTH + 1)}
    return nn.Sequential(
        layers | {"norm": nn.LayerNorm(WIDTH), "pool": TokenMean(), "classifier": nn.Linear(WIDTH, len(data.classes))}
    )
