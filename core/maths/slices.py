"""Slices of convolution kernels, (output channel, input channel): how image and noise push them, and which to reset."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from core.data.examples import Examples
from core.maths.gradients import summed_gradient


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Weight's name -> layer, for every convolution larger than 1x1, in the model's order."""
    found = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    return {f"{name}.weight": layer for name, layer in found.items() if max(layer.kernel_size) > 1}


def difference(
    model: nn.Module, forget: Examples, noise: Tensor, *, batch_size: int, train_mode: bool
) -> dict[str, Tensor]:
    """Weight's name -> d (out, in): |mean over the kernel of (gradient on the images - gradient on the noise alone)|.

    noise: (k, C, H, W), each under its image's label. Each gradient is a sum over batches of the batch-mean
    cross-entropy's, taken on a copy whose BatchNorm uses the batch's statistics (`train_mode`) or the stored ones.
    """
    sums, alone = [], len(forget) == 1
    of_noise = zip(torch.split(noise, batch_size), torch.split(forget.labels, batch_size), strict=True)
    for batches in (forget.batches(batch_size), of_noise):
        usable = (batch for batch in batches if len(batch[1]) > 1 or not train_mode or alone)
        copy = deepcopy(model).train(train_mode and not alone)  # BatchNorm cannot normalise a single example
        sums.append(summed_gradient(copy, usable, "mean"))
    return {name: (sums[0][name] - sums[1][name]).mean((2, 3)).abs() for name in convolutions(model)}


def choose(scores: Tensor, share: float, rule: str, generator: torch.Generator) -> Tensor:
    """bool, shaped like `scores`: floor(share x size) entries, by `rule`: smallest (aru), largest, or random ones."""
    size = scores.numel()
    count = int(share * size + 1e-9)  # 0.3 x 10 is 2.9999... in binary
    order = scores.flatten().argsort(descending=rule == "largest", stable=True)  # dead units tie at 0
    if rule == "random":
        order = torch.randperm(size, generator=generator).to(scores.device)
    mask = torch.zeros(size, dtype=torch.bool, device=scores.device)
    mask[order[:count]] = True
    return mask.view_as(scores)
