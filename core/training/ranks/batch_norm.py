"""Batch normalisation by the moments of the whole batch, of which this process has a part of the rows: forward and backward.

Every call of `F.batch_norm` in training counts, whatever layer makes it. PyTorch's SyncBatchNorm does the same on GPUs alone.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

Sum = Callable[[Tensor], Tensor]  # over ranks, in place


class WholeBatch(TorchFunctionMode):
    """Within it, and in backward passes of what was computed within, batches are normalised as one. sum: over ranks, in place."""

    def __init__(self, total: Sum) -> None:
        super().__init__()
        self._sum = total

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Puts `normalised` in the place of F.batch_norm where that is of the batch."""
        if func is F.batch_norm:
            return _batch_norm(self._sum, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _batch_norm(
    total: Sum, input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,  # torch's
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """As F.batch_norm, by the moments of all ranks' rows; running statistics learn those, with the variance's n - 1."""
    if not training:
        return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    mean, variance, count = moments(input, total)
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((variance * (count / (count - 1))).to(running_var.dtype), momentum)
    exact = _exact(input)
    scale, shift = torch.rsqrt(variance + eps).to(exact), mean.to(exact)
    out: Tensor = _Normalised.apply(input, weight, bias, shift, scale, count, total)
    return out


@torch.no_grad()
def moments(x: Tensor, total: Sum) -> tuple[Tensor, Tensor, Tensor]:
    """x: (B, C, ...), this rank's rows. Mean and variance of each channel over all ranks' rows, (C,), and how many values, (); float64.

    Each rank tells its count, sums and sums of squares, in one go: of the two sums float64 loses nothing that float32 has.
    """
    axes = [0, *range(2, x.ndim)]
    count = x.numel() / x.shape[1]
    variance, mean = (moment.double() for moment in torch.var_mean(x.to(_exact(x)), axes, correction=0))
    told = total(torch.cat([mean * count, (variance + mean.square()) * count, mean.new_tensor([count])]))
    whole, channels = told[-1], x.shape[1]
    center = told[:channels] / whole
    return center, (told[channels:-1] / whole - center.square()).clamp(min=0), whole


class _Normalised(torch.autograd.Function):
    """(x - mean) * scale * weight + bias, whose mean and scale depend on the rows of all ranks; it keeps x alone, as PyTorch's own does."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, scale: Tensor, count: Tensor, total: Sum
    ) -> Tensor:
        """Of the shape and type of x."""
        ctx.save_for_backward(x, weight, mean, scale, count)
        ctx.total, ctx.has_bias = total, bias is not None
        out = (x.to(scale.dtype) - _wide(mean, x)) * _wide(_times(scale, weight), x)
        return (out if bias is None else out + _wide(bias, x)).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Of the loss of all ranks: by this rank's rows, and its part of that by weight and bias, which is summed with all gradients."""
        x, weight, mean, scale, count = ctx.saved_tensors
        gradient, axes = gradients[0].to(scale.dtype), [0, *range(2, x.ndim)]
        normal = (x.to(scale.dtype) - _wide(mean, x)) * _wide(scale, x)
        by_bias, by_weight = gradient.sum(axes), (gradient * normal).sum(axes)
        plain, along = (ctx.total(torch.cat([by_bias, by_weight])) / count).chunk(2)
        by_x = (gradient - _wide(plain, x) - normal * _wide(along, x)) * _wide(_times(scale, weight), x)
        own = None if weight is None else by_weight.to(weight.dtype)
        return by_x.to(x.dtype), own, by_bias.to(scale.dtype) if ctx.has_bias else None, None, None, None, None


def _times(scale: Tensor, weight: Tensor | None) -> Tensor:
    return scale if weight is None else scale * weight


def _exact(x: Tensor) -> torch.dtype:
    """In which x is normalised."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _wide(values: Tensor, x: Tensor) -> Tensor:
    """(C,) so that it meets the channels of x (B, C, ...)."""
    return values.view(1, -1, *[1] * (x.ndim - 2))
