"""Records a forward pass layer by layer, and sums each layer's squared per-sample gradients in closed form."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge
import torch.nn.functional as F

Sums = dict[str, Tensor]  # "weight", "bias" (trainable ones only) -> the running sum, shaped like the parameter
Form = Callable[[nn.Module, Tensor, Tensor, Sums, int], None]

SAMPLES_AT_ONCE = 4  # a batched product over fewer samples pays more per call; over more, fewer rows fit the cache


@dataclass
class Call:
    """One call of a layer: its input, the input's version then, and where its output stood in the graph."""

    a: Tensor
    version: int
    edge: GradientEdge
    shapes: tuple[torch.Size, torch.Size]  # of input and output


@dataclass
class Layer:
    """A layer with a closed form, and its call in the last forward pass."""

    module: nn.Module
    form: Form
    params: dict[str, nn.Parameter]  # "weight", "bias", the trainable ones only
    sample_shapes: tuple[torch.Size, torch.Size] | None = None  # of input and output, without the batch
    clones: bool = False
    call: Call | None = None

    def take_plain_call(self, samples: int, uses: Counter[Tensor]) -> Call | None:
        """The last call, if it is all that the layer's parameters do and it had one row per sample."""
        call, self.call = self.call, None
        if call is None or self.sample_shapes is None:
            return None
        rows = torch.Size([samples])
        by_sample = call.shapes == (rows + self.sample_shapes[0], rows + self.sample_shapes[1])
        return call if by_sample and all(uses[p] == 1 for p in self.params.values()) else None


class Recorder:
    """Notes the calls of every layer that has a closed form and something to learn."""

    def __init__(self, model: nn.Module) -> None:
        """Touches nothing: hooks live only while a forward pass runs."""
        self._model = model
        self._layers: dict[nn.Module, Layer] = {}
        for module in model.modules():
            params = {key: p for key, p in module.named_parameters(recurse=False) if p.requires_grad}
            form = closed_form(module)
            if form is not None and params:
                self._layers[module] = Layer(module, form, params)

    @property
    def layers(self) -> list[Layer]:
        """In the order of the model."""
        return list(self._layers.values())

    def forward(self, x: Tensor) -> Tensor:
        """The model's output for x (B, ...); the layers' calls are recorded."""
        while True:
            for layer in self.layers:
                layer.call = None
            # Before the model's own hooks, which may replace an output.
            hooks = [m.register_forward_hook(self._note, prepend=True, with_kwargs=True) for m in self._layers]
            try:
                output = cast(Tensor, self._model(x.clone()))  # a copy: a model that writes to its input does no harm
            finally:
                for hook in hooks:
                    hook.remove()
            spoilt = [layer for layer in self.layers if layer.call and layer.call.a._version != layer.call.version]
            if not spoilt:
                return output
            for layer in spoilt:  # its input was written to after the call: once more, with a copy
                layer.clones = True

    def learn_sample_shapes(self) -> int:
        """Remember the shapes of the last forward pass, of one sample; returns the bytes of the layers' outputs."""
        size = 0
        for layer in self.layers:
            if layer.call is not None:
                a, out = layer.call.shapes
                layer.sample_shapes = (a[1:], out[1:]) if a[:1] == out[:1] == torch.Size([1]) else None
                size += out.numel() * layer.call.a.element_size()
        return size

    def _note(self, module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], output: Tensor) -> None:
        layer = self._layers[module]
        # A view that is written to later leaves its place in the graph; other outputs stay where they are.
        if output.requires_grad and not output._is_view():
            a = args[0] if args else kwargs["input"]
            a = a.detach().clone() if layer.clones else a
            layer.call = Call(a, a._version, get_gradient_edge(output), (a.shape, output.shape))


def count_uses(loss: Tensor) -> Counter[Tensor]:
    """Parameter -> how many operations of the graph behind the loss read it."""
    uses: Counter[Tensor] = Counter()
    seen: set[Node] = set()
    ahead = [loss.grad_fn] if loss.grad_fn is not None else []
    while ahead:
        node = ahead.pop()
        if node in seen:
            continue
        seen.add(node)
        for source, _ in node.next_functions:
            leaf = getattr(source, "variable", None)
            if leaf is not None:
                uses[leaf] += 1
            elif source is not None:
                ahead.append(source)
    return uses


def closed_form(module: nn.Module) -> Form | None:
    """The closed form for this layer, or None where there is none.

    A form is called as form(module, a, delta, sums, room): `a` (B, ...) is the layer's input, `delta` (B, ...) the
    gradient of the summed loss at its output, both with one row per sample; it adds to `sums` in place, with a work
    space of about `room` bytes. Layers that were altered (a subclass, a parametrization, weight norm, pruning, a
    forward of their own) have no form: what their output depends on is not known here.
    """
    form = _FORMS.get(type(module))
    direct = {name for name, _ in module.named_parameters(recurse=False)}
    if form is None or not direct <= {"weight", "bias"} or "forward" in vars(module):
        return None
    if isinstance(module, nn.Conv2d) and _padding(module) is None:
        return None
    return form


def _linear(_module: nn.Module, a: Tensor, delta: Tensor, sums: Sums, room: int) -> None:
    """a (B, ..., I), delta (B, ..., O): the gradient of a sample is the sum over its tokens of delta a^T."""
    a, delta = a.reshape(len(a), -1, a.shape[-1]), delta.reshape(len(a), -1, delta.shape[-1])  # (B, T, I), (B, T, O)
    if "bias" in sums:
        sums["bias"] += delta.sum(1).square_().sum(0)
    if "weight" in sums:
        _add_squared_products(sums["weight"][None], delta.mT[:, None], a[:, None], room)


def _conv2d(module: nn.Module, a: Tensor, delta: Tensor, sums: Sums, room: int) -> None:
    """a (B, I, H, W), delta (B, O, H', W'): a linear layer whose tokens are the patches, per group."""
    conv = cast(nn.Conv2d, module)
    delta = delta.flatten(2)  # (B, O, T)
    if "bias" in sums:
        sums["bias"] += delta.sum(2).square_().sum(0)
    if "weight" in sums:
        total = sums["weight"].view(conv.groups, conv.out_channels // conv.groups, -1)
        delta = torch.unflatten(delta, 1, (conv.groups, -1))
        patch_bytes = total.shape[0] * total.shape[2] * delta.shape[-1] * a.element_size()
        few = max(1, 2 * room // patch_bytes)  # patches are many times the input: never unfold the whole chunk
        for rows, delta_rows in zip(torch.split(a, few), torch.split(delta, few), strict=True):
            patches = torch.unflatten(_patches(conv, rows), 1, (conv.groups, -1))  # (b, G, K, T)
            _add_squared_products(total, delta_rows, patches.mT, room)


def _batch_norm(module: nn.Module, a: Tensor, delta: Tensor, sums: Sums, _room: int) -> None:
    """a, delta (B, C, ...): the running statistics are constants, so the layer is a scale and a shift per channel."""
    norm = cast(nn.BatchNorm2d, module)
    a, delta = a.reshape(*a.shape[:2], -1), delta.reshape(*a.shape[:2], -1)  # (B, C, T)
    if "bias" in sums:
        sums["bias"] += delta.sum(2).square_().sum(0)
    if "weight" in sums:
        mean, var = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        per_sample = (a - mean[:, None]).mul_(delta).sum(2)  # (B, C)
        sums["weight"] += per_sample.square_().sum(0) / (var + norm.eps)


def _layer_norm(module: nn.Module, a: Tensor, delta: Tensor, sums: Sums, _room: int) -> None:
    """a, delta (B, ..., *normalized_shape)."""
    norm = cast(nn.LayerNorm, module)
    shape = (len(a), -1, *norm.normalized_shape)
    delta = delta.reshape(shape)
    if "bias" in sums:
        sums["bias"] += delta.sum(1).square_().sum(0)
    if "weight" in sums:
        scaled = F.layer_norm(a, norm.normalized_shape, eps=norm.eps).reshape(shape)
        sums["weight"] += scaled.mul_(delta).sum(1).square_().sum(0)


_FORMS: dict[type[nn.Module], Form] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
}


def _add_squared_products(total: Tensor, left: Tensor, right: Tensor, room: int) -> None:
    """total (G, O, K) += sum over B of (left @ right)^2, for left (B, G, O, T) and right (B, G, T, K).

    A product is a sample's gradient: far larger than its factors, and needed only for its squares. So it is made
    block by block, few samples and few rows at a time, small enough to be squared and summed while still in cache.
    """
    if left.shape[-1] == 1:  # (l r)^2 = l^2 r^2: one product of squares sums over the samples by itself
        total += left.square()[..., 0].permute(1, 2, 0) @ right.square()[:, :, 0].transpose(0, 1)
        return
    row_bytes = total.shape[0] * total.shape[2] * total.element_size()
    rows = min(total.shape[1], max(1, room // (row_bytes * min(SAMPLES_AT_ONCE, len(left)))))
    samples = max(1, room // (row_bytes * rows))
    for first in range(0, total.shape[1], rows):
        block = total[:, first : first + rows]
        factors = (left[:, :, first : first + rows], right)
        for some, others in zip(*(torch.split(factor, samples) for factor in factors), strict=True):
            for product in some @ others:
                block.addcmul_(product, product)


def _patches(conv: nn.Conv2d, a: Tensor) -> Tensor:
    """(B, I, H, W) -> (B, I kh kw, T): what the kernel sees at each of the T output places."""
    high, wide = cast(tuple[int, int], _padding(conv))
    a = F.pad(a, (wide, wide, high, high)) if high or wide else a
    for axis, kernel, dilation, stride in zip((2, 3), conv.kernel_size, conv.dilation, conv.stride, strict=True):
        a = a.unfold(axis, dilation * (kernel - 1) + 1, stride)[..., ::dilation]  # a view, unlike F.unfold's
    return a.permute(0, 1, 4, 5, 2, 3).reshape(len(a), -1, a.shape[2] * a.shape[3])


def _padding(conv: nn.Conv2d) -> tuple[int, int] | None:
    """Zeros added on each side, (height, width); None where they are not zeros or not the same on both sides."""
    if conv.padding_mode != "zeros":
        return None
    if conv.padding == "same":
        both = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        return None if any(sides % 2 for sides in both) else (both[0] // 2, both[1] // 2)
    return (0, 0) if isinstance(conv.padding, str) else cast(tuple[int, int], conv.padding)
