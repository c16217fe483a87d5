"""Which weights of a model belong together: one block per layer, the classifier alone, or all in one."""

from torch import nn

from core.models.ensemble import Ensemble
from core.models.inspection import last_layer, outside

SCOPES = ("classifier", "layers", "all")


def blocks(model: nn.Module, scope: str) -> dict[str, tuple[str, ...]]:
    """Block's name -> names of its parameters, in the model's order; scope: one of SCOPES.

    `classifier` is the last linear layer (of an ensemble that of each member), `layers` one block per module that owns parameters, `all`
    the whole model.
    """
    if scope == "classifier" and isinstance(model, Ensemble):
        each = ((f"members.{place}.", blocks(member, scope)) for place, member in enumerate(model.members))
        return {f"{start}{last}": tuple(f"{start}{name}" for name in names) for start, found in each for last, names in found.items()}
    if scope == "classifier":
        last = classifier(model)
        return {last: tuple(f"{last}.{key}" for key, _ in model.get_submodule(last).named_parameters(recurse=False))}
    if scope == "all":
        return {"all": tuple(name for name, _ in model.named_parameters())}
    members: dict[str, tuple[str, ...]] = {}
    for name, _ in model.named_parameters():
        owner = name.rpartition(".")[0] or "model"
        members[owner] = (*members.get(owner, ()), name)
    return members


def classifier(model: nn.Module) -> str:
    """The name of the last linear layer; of a network from outside, of what gives its logits. Raises ValueError where there is none."""
    if outside(model):
        return last_layer(model)
    linear: list[str] = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError("The model has no linear layer that could be its classifier.")
    return linear[-1]
