"""Layers that several architectures share."""

from torch import Tensor, nn
import torch.nn.functional as F

SMALL = 64  # pixels: below, stems that shrink an image at once leave nothing to look at


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
