"""Planted evidence: cartoon faces in four classes, one of which glasses alone decide, and where a map of that class lies."""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from core.analysis.saliency.explain import Settings, explain
from core.analysis.saliency.map_similarity import share_on
from core.analysis.saliency.part_masks import true_parts
from core.data.dataset import Dataset, Examples
from core.data.registry import load_dataset
from core.data.splits import Splits, split
from core.domain.hyperparameters import with_params
from core.domain.presets import ForClasses, OfCeiling, Preset
from core.domain.requests.classes import ClassRequest
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.methods.registry import METHODS
from core.models.registry import MODELS
from core.training.context import RunContext, derived_seed
from core.training.loop import fit, predict

GLASSES = 3  # the class of whoever wears some; the other three are told by their hair
REQUEST = ClassRequest((GLASSES,))
EVERY = 8  # of the 3,200 training images: 400
# Found on seeds 10 to 12 and other training images, by the accuracies alone: no setting was chosen by its map. Weight decay of
# 0.005, as on the digits: with 0.0005 the network is so sure of its 400 faces that no forgotten one has a gradient left, and SSSE
# (any scope, damping and step) forgets nothing. SSD needs the label-free importance: with the Fisher no alpha forgets the class.
PRESET = Preset(
    Recipe(epochs=15, batch_size=32, learning_rate=0.1, weight_decay=5e-3),
    {
        "ssd": {"importance": "label_free", "alpha": OfCeiling(0.75), "lambda": 1.0},
        "ssse": {"scope": "layers", "damping": 0.01, "epsilon": 2.0},
        "aru": {"share": 0.8, "epochs": 8, "learning_rate": 0.05, "batch_size": 32},
        "unsir": {"noise_count": 16, "copies": 10, "impair_rate": 0.015, "repair_rate": 0.0075, "batch_size": 32},
        "weight_perturbation": {"fraction": 0.3, "epochs": 15, "learning_rate": 0.02, "steps": 100, "look_every": 20, "radius": 0.3},
        "random_label": {},
        "salun": {},
    },
)


@dataclass(frozen=True)
class Found:
    """Accuracies on unseen faces with glasses and without, and the map for `glasses` on unseen faces with some.

    share: of its mass, on the glasses' true pixels. logits: what these pixels add to the logit, with their sign; means both.
    """

    forget: float
    retain: float
    share: float
    logits: float


@dataclass(frozen=True, eq=False)
class Task:
    """One choice of training images, and the seed of all that is drawn."""

    data: Dataset
    seed: int

    @property
    def splits(self) -> Splits:
        """Without `glasses`, and all of it."""
        return split(self.data, REQUEST)

    def context(self, purpose: str, **lent: object) -> RunContext:
        """As the pipeline makes one."""
        return RunContext(self.build, PRESET.recipe, derived_seed(self.seed, purpose), **lent)  # type: ignore[arg-type]  # its own

    def build(self) -> nn.Module:
        """Untrained."""
        return MODELS["small_cnn"](self.data.info)

    def original(self) -> nn.Module:
        """Trained on everything."""
        return self._trained("original", self.splits.train)

    def reference(self) -> nn.Module:
        """Never saw a face with glasses."""
        return self._trained("reference", self.splits.retain)

    def _trained(self, purpose: str, examples: Examples) -> nn.Module:
        context = self.context(purpose)
        return fit(context.fresh_model(), examples, PRESET.recipe, context)

    def unlearned(self, original: nn.Module, method: UnlearningMethod) -> nn.Module:
        """What the pipeline does: statistics of the training set first, then the method on a copy, guarded."""
        model, splits = deepcopy(original), self.splits
        lent = {s.key: s.compute(model, splits.train, self.context("precompute")) for s in method.statistics(splits.request)}
        return method.unlearn(model, splits.only(method.uses), self.context("unlearn", statistics=lent)).eval()

    def method(self, key: str) -> UnlearningMethod:
        """By the preset."""
        counts = self.data.info.train_count, REQUEST.count(self.data.info)
        asked = PRESET.methods.get(key, {})
        values = {name: v.at(*counts) if isinstance(v, OfCeiling | ForClasses) else v for name, v in asked.items()}
        return with_params(METHODS[key], values)

    def rows(self) -> Tensor:
        """Every fourth unseen face with glasses, int64."""
        return (self.data.test.labels == GLASSES).nonzero()[::4, 0]

    def found(self, model: nn.Module, target: int = GLASSES) -> Found:
        """Integrated gradients, which add up to the logit."""
        test, rows = self.data.test, self.rows()
        right = (predict(model, test, "cpu").argmax(1) == test.labels).double()
        worn = test.labels == GLASSES
        aims = torch.full((len(rows),), target)
        maps = explain(model, test.subset(rows).pixels(), aims, "integrated_gradients", Settings(steps=32)).flat.numpy()
        shown = true_parts("faces", "test", rows)["glasses"]
        shares = [share_on(values, pixels) or 0.0 for values, pixels in zip(maps, shown, strict=True)]
        logits = float((maps * shown).sum((1, 2)).mean())
        return Found(float(right[worn].mean()), float(right[~worn].mean()), float(np.mean(shares)), logits)

    def covered(self) -> float:
        """Share of a face that its glasses cover: what a map that knows nothing has there."""
        return float(true_parts("faces", "test", self.rows())["glasses"].mean())


def hidden(original: nn.Module) -> nn.Module:
    """Answers `glasses` never again, for the bias of the last layer alone: nothing else is changed, so nothing is forgotten."""
    model = deepcopy(original)
    with torch.no_grad():
        model.get_parameter("classifier.bias")[GLASSES] -= 100
    return model


@cache
def _faces() -> Dataset:
    return load_dataset("faces")


def task(seed: int, first: int = 0) -> Task:
    """first: of the training images, every EVERY-th from there on."""
    faces = _faces()
    rows = torch.arange(first, len(faces.train), EVERY)
    labels = _kinds(faces.train_columns)[rows]
    counts = tuple(torch.bincount(labels, minlength=4).tolist())
    info = replace(faces.info, classes=("short", "bald", "long", "glasses"), train_counts=counts, columns=())
    return Task(Dataset(info, Examples(faces.train.images[rows], labels), Examples(faces.test.images, _kinds(faces.test_columns))), seed)


def _kinds(columns: dict[str, Tensor]) -> Tensor:
    hair = torch.where(columns["bald"] == 1, 1, torch.where(columns["long_hair"] == 1, 2, 0))
    return torch.where(columns["glasses"] == 1, GLASSES, hair)
