"""Layers that several architectures share."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

SMALL = 64  # pixels: below, stems that shrink an image at once leave too few places


class GlobalMean(nn.Module):
    """(B, C, H, W) -> (B, C): the mean over all places. Its gradient is deterministic, unlike adaptive pooling's on CUDA."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W)."""
        return x.mean((2, 3))


class TokenMean(nn.Module):
    """(B, T, D) -> (B, D): the mean over all tokens."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, D)."""
        return x.mean(1)


class ToSquare(nn.Module):
    """Images of any size -> squares of `side` pixels, bilinear; (B, C, side, side)."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W)."""
        if x.shape[2:] == (self.side, self.side):
            return x
        return F.interpolate(x, size=(self.side, self.side), mode="bilinear", align_corners=False)


def attended(projected: Tensor, heads: int) -> Tensor:
    """Multi-head attention: concatenated queries, keys and values (B, T, 3 D) -> each token's weighted sum of values, (B, T, D)."""
    each = torch.unflatten(projected, 2, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, heads, T, d)
    return F.scaled_dot_product_attention(each[0], each[1], each[2]).transpose(1, 2).flatten(2)


class Normalise(nn.Module):
    """x -> (x - mean) / deviation per channel; buffers, not parameters: nothing here is learned or forgotten."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x: float32 (B, C, H, W) in [0, 1]; the same shape comes back."""
        return (x - self.mean) / self.deviation


def from_normalised(model: nn.Module, z: Tensor) -> Tensor:
    """Pixels that the model's first layer turns into z (B, C, H, W); not held to [0, 1]. For noise in normalised space."""
    layer = next((module for module in model.modules() if isinstance(module, Normalise)), None)
    return z if layer is None else z * layer.deviation + layer.mean
