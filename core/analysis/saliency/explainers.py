"""The registry of explainers: names, descriptions, settings, and which networks each one cannot be applied to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.analysis.saliency.captum_compat import attends
from core.models import inspection
from core.models.forward_look import NotFound

NO_GRID = "Grad-CAM needs a layer whose output is a grid of channels; this network passes tokens on. Attention rollout is its kin."
NO_RELU = "Guided Backprop changes how ReLUs pass gradients back, and this network has none."
NO_RULES = "DeepLift has no rules for attention and GELU, so its shares would not add up to the target's score."
NO_ATTENTION = "Attention rollout follows attention from block to block, and this network has none."
OWN_ATTENTION = "Attention rollout reads attention as this house's transformers compute it; this network's own is not known."
NO_CONVOLUTION = "Grad-CAM needs a layer whose output is a grid of channels; none was found in this network, and its author named none."
NOT_MODULES = "{} changes what is done at ReLUs and their like, and this network applies some as functions, or one module twice."
OTHER_RULES = "DeepLift has no rules for {}, so its shares would not add up to the target's score."
RULED = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.ReLU6, nn.Softmax)  # activations that DeepLift knows


def _any(model: nn.Module) -> str:
    return ""


def _grid(model: nn.Module) -> str:
    if not inspection.outside(model):
        return NO_GRID if attends(model) else ""
    try:
        return "" if inspection.grids(model) else NO_GRID if attends(model) else NO_CONVOLUTION
    except NotFound as lacking:
        return str(lacking)


def _relus(model: nn.Module) -> str:
    if inspection.outside(model) and _applied_as_functions(model, ("Relu", "Hardtanh")):
        return NOT_MODULES.format("Guided Backprop")
    return "" if any(isinstance(m, nn.ReLU | nn.ReLU6) for m in model.modules()) else NO_RELU


def _rules(model: nn.Module) -> str:
    if attends(model):
        return NO_RULES
    if not inspection.outside(model):
        return ""
    foreign = {type(m).__name__ for m in model.modules() if _is_activation(m) and not isinstance(m, RULED)}
    if foreign:
        return OTHER_RULES.format(" and ".join(sorted(foreign)))
    return NOT_MODULES.format("DeepLift") if _applied_as_functions(model, tuple(OPERATIONS)) else ""


def _is_activation(module: nn.Module) -> bool:
    return (type(module).__module__ == nn.ReLU.__module__ and not isinstance(module, nn.MultiheadAttention)) or isinstance(
        module, nn.LayerNorm | nn.GroupNorm
    )


def _applied_as_functions(model: nn.Module, operations: tuple[str, ...]) -> bool:
    """Operations: some of OPERATIONS. Where a network cannot be looked into, nobody knows: maps that do not add up say so themselves."""
    try:
        return inspection.unhooked(model, {word: OPERATIONS[word] for word in operations})
    except NotFound:
        return False


def _attention(model: nn.Module) -> str:
    if not attends(model):
        return NO_ATTENTION
    return OWN_ATTENTION if inspection.outside(model) else ""


@dataclass(frozen=True)
class Explainer:
    """unfit: why it does not apply to a network, one sentence, or ''. complete: its map sums to the target's logit minus the baseline's.

    explain: of an extension's. It gets a copy of the network in eval mode, images float32 (B, C, H, W) in [0, 1] and targets int64 (B,),
    and gives a map (B, C, H, W) or (B, 1, H, W). It knows no layer and no baseline; noisy copies are averaged here. passes: how many
    forward passes of one image it costs, about; a backward pass counts for two.
    """

    key: str
    title: str
    about: str
    paper: str
    unfit: Callable[[nn.Module], str] = _any
    complete: bool = False
    layered: bool = False  # needs a layer
    baseline: bool = False  # needs a baseline image
    smooth: bool = True  # can be averaged over noisy copies
    targeted: bool = True  # explains one class; else one map for all
    signed: bool = True  # has negative values where pixels speak against the class; else sizes alone
    explain: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None
    passes: int = 3
    version: str = ""  # digest of the extension that brought it; '' for the house's own

    def offered(self, model: nn.Module) -> dict[str, Any]:
        """As plain data, with why it is unfit for a network or ''."""
        plain = {name: value for name, value in vars(self).items() if not callable(value)}
        return {**plain, "explain": None, "unfit": self.why_not(model)}

    def why_not(self, model: nn.Module) -> str:
        """As `unfit`; where an extension's fails, that is why."""
        try:
            return self.unfit(model)
        except Exception as error:  # a user's own code may raise anything
            if self.explain is None:
                raise
            return f"{self.title} cannot be asked about this network: {type(error).__name__}: {error}"[:300]


_ALL = (
    Explainer("integrated_gradients", "Integrated Gradients", "Gradients summed on the way from an empty image to this one; the shares "
              "add up to the rise of the target's score.", "Sundararajan et al., arXiv:1703.01365", complete=True, baseline=True),
    Explainer("grad_cam", "Grad-CAM", "A layer's channels, each weighted by how much it speaks for the target class; coarse, signed.",
              "Selvaraju et al., arXiv:1610.02391", _grid, layered=True),
    Explainer("saliency", "Saliency", "The size of the gradient: which pixels the target's score depends on most, not in which direction.",
              "Simonyan et al., arXiv:1312.6034", signed=False),
    Explainer("input_x_gradient", "Input × Gradient", "Each pixel times its gradient; black pixels get nothing.",
              "Shrikumar et al., arXiv:1605.01713"),
    Explainer("guided_backprop", "Guided Backprop", "Gradients that pass only where they speak for the target class; sharp, but it follows "
              "edges more than the network: see the randomised one.", "Springenberg et al., arXiv:1412.6806", _relus),
    Explainer("deep_lift", "DeepLift", "What each pixel's difference from an empty image adds to the score, by rules for each layer.",
              "Shrikumar et al., arXiv:1704.02685", _rules, complete=True, baseline=True),
    Explainer("occlusion", "Occlusion", "How far the target's score falls when a patch is covered.", "Zeiler and Fergus, arXiv:1311.2901",
              baseline=True),
    Explainer("rollout", "Attention rollout", "How much of each patch reaches the last block; the same for every class.",
              "Abnar and Zuidema, arXiv:2005.00928", _attention, smooth=False, targeted=False, signed=False),
)  # fmt: skip
EXPLAINERS = {explainer.key: explainer for explainer in _ALL}
FEWEST = 4  # cells across: a coarser grid hardly shows places
OPERATIONS: dict[str, tuple[type[nn.Module], ...]] = {  # of a graph -> modules that do them
    "Relu": (nn.ReLU,), "Hardtanh": (nn.ReLU6, nn.Hardtanh), "Sigmoid": (nn.Sigmoid,), "Tanh": (nn.Tanh,), "Elu": (nn.ELU,),
    "LeakyRelu": (nn.LeakyReLU,), "Softplus": (nn.Softplus,),
    "Gelu": (), "Silu": (), "Hardswish": (), "MaxPool2DWithIndices": (nn.MaxPool2d,),
}  # fmt: skip
FIXED = ("normalise",)  # first layers without weights


def grids(model: nn.Module, shape: tuple[int, int, int]) -> dict[str, tuple[int, int]]:
    """Top-level layer -> height and width of its output, input to output, where that is (B, C, h, w) with 2 cells or more a side.

    shape: of one image, (C, H, W). Of a network from outside: see `core.models.inspection.grids`.
    Empty for a network that is no chain of such layers.
    """
    if inspection.outside(model):
        return inspection.grids(model)
    if not isinstance(model, nn.Sequential):
        return {}
    sizes: dict[str, tuple[int, int]] = {}
    x: Tensor = torch.zeros(1, *shape)
    with torch.no_grad():
        for name, layer in model.named_children():
            x = layer(x)
            if x.ndim == 4 and min(x.shape[2:]) > 1 and name not in FIXED and not isinstance(layer, nn.Identity):
                sizes[name] = (x.shape[2], x.shape[3])
    return sizes


def preset(sizes: dict[str, tuple[int, int]]) -> str:
    """The deepest layer with FEWEST cells across or more; the deepest of all where there is none. sizes: as from `grids`."""
    fine = [name for name, grid in sizes.items() if min(grid) >= FEWEST]
    return (fine or list(sizes))[-1]
