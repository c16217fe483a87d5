"""A copy of a model adapted for Captum: shared weights without gradients, and a separate module for each ReLU."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from core.models.forward_look import NotFound
from core.models.inspection import outside, passes_tokens

LARGE = 10**6  # weights: from here on a copy of them in another order is soon earned back


def captum_copy(model: nn.Module) -> nn.Module:
    """The copy, in eval mode; small networks share the weights' storage; hooks on it do not touch the model.

    It computes the same but for rounding: nothing works in place, torchvision's BasicBlock has two ReLUs where it used one
    twice, and ReLU6 is written with modules that DeepLift and Guided Backprop have rules for.
    """
    whole = {id(p): nn.Parameter(p.detach(), requires_grad=False) for p in model.parameters()}
    adapted = deepcopy(model, {**whole, **{id(b): b.detach() for b in model.buffers()}}).eval()
    for module in list(adapted.modules()):
        if hasattr(module, "inplace"):
            setattr(module, "inplace", False)  # noqa: B010  # nn.Module declares none; those that have one read it
        _split(module)
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU6):
                setattr(module, name, Capped())
    if not attends(adapted) and sum(p.numel() for p in adapted.parameters()) > LARGE:
        adapted.to(memory_format=torch.channels_last)  # convolutions on a CPU take two thirds of the time
    return adapted


class Capped(nn.Module):
    """ReLU6 as min(ReLU(x), 6). The cap is a leaky ReLU that does not leak: to DeepLift a rule, to Guided Backprop no ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.relu, self.cap = nn.ReLU(), nn.LeakyReLU(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape."""
        capped: Tensor = 6 - self.cap(6 - self.relu(x))
        return capped


def _split(module: nn.Module) -> None:
    if type(module).__name__ != "BasicBlock" or not type(module).__module__.startswith("torchvision."):
        return
    from torchvision.models.resnet import BasicBlock  # noqa: PLC0415  # torchvision costs a second that other networks need not pay

    class TwoReLUs(BasicBlock):  # type: ignore[misc]  # torchvision is not typed
        """The same block, with a ReLU for each place."""

        def forward(self, x: Tensor) -> Tensor:
            """x: (B, C, H, W)."""
            inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return torch.as_tensor(self.relu2(inner + (x if self.downsample is None else self.downsample(x))))

    module.__class__ = TwoReLUs
    module.relu2 = nn.ReLU()


def attends(model: nn.Module) -> bool:
    """Whether it is a transformer: it has a layer that makes queries, keys and values; one from outside, that it passes tokens on."""
    if outside(model):
        try:
            return passes_tokens(model)
        except NotFound:
            return False
    return any(name.rpartition(".")[2] == "attend" for name, _ in model.named_modules())
