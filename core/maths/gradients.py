"""One gradient per example, for any part of a model, as rows of a matrix."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from core.data.examples import Examples
from core.data.labels import loss as label_loss

CHUNK_BYTES = 64 * 2**20  # of gradients held at once


def per_sample_gradients(
    model: nn.Module, names: Sequence[str], x: Tensor, y: Tensor,
    loss_of: Callable[[Tensor, Tensor], Tensor] = label_loss,
) -> dict[str, Tensor]:  # fmt: skip
    """Name -> (B, *shape): the gradient of each example's loss by the named parameters; the model as it stands.

    x: (B, C, H, W) in [0, 1]; y: labels (B,) or (B, A). By torch.func, so batch normalisation must be in eval mode.
    """
    state = {name: tensor.detach() for name, tensor in (*model.named_parameters(), *model.named_buffers())}
    chosen = {name: state[name] for name in names}

    def loss(chosen: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        logits = torch.func.functional_call(model, {**state, **chosen}, (x[None],))
        return loss_of(logits, y[None])

    with sdpa_kernel(SDPBackend.MATH):  # vmap knows no other attention kernel and would loop over the examples
        return dict(torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(chosen, x, y))


def gradient_rows(model: nn.Module, names: Sequence[str], examples: Examples, device: str) -> Iterator[Tensor]:
    """Rows (b, d) of the matrix of per-sample gradients, flattened in the order of `names`, chunk by chunk."""
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    width = sum(sizes[name] for name in names)
    for x, y in examples.to(device).batches(max(1, min(256, CHUNK_BYTES // (4 * width)))):
        gradients = per_sample_gradients(model, names, x, y)
        yield torch.cat([gradients[name].flatten(1) for name in names], 1)


def summed_gradient(model: nn.Module, batches: Iterator[tuple[Tensor, Tensor]], reduction: str = "sum") -> dict[str, Tensor]:
    """Name -> sum over batches of each batch's gradient of the labels' loss (`sum` or `mean` within it), in the model's mode."""
    named = dict(model.named_parameters())
    total = {name: torch.zeros_like(p) for name, p in named.items()}
    for x, y in batches:
        loss = label_loss(model(x), y, reduction)
        for name, gradient in zip(named, torch.autograd.grad(loss, list(named.values())), strict=True):
            total[name] += gradient
    return total
