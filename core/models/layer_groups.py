"""A model as a chain of layer groups, so that the first groups of one model can be joined with the rest of another."""

from collections.abc import Iterable

from torch import nn

from core.models import inspection
from core.models.forward_look import NotFound
from core.models.inspection import Segment


class NoChain(NotFound):
    """The model is not a chain of layers; the message is one sentence."""


def groups(model: nn.Module) -> dict[str, nn.Sequential]:
    """Name -> group, input to output; run one after the other they are the model, and they share its weights.

    Of a network from outside: between the places at which it is found that it can be cut (core.models.inspection).

    A group begins at each top-level layer with a weight matrix or kernel (a convolution, a linear layer, a block of
    them) and takes the layers behind it that have none (norms, activations, pooling). What comes before the first
    such layer belongs to the first group. Raises NoChain for a model that is not an `nn.Sequential`, NotFound for one from
    outside that cannot be cut.
    """
    if inspection.outside(model):
        return {group.name: nn.Sequential(Segment(model, group)) for group in inspection.groups(model)}
    if not isinstance(model, nn.Sequential):
        raise NoChain(f"A {type(model).__name__} is not a chain of layers, so it cannot be cut into groups.")
    members: dict[str, list[nn.Module]] = {}
    before: list[nn.Module] = []
    for name, layer in model.named_children():
        if any(p.ndim > 1 for p in layer.parameters()):
            members[name] = [*before, layer]
            before = []
        elif members:
            members[next(reversed(members))].append(layer)
        else:
            before.append(layer)
    if not members:
        raise NoChain("The model has no layer with a weight matrix.")
    return {name: nn.Sequential(*layers) for name, layers in members.items()}


def ends(model: nn.Module) -> dict[str, nn.Module]:
    """Group -> the module whose output is the group's, in a pass of the whole model. Raises as `groups`."""
    if inspection.outside(model):
        return {group.name: model.get_submodule(group.end) for group in inspection.groups(model)}
    return {name: list(group)[-1] for name, group in groups(model).items()}


def chained(parts: Iterable[nn.Sequential]) -> nn.Sequential:
    """Groups one after the other; neighbours of one network from outside in one pass of it."""
    layers: list[nn.Module] = []
    for layer in (layer for part in parts for layer in part):
        before = layers[-1] if layers else None
        if isinstance(layer, Segment) and isinstance(before, Segment) and before.network is layer.network:
            layers[-1] = before.up_to(layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)
