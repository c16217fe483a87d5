"""One forward pass of a network, watched: which modules are called, what they give, and which outputs are all that the logits depend on."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from core.domain.errors import WrongInput

IMAGES = 3  # that are looked at; no dimension of a network is likely to be this one by accident
NEAR = 1e-4  # of the largest logit


class NotFound(WrongInput):
    """The network has no such part, or it was not found; the message is one sentence."""


@dataclass
class Seen:
    """Of a forward pass. events: ("in" or "out", module) in order; shapes: of outputs that are one tensor with a row for each image."""

    events: list[tuple[str, str]] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    ends: dict[str, Tensor] = field(default_factory=dict)  # outputs of what may be the last layer
    calls: Counter[str] = field(default_factory=Counter)
    cuts: set[str] = field(default_factory=set)
    operations: Counter[str] = field(default_factory=Counter)  # of the graph, by name

    @property
    def order(self) -> list[str]:
        """Modules by their first call."""
        return list(dict.fromkeys(name for kind, name in self.events if kind == "in"))


def pictures(model: nn.Module, shape: tuple[int, int, int], seed: int) -> Tensor:
    """IMAGES of noise in [0, 1], where the network is. shape: (C, H, W)."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    return torch.rand(IMAGES, *shape, generator=torch.Generator().manual_seed(seed)).to(device)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """In eval mode within; afterwards every module is in its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def look(model: nn.Module, shape: tuple[int, int, int]) -> Seen:
    """One forward pass, every module's calls noted."""
    seen, names = Seen(), {module: name for name, module in model.named_modules()}
    x = pictures(model, shape, 0).requires_grad_()

    def enter(module: nn.Module, _: object) -> None:
        seen.events.append(("in", names[module]))
        seen.calls[names[module]] += 1

    def leave(module: nn.Module, _: object, output: object) -> None:
        name = names[module]
        seen.events.append(("out", name))
        if isinstance(output, Tensor) and output.shape[:1] == (IMAGES,):
            seen.shapes[name] = tuple(output.shape)
            if output.grad_fn is not None:
                seen.nodes[name] = output.grad_fn
            if is_linear(module):
                seen.ends[name] = output.detach().clone()

    hooks = [module.register_forward_pre_hook(enter) for module in names] + [module.register_forward_hook(leave) for module in names]
    try:
        with evaluating(model), torch.enable_grad():
            logits = torch.as_tensor(model(x.clone()))
    except Exception as error:  # a foreign network may raise anything
        raise NotFound(f"The network could not be looked into: {type(error).__name__}: {error}"[:300]) from error
    finally:
        for hook in hooks:
            hook.remove()
    seen.ends = {name: output for name, output in seen.ends.items() if seen.calls[name] == 1 and near(output, logits.detach())}
    if logits.grad_fn is not None:
        through, seen.operations = _bottlenecks(logits.grad_fn, x)
        once = {name for name, count in seen.calls.items() if count == 1}
        seen.cuts = {name for name, node in seen.nodes.items() if name in once and name and node in through}
        outermost: dict[Node, str] = {}  # of several modules with one output
        for name in sorted(seen.cuts, key=lambda name: (name.count("."), seen.order.index(name))):
            outermost.setdefault(seen.nodes[name], name)
        seen.cuts = set(outermost.values())
    seen.nodes.clear()
    seen.ends = dict.fromkeys(seen.ends, torch.empty(0))
    return seen


def near(output: Tensor, logits: Tensor) -> bool:
    """Whether a layer's output, or its mean over places, is the logits."""
    read = output.mean((2, 3)) if output.ndim == 4 else output
    return read.shape == logits.shape and bool((read - logits).abs().max() <= NEAR * logits.abs().max())


def _bottlenecks(end: Node, x: Tensor) -> tuple[set[Node], Counter[str]]:
    """Operations through which every path from the end back to x leads; and how often each operation is done, by name.

    Operations are taken when all that read them were taken: where all open edges then lead to one, every path does.
    """
    parents: dict[Node, list[Node]] = {end: []}
    ahead, starts = [end], list[Node]()
    while ahead:
        node = ahead.pop()
        for source, _ in node.next_functions:
            if source is None:
                continue
            if getattr(source, "variable", None) is x:
                starts.append(source)
            if source not in parents:
                parents[source] = []
                ahead.append(source)
            parents[source].append(node)
    relevant, ahead = set[Node](), list(starts)
    while ahead:
        node = ahead.pop()
        if node not in relevant:
            relevant.add(node)
            ahead += parents[node]
    left, found, ready, opened = {node: len(parents[node]) for node in relevant}, set[Node](), [end] if end in relevant else [], 0
    while ready:
        node = ready.pop()
        opened -= len(parents[node])
        if not opened and not ready:
            found.add(node)
        for source, _ in node.next_functions:
            if source in relevant:
                opened += 1
                left[source] -= 1
                if not left[source]:
                    ready.append(source)
    return found, Counter(node.name().removesuffix("0").removesuffix("Backward") for node in relevant)


def is_linear(module: nn.Module) -> bool:
    """Whether it is a linear layer, or a convolution that is one at each place."""
    return isinstance(module, nn.Linear) or (
        isinstance(module, nn.Conv2d) and module.groups == 1 and {*module.kernel_size, *module.stride} == {1} and not _padded(module)
    )


def _padded(conv: nn.Conv2d) -> bool:
    return not isinstance(conv.padding, str) and any(conv.padding)


class _Reached(Exception):
    """A module has computed what was asked for; nothing behind it need be."""


def until(network: nn.Module, x: Tensor, name: str, *, before: bool = False) -> Tensor:
    """The output of a module, or its input, in a pass that ends there; the network's output for ''."""
    if not name:
        return torch.as_tensor(network(x.clone()))
    caught: list[Tensor] = []

    def take(_: nn.Module, args: tuple[Tensor, ...], output: Tensor | None = None) -> None:
        caught.append(args[0] if output is None else output)
        raise _Reached

    module = network.get_submodule(name)
    hook = module.register_forward_pre_hook(take) if before else module.register_forward_hook(take)
    try:
        network(x.clone())
    except _Reached:
        pass
    finally:
        hook.remove()
    return caught[0]


