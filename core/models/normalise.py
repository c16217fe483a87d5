"""Normalisation as a model's first layer, so that inputs everywhere are pixels in [0, 1]."""

import torch
from torch import Tensor, nn


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
