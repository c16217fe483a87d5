"""One gradient per example, for any part of a model, as rows of a matrix."""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.models.inspection import outside
from core.storage.disk_and_memory_errors import out_of_memory

CHUNK_BYTES = 64 * 2**20  # of gradients held at once
ACTIVATION_BYTES = 512 * 2**20  # of what the backward pass needs, held at once
MOST = 256  # examples in a chunk


def call_with(model: nn.Module, state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The model's output with the tensors of `state` in place of its parameters and buffers of these names.

    `torch.func.functional_call` puts tensors in once for each name of a module, and so leaves them in a module that has two:
    here each place is filled once, however many names lead to it or to its parameter.
    """
    replaced = {t: state[name] for name, t in (*model.named_parameters(), *model.named_buffers()) if name in state}
    places = {
        name: replaced[t]
        for path, module in model.named_modules()
        for listed in (module.named_parameters, module.named_buffers)
        for name, t in listed(prefix=path, recurse=False, remove_duplicate=False)
        if t in replaced
    }
    return cast(Tensor, torch.func.functional_call(model, places, (x,), tie_weights=False))


def per_sample_gradients(
    model: nn.Module, names: Sequence[str], x: Tensor, y: Tensor,
    loss_of: Callable[[Tensor, Tensor], Tensor] = label_loss,
) -> dict[str, Tensor]:  # fmt: skip
    """Name -> (B, *shape): the gradient of each example's loss by the named parameters, in the model's current mode.

    x: (B, C, H, W) in [0, 1]; y: labels (B,) or (B, A). By torch.func, so batch normalisation must be in eval mode; of a network from
    outside that it cannot take, example by example.
    """
    state = {name: tensor.detach() for name, tensor in (*model.named_parameters(), *model.named_buffers())}
    chosen = {name: state[name] for name in names}

    def loss(chosen: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return loss_of(call_with(model, {**state, **chosen}, x[None]), y[None])

    with sdpa_kernel(SDPBackend.MATH):  # vmap knows no other attention kernel and would loop over the examples
        try:
            return dict(torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(chosen, x, y))
        except RuntimeError as error:
            if outside(model) is None or out_of_memory(error):
                raise
    return _one_by_one(model, names, x, y, loss_of)


def _one_by_one(
    model: nn.Module, names: Sequence[str], x: Tensor, y: Tensor, loss_of: Callable[[Tensor, Tensor], Tensor]
) -> dict[str, Tensor]:  # fmt: skip
    """The same by a backward pass for each example: networks that branch on values, or have operations without a rule for batches."""
    state = {name: tensor.detach() for name, tensor in (*model.named_parameters(), *model.named_buffers())}
    chosen = {name: state[name].clone().requires_grad_() for name in names}
    rows: list[tuple[Tensor, ...]] = []
    for one, label in zip(torch.split(x, 1), torch.split(y, 1), strict=True):
        with torch.enable_grad():
            loss = loss_of(call_with(model, {**state, **chosen}, one), label)
        rows.append(torch.autograd.grad(loss, list(chosen.values()), allow_unused=True, materialize_grads=True))
    return {name: torch.stack(each) for name, each in zip(chosen, zip(*rows, strict=True), strict=True)}


def gradient_rows(model: nn.Module, names: Sequence[str], examples: Examples, device: str) -> Iterator[Tensor]:
    """Rows (b, d) of the matrix of per-sample gradients, flattened in the order of `names`, chunk by chunk."""
    data, sizes = examples.to(device), {name: p.numel() for name, p in model.named_parameters()}
    width = sum(sizes[name] for name in names)
    owners = {name.rpartition(".")[0] for name in names}
    layer = model.get_submodule(owners.pop()) if len(owners) == 1 else None
    if type(layer) is nn.Linear and _rows_of_linear(model, layer, names, *next(data.first(1).batches(1))) is not None:
        for x, y in data.batches(max(1, min(MOST, CHUNK_BYTES // (4 * width)))):
            rows = _rows_of_linear(model, layer, names, x, y)
            yield cast(Tensor, rows)  # with one example it was
        return
    held = min(CHUNK_BYTES // (4 * width), ACTIVATION_BYTES // _saved_bytes(model, names, data.first(1).pixels()))
    for x, y in data.batches(max(1, min(MOST, held))):
        gradients = per_sample_gradients(model, names, x, y)
        yield torch.cat([gradients[name].flatten(1) for name in names], 1)


def _rows_of_linear(model: nn.Module, layer: nn.Linear, names: Sequence[str], x: Tensor, y: Tensor) -> Tensor | None:
    """A linear layer's rows (b, d): the gradient at its output times its input, so that nothing below it is differentiated.

    None where the layer is not called once with one row for each example.
    """
    state = {name: t.detach() for name, t in (*model.named_parameters(), *model.named_buffers())}
    calls: list[tuple[Tensor, Tensor]] = []

    def cut(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        calls.append((args[0], output.requires_grad_()))
        return output

    hook = layer.register_forward_hook(cut)
    try:
        with torch.enable_grad():
            loss = label_loss(call_with(model, state, x), y, "sum")
    finally:
        hook.remove()
    if len(calls) != 1 or calls[0][0].ndim != 2 or len(calls[0][0]) != len(x):
        return None
    a, output = calls[0]
    (delta,) = torch.autograd.grad(loss, output)
    parts = {"weight": (delta[:, :, None] * a[:, None, :]).flatten(1), "bias": delta}
    return torch.cat([parts[name.rpartition(".")[2]] for name in names], 1)


def _saved_bytes(model: nn.Module, names: Sequence[str], x: Tensor) -> int:
    """What one example's forward pass, x (1, C, H, W), keeps for the gradient by the named parameters; at least 1."""
    state = {name: t.detach() for name, t in (*model.named_parameters(), *model.named_buffers())}
    own = {t.untyped_storage().data_ptr() for t in state.values()}
    state |= {name: state[name].clone().requires_grad_() for name in names}
    own |= {state[name].untyped_storage().data_ptr() for name in names}
    saved: dict[int, int] = {}

    def keep(t: Tensor) -> Tensor:
        saved[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.enable_grad(), saved_tensors_hooks(keep, lambda t: t):
        logits = call_with(model, state, x)  # holds what was saved, so no address comes twice
    return max(1, logits.nbytes + sum(size for pointer, size in saved.items() if pointer not in own))


def summed_gradient(model: nn.Module, batches: Iterator[tuple[Tensor, Tensor]], reduction: str = "sum") -> dict[str, Tensor]:
    """Name -> sum over batches of each batch's gradient of the labels' loss (`sum` or `mean` within it), in the model's mode."""
    named = dict(model.named_parameters())
    total = {name: torch.zeros_like(p) for name, p in named.items()}
    for x, y in batches:
        loss = label_loss(model(x), y, reduction)
        for name, gradient in zip(named, torch.autograd.grad(loss, list(named.values())), strict=True):
            total[name] += gradient
    return total
