"""Penultimate-layer features of the same images under a run's networks; stored, so that every map of them is quick."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from core.analysis.features.sampling import drawn
from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.stored_results import Analysis, Arrays, Say, key_of
from core.analysis.stored_results import keep as store_result
from core.data.label_kinds import is_multi
from core.domain.errors import WrongInput
from core.domain.requests.base import SETS, UNSEEN
from core.models.inspection import Body, head, outside
from core.storage.home import Home
from core.training.loop import predict

AT_ONCE = 100  # images between two reports of progress


def compute(home: Home, run_id: str, say: Say, *, count: int, seed: int) -> Arrays:
    """Of at most `count` images; which ones: `core.analysis.features.sampling.drawn`.

    `set` int64 (N,), an index of SETS; `index` int64 (N,), row of the training or the test set; `place` int64 (N,), counted
    within its own set; `label` int64 (N,), as the original was trained on; `truth` int64 (N,), only where the request made
    labels wrong; `available` int64 (4,), how many images each set has. Of every model M that the run has: `features/M`
    float32 (N, d) and `probabilities/M` float32 (N, C).
    Raises WrongInput where an image has several labels, a network does not end in a linear layer, or the
    run has no original.
    """
    run = open_models(home, run_id)
    if is_multi(run.splits.train.labels):
        raise WrongInput(
            f"An image of {run.data.info.title} has several attributes, so no single prediction of it is retained or forgotten; "
            "a map is made of datasets in which an image has one class."
        )
    run.model("original")  # raises where there is none
    images = _images(run, count, seed)
    whole = len(run.models) * len(images["index"])
    for place, model in enumerate(run.models):
        before = place * len(images["index"])

        def report(done: int, model: str = model, before: int = before) -> None:
            say((before + done) / whole, f"{done} of {whole // len(run.models)} images under the {model} network")

        inside = _features(run, model, images, report)
        images[f"features/{model}"] = inside.numpy()
        images[f"probabilities/{model}"] = _probabilities(run.model(model), inside)
    return images


def compute_and_store(home: Home, run_id: str, say: Say, *, count: int, seed: int) -> Arrays:
    """The same, stored as the background analysis `features` of these settings."""
    analysis, began = Analysis("features", run_id, {"count": count, "seed": seed}), perf_counter()
    made = compute(home, run_id, say, count=count, seed=seed)
    store_result(home, key_of(home, analysis), analysis, made, perf_counter() - began)
    return made


def _images(run: FinishedRun, count: int, seed: int) -> Arrays:
    parts, splits = drawn(run.splits, count, seed), run.splits
    sets = {name: splits.test if name.startswith("test") else splits.train for name in parts}
    truths = {name: splits.truth if splits.truth is not None and not name.startswith("test") else s.labels for name, s in sets.items()}
    images = {
        "set": torch.cat([torch.full((len(part.rows),), SETS.index(name)) for name, part in parts.items()]),
        "index": torch.cat([part.rows for part in parts.values()]),
        "place": torch.cat([part.places for part in parts.values()]),
        "label": torch.cat([sets[name].labels[part.rows] for name, part in parts.items()]),
        "available": torch.tensor([parts[name].available if name in parts else 0 for name in SETS]),
    }
    if splits.truth is not None:
        images["truth"] = torch.cat([truths[name][part.rows] for name, part in parts.items()])
    return {name: values.numpy() for name, values in images.items()}


def _features(run: FinishedRun, model: str, images: Arrays, report: Callable[[int], None]) -> Tensor:
    """float32 (N, d), in the order of `images`."""
    body, _ = body_and_head(run.model(model))
    on_test = torch.from_numpy(images["set"] >= UNSEEN)
    index = torch.from_numpy(images["index"])
    parts: list[Tensor] = []
    for examples, chosen in ((run.splits.train, ~on_test), (run.splits.test, on_test)):  # training images come first
        for rows in torch.split(index[chosen], AT_ONCE):
            report(sum(len(some) for some in parts))
            if len(rows):
                parts.append(predict(body, examples.subset(rows), "cpu").flatten(1))
    return torch.cat(parts)


def body_and_head(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
    """The network up to its last layer, and that layer; both share its weights. Raises WrongInput."""
    children = list(model.children()) if isinstance(model, nn.Sequential) else []
    last = children[-1] if children else None
    if not isinstance(last, nn.Linear):
        if outside(model):
            return Body(model).eval(), head(model)
        raise WrongInput(f"A map needs a chain of layers that ends in a linear one; a {type(model).__name__} is not that.")
    return nn.Sequential(*children[:-1]).eval(), last  # eval: predict restores the mode that a network had


@torch.no_grad()
def _probabilities(model: nn.Module, inside: Tensor) -> np.ndarray:
    logits: Tensor = body_and_head(model)[1](inside)
    return logits.softmax(1).numpy()
