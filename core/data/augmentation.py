"""Random changes of training images, a whole batch at once, on bytes: mirrored, and moved by a few pixels."""

import torch
from torch import Tensor

AUGMENTS = ("none", "flip", "move", "crop")
MOVE = 8  # a crop moves by at most the image's side over this, as 4 pixels of 32


def augment(images: Tensor, how: str, generator: torch.Generator) -> Tensor:
    """images: uint8 (B, C, H, W); the same shape comes back. `flip` mirrors half of them, `move` moves all, `crop` both.

    What is moved in is 0.
    """
    if how == "none":
        return images
    if how == "move":
        return _moved(images, generator)
    mirrored = (torch.rand(len(images), generator=generator) < 0.5).to(images.device)
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    return _moved(images, generator) if how == "crop" else images


def _moved(images: Tensor, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    most = max(1, min(height, width) // MOVE)
    padded = torch.nn.functional.pad(images, (most, most, most, most))
    down, right = (torch.randint(0, 2 * most + 1, (count,), generator=generator).to(images.device) for _ in range(2))
    rows = down[:, None] + torch.arange(height, device=images.device)  # (B, H)
    columns = right[:, None] + torch.arange(width, device=images.device)  # (B, W)
    which = torch.arange(count, device=images.device)[:, None, None]
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)  # indices on both sides put C last
