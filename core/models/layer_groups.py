"""A model as a chain of layer groups, so that the first groups of one model can be joined with the rest of another."""

from torch import nn


class NoChain(ValueError):
    """The model is not a chain of layers; the message is one sentence."""


def groups(model: nn.Module) -> dict[str, nn.Sequential]:
    """Name -> group, input to output; run one after the other they are the model, and they share its weights.

    A group begins at each top-level layer with a weight matrix or kernel (a convolution, a linear layer, a block of
    them) and takes the layers behind it that have none (norms, activations, pooling). What comes before the first
    such layer belongs to the first group. Raises NoChain for a model that is not an `nn.Sequential`.
    """
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
