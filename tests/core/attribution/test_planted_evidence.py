"""Planted evidence: a class that only glasses decide. Where it is unlearned, the map leaves the glasses, as the reference's does."""

from dataclasses import replace

import pytest
import torch

from core.attribution.evidence import true_parts
from core.attribution.explain import Settings, explain
from core.attribution.scores import share_on
from core.data.catalog import load_dataset
from core.data.dataset import Dataset
from core.data.examples import Examples
from core.domain import Recipe
from core.methods import METHODS
from core.training import fit, predict
from tests.tiny import Tiny

GLASSES = 3  # the class of whoever wears some; the other three are told by their hair
EVERY = 8  # of the training images: 400


def kinds(columns):
    hair = torch.where(columns["bald"] == 1, 1, torch.where(columns["long_hair"] == 1, 2, 0))
    return torch.where(columns["glasses"] == 1, GLASSES, hair)


@pytest.fixture(scope="module")
def networks():
    """The task, its unseen images with glasses (test rows), and the three networks."""
    faces = load_dataset("faces")
    rows = torch.arange(0, len(faces.train), EVERY)
    labels = kinds(faces.train_columns)[rows]
    counts = tuple(torch.bincount(labels, minlength=4).tolist())
    info = replace(faces.info, classes=("short", "bald", "long", "glasses"), train_counts=counts, columns=())
    data = Dataset(info, Examples(faces.train.images[rows], labels), Examples(faces.test.images, kinds(faces.test_columns)))
    task = Tiny(data, Recipe(epochs=15, batch_size=32, learning_rate=0.1))
    context = task.context(seed=7)
    models = {
        "original": task.original(),
        "unlearned": task.unlearn(METHODS["random_label"](), "class:3"),
        "reference": fit(context.fresh_model(), task.splits("class:3").retain, task.recipe, context),
    }
    return data.test, (data.test.labels == GLASSES).nonzero()[::4, 0], models


def accuracy(model, test, glasses):
    chosen = test.subset((test.labels == GLASSES) == glasses)
    return float((predict(model, chosen, "cpu").argmax(1) == chosen.labels).double().mean())


def share(model, test, rows):
    """Mean share of the map for `glasses` that lies on the glasses' true pixels."""
    aims, steps = torch.full((len(rows),), GLASSES), Settings(steps=32)
    maps = explain(model, test.subset(rows).pixels(), aims, "integrated_gradients", steps).flat.numpy()
    shown = true_parts("faces", "test", rows)["glasses"]
    return sum(share_on(values, pixels) for values, pixels in zip(maps, shown, strict=True)) / len(rows)


@pytest.mark.timeout(240)
def test_the_map_leaves_the_glasses_by_as_much_as_the_references_does(networks):
    test, rows, models = networks
    assert accuracy(models["original"], test, glasses=True) > 0.95  # the class was learned, by the glasses alone
    assert accuracy(models["unlearned"], test, glasses=True) < 0.05  # and is gone
    assert accuracy(models["unlearned"], test, glasses=False) > 0.8
    found = {name: share(model, test, rows) for name, model in models.items()}
    covered = float(true_parts("faces", "test", rows)["glasses"].mean())  # what a map that knows nothing would have there
    assert covered < 0.05
    assert found["original"] > 5 * covered
    assert found["unlearned"] < found["original"] - 0.1
    assert abs((found["original"] - found["unlearned"]) - (found["original"] - found["reference"])) < 0.1
