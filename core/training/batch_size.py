"""Runs a model on many examples in the largest chunks that fit into memory: measured once a model; out of memory halves the chunk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from core.storage.disk_and_memory_errors import out_of_memory

T = TypeVar("T")
ROOM = 256 * 2**20  # bytes of outputs at once on a CPU; a GPU gives a quarter of what is free
MOST_ON_CPU, MOST_ON_GPU = 512, 16_384  # examples; more buys nothing
MOST_WITH_GRADIENTS = 128  # on a CPU: what no longer fits into its caches is half as slow again
ALIVE = 3  # outputs of the largest size that a forward pass holds at once, about


@dataclass
class Chunk:
    """`size`: examples in one pass; it is halved for good when they did not fit."""

    size: int

    def through(self, count: int, work: Callable[[slice], T]) -> Iterator[T]:
        """Yields `work(part)` for consecutive slices of range(count). Raises what `work` raises at a size of 1."""
        start = 0
        while start < count:
            part = slice(start, min(start + self.size, count))
            try:
                done = work(part)
            except (RuntimeError, MemoryError, OSError) as error:
                if self.size == 1 or not out_of_memory(error):
                    raise
                self.size = max(1, min(self.size, count) // 2)
                continue  # outside of `except`, whose traceback would hold the memory
            yield done
            start = part.stop


_CHUNKS: dict[tuple[object, ...], Chunk] = {}  # by network and image shape


def forward_chunk(model: nn.Module, x: Tensor, *, gradients: bool = False) -> Chunk:
    """The chunk for forward passes over examples like x (1, C, H, W), on the model's device; `gradients`: with a backward pass.

    The first time, one example is run to measure the layers' outputs: a backward pass holds all of them at once.
    """
    shapes = tuple((name, tuple(p.shape)) for name, p in model.named_parameters())
    key = (x.device.type, tuple(x.shape[1:]), shapes, gradients)
    if key not in _CHUNKS:
        on_gpu = x.device.type == "cuda"
        room = torch.cuda.mem_get_info(x.device)[0] // 4 if on_gpu else ROOM
        sizes = _outputs(model, x)
        fits = room // max(1, 2 * sum(sizes) if gradients else ALIVE * max(sizes))  # twice: each output and its gradient
        most = MOST_ON_GPU if on_gpu else MOST_WITH_GRADIENTS if gradients else MOST_ON_CPU
        _CHUNKS[key] = Chunk(max(1, min(fits, most)))
    return _CHUNKS[key]


@torch.no_grad()
def _outputs(model: nn.Module, x: Tensor) -> list[int]:
    """Bytes of x and of every layer's output for it."""
    sizes = [x.nbytes]

    def note(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.nbytes)

    hooks = [module.register_forward_hook(note) for module in model.modules()]
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return sizes
