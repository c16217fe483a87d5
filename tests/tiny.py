"""Tiny synthetic data that a small network learns in a second, and the objects that tests make of it."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from core.context import RunContext
from core.data.dataset import Dataset, DatasetInfo
from core.data.examples import Examples
from core.data.splits import Splits, split
from core.domain import ForgetRequest, Recipe
from core.methods import UnlearningMethod
from core.models import MODELS
from core.training import fit

CLASSES, TRAIN, TEST, SIDE = 3, 120, 60, 8
RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.1)


@dataclass(frozen=True, eq=False)  # by identity: a dataset has dicts, which no cache can take for a key
class Tiny:
    """8x8 images of three classes; the recipe learns them."""

    dataset: Dataset
    recipe: Recipe = RECIPE

    def build(self) -> nn.Module:
        """An untrained model, drawn from torch's global generator."""
        return MODELS["small_cnn"](self.dataset.info)

    def splits(self, request: str = "class:2") -> Splits:
        return split(self.dataset, ForgetRequest.parse(request))

    def context(self, **about: object) -> RunContext:
        return RunContext(self.build, self.recipe, **{"seed": 1, **about})  # type: ignore[arg-type]  # RunContext's own

    def original(self) -> nn.Module:
        """A copy of the model that was trained once on all of the training set, in eval mode."""
        return deepcopy(_trained(self))

    def unlearn(self, method: UnlearningMethod, request: str = "class:2", **about: object) -> nn.Module:
        """What the pipeline does: statistics of the training set first, then the method on a copy, guarded."""
        device = str(about.get("device", "cpu"))
        model, splits = self.original().to(device), self.splits(request)
        lent = {s.key: s.compute(model, splits.train, self.context(device=device)) for s in method.statistics()}
        run = self.context(statistics=lent, **about)
        return method.unlearn(model, splits.only(method.uses), run)


@cache
def tiny_of(channels: int) -> Tiny:
    """The data are drawn from a fixed seed: each class is a pattern of its own under noise."""
    generator = torch.Generator().manual_seed(channels)
    patterns = torch.rand(CLASSES, channels, SIDE, SIDE, generator=generator)
    labels = torch.arange(TRAIN + TEST) % CLASSES
    noise = torch.rand(TRAIN + TEST, channels, SIDE, SIDE, generator=generator)
    images = ((0.4 * patterns[labels] + 0.6 * noise) * 255).to(torch.uint8)
    pixels = images[:TRAIN].float() / 255
    info = DatasetInfo(
        key=f"tiny{channels}",
        title="Tiny",
        about="Patterns under noise.",
        channels=channels,
        height=SIDE,
        width=SIDE,
        classes=("a", "b", "c"),
        train_counts=(TRAIN // CLASSES,) * CLASSES,
        test_count=TEST,
        mean=tuple(pixels.mean((0, 2, 3)).tolist()),
        deviation=tuple(pixels.std((0, 2, 3)).tolist()),
    )
    train, test = Examples(images[:TRAIN], labels[:TRAIN]), Examples(images[TRAIN:], labels[TRAIN:])
    return Tiny(Dataset(info, train, test))


@cache
def _trained(tiny: Tiny) -> nn.Module:
    context = tiny.context(seed=0)
    return fit(context.fresh_model(), tiny.dataset.train, tiny.recipe, context)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether all parameters and buffers are equal bit for bit."""
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
