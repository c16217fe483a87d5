"""Networks of the library timm, with random weights: nothing is downloaded."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.models.inspection import Builder, Parts, marked
from core.models.layers import Normalise
from core.models.timm_names import name_of

MOST = 500_000_000  # weights: with gradients, momentum and a copy these are 8 GB; a link alone may ask for a network of billions
SMALLEST = 32  # pixels a side: smaller images are made larger, since most of these networks shrink them 32 times


@cache
def builder(model: str) -> Builder:
    """Of a key `timm:NAME`. Raises WrongInput where timm has no such network, or is not installed."""
    return marked(model, partial(_build, name_of(model)), Parts())


def _build(name: str, data: DatasetInfo) -> nn.Module:
    """Pixels are normalised, images smaller than SMALLEST made larger, then comes timm's own; transformers get the size of the images."""
    height, width = max(SMALLEST, data.height), max(SMALLEST, data.width)
    layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise(data.mean, data.deviation))
    if (height, width) != (data.height, data.width):
        layers["enlarge"] = nn.Upsample((height, width), mode="bilinear", align_corners=False)
    try:
        return nn.Sequential(layers | {"network": _network(name, data, (height, width))})
    except WrongInput:  # which is a ValueError
        raise
    except (AssertionError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise WrongInput(f"timm's {name} cannot be built for images of {height}x{width} pixels: {error}"[:300]) from error


def _network(name: str, data: DatasetInfo, size: tuple[int, int]) -> nn.Module:
    import timm  # noqa: PLC0415  # optional, and slow to import

    make = partial(timm.create_model, name, pretrained=False, num_classes=len(data.classes), in_chans=data.channels)
    before = torch.get_rng_state()
    try:
        with _bounded(name):
            network = make(img_size=size)
    except TypeError:  # those that take any size are not told it
        torch.set_rng_state(before)
        with _bounded(name):
            network = make()
    if not any(p.is_meta for p in network.parameters()):
        _try(network, data, size)
    return network


@contextmanager
def _bounded(name: str) -> Iterator[None]:
    """Raises WrongInput as soon as what is made within has more than MOST weights, before the rest is made."""
    made = [0]

    def count(_module: nn.Module, _name: str, weight: nn.Parameter | None) -> None:
        made[0] += 0 if weight is None else weight.numel()
        if made[0] > MOST:
            raise WrongInput(f"timm's {name} has more than {MOST:,} weights, which is the most that a network of timm's may have here.")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _try(network: nn.Module, data: DatasetInfo, size: tuple[int, int]) -> None:
    """Raises ValueError, or what the network raises, where it does not take such images."""
    with torch.no_grad():
        logits = network.eval()(torch.zeros(2, data.channels, *size))
    if logits.shape != (2, len(data.classes)):
        raise ValueError(f"it gives {tuple(logits.shape)} of 2 images where {(2, len(data.classes))} is wanted")
    network.train()
