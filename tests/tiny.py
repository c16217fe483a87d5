"""Tiny synthetic data that a small network learns in a second, and the objects that tests make of it."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from core.data.dataset import Dataset, Examples
from core.data.splits import Splits, split
from core.domain.info import Column, DatasetInfo
from core.domain.requests.published import NamedSet
from core.domain.requests.registry import KINDS, parse_request
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.models.registry import MODELS
from core.training.context import RunContext
from core.training.loop import fit
from core.training.precomputed import Statistic

CLASSES, TRAIN, TEST, SIDE = 3, 120, 60, 8
ATTRIBUTES, PEOPLE = ("striped", "dotted", "dark"), 6
OF_ONE_DATASET = frozenset(key for key, kind in KINDS.items() if issubclass(kind, NamedSet))  # and not of these images
ONE_OF_EACH = {  # a request of each kind, of these images; of a kind that is not named here, its first example
    **{key: kind.examples.split()[0].rstrip(",") for key, kind in KINDS.items() if key not in OF_ONE_DATASET},
    "class": "class:2", "classes": "classes:0,2", "subclass": "subclass:5", "attribute": "attribute:person=3", "random": "random:0.1",
    "samples": "samples:0,5,7", "mislabelled": "mislabelled:0.1",
}  # fmt: skip
RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.1)


@dataclass(frozen=True, eq=False)  # by identity: a dataset has dicts, which no cache can take for a key
class Tiny:
    """8x8 images of three classes, or of three attributes; the recipe learns them."""

    dataset: Dataset
    recipe: Recipe = RECIPE

    def __eq__(self, other: object) -> bool:  # what is trained on it is kept; a dataset holds dictionaries, which have no hash
        alike = isinstance(other, Tiny) and type(other) is type(self)  # a test's own kind may build another network
        return alike and self.dataset is other.dataset and self.recipe == other.recipe

    def __hash__(self) -> int:
        return hash((id(self.dataset), self.recipe))

    def build(self) -> nn.Module:
        """An untrained model, drawn from torch's global generator."""
        return MODELS["small_cnn"](self.dataset.info)

    def splits(self, request: str = "class:2") -> Splits:
        return split(self.dataset, parse_request(request))

    def context(self, **about: object) -> RunContext:
        return RunContext(self.build, self.recipe, **{"seed": 1, **about})  # type: ignore[arg-type]  # RunContext's own

    def original(self, taught: str = "") -> nn.Module:
        """A copy of the model that was trained once on all of the training set, in eval mode. taught: a request that changes labels."""
        return deepcopy(_trained(self, taught) if taught else _trained(self))

    def lent(self, method: UnlearningMethod, request: str = "class:2", device: str = "cpu") -> dict[str, dict[str, Tensor]]:
        """What the method wants known of the training set, by the statistic's key."""
        wanted = method.statistics(parse_request(request))
        return {s.key: {name: tensor.clone() for name, tensor in _statistic(self, s, device, taught(request)).items()} for s in wanted}

    def unlearn(self, method: UnlearningMethod, request: str = "class:2", **about: object) -> nn.Module:
        """What the pipeline does: statistics of the training set first, then the method on a copy, guarded."""
        device = str(about.get("device", "cpu"))
        model, splits = self.original(taught(request)).to(device), self.splits(request)
        run = self.context(statistics=self.lent(method, request, device), **about)
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
        columns=(
            Column("kind", ("a0", "a1", "b0", "b1", "c0", "c1"), (TRAIN // 6,) * 6),
            Column("person", tuple("01234"), (TRAIN // 5,) * 5),
        ),
        subclass="kind",
    )
    train, test = Examples(images[:TRAIN], labels[:TRAIN]), Examples(images[TRAIN:], labels[TRAIN:])
    index = torch.arange(TRAIN + TEST)
    columns = {"kind": 2 * labels + index % 2, "person": index % 5}  # two kinds to a class, five people in every class
    seen, unseen = ({name: values[part] for name, values in columns.items()} for part in (slice(TRAIN), slice(TRAIN, None)))
    return Tiny(Dataset(info, train, test, seen, unseen))


@cache
def tiny_attributes(channels: int = 1) -> Tiny:
    """Each attribute is a pattern that an image has or has not, under noise; the column `person` has nothing to do with them."""
    generator = torch.Generator().manual_seed(100 + channels)
    count, total = len(ATTRIBUTES), TRAIN + TEST
    patterns = torch.rand(count, channels, SIDE, SIDE, generator=generator)
    labels = (torch.rand(total, count, generator=generator) < torch.tensor([0.5, 0.4, 0.3])).to(torch.uint8)
    noise = torch.rand(total, channels, SIDE, SIDE, generator=generator)
    images = ((0.3 * noise + 0.7 * torch.einsum("na,achw->nchw", labels.float(), patterns) / count) * 255).to(torch.uint8)
    pixels = images[:TRAIN].float() / 255
    person = torch.arange(total) % PEOPLE
    info = DatasetInfo(
        key=f"tiny_attributes{channels}", title="Tiny attributes", about="Patterns that add up under noise.",
        channels=channels, height=SIDE, width=SIDE, classes=ATTRIBUTES,
        train_counts=tuple(labels[:TRAIN].sum(0).tolist()), test_count=TEST,
        mean=tuple(pixels.mean((0, 2, 3)).tolist()), deviation=tuple(pixels.std((0, 2, 3)).tolist()),
        embedded=True, multi=True, multi_count=TRAIN,
        columns=(Column("person", tuple(f"p{i}" for i in range(PEOPLE)), (TRAIN // PEOPLE,) * PEOPLE),),
    )  # fmt: skip
    train, test = Examples(images[:TRAIN], labels[:TRAIN]), Examples(images[TRAIN:], labels[TRAIN:])
    return Tiny(Dataset(info, train, test, {"person": person[:TRAIN]}, {"person": person[TRAIN:]}))


def taught(request: str) -> str:
    """The request where it changes labels, before the original is trained; '' of all others."""
    return request if parse_request(request).flips_labels else ""


@cache
def _trained(tiny: Tiny, labels_of: str = "") -> nn.Module:
    """labels_of: a request that changes labels, or ''."""
    context, train = tiny.context(seed=0), tiny.splits(labels_of).train if labels_of else tiny.dataset.train
    return fit(context.fresh_model(), train, tiny.recipe, context)


@cache
def _statistic(tiny: Tiny, statistic: Statistic, device: str, labels_of: str) -> dict[str, Tensor]:
    """Of the trained network; many tests ask the same method for something else. labels_of: a request that changes labels, or ''."""
    train = tiny.splits(labels_of).train if labels_of else tiny.dataset.train
    return statistic.compute(tiny.original(labels_of).to(device), train, tiny.context(seed=0, device=device))  # the seed of the original


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether all parameters and buffers are equal bit for bit."""
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def near_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether all are equal but for rounding: another memory format adds in another order."""
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.allclose(ours[name], theirs[name], rtol=1e-3, atol=2e-5) for name in ours)
