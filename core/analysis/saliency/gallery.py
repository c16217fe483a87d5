"""A gallery of maps: images of the forget set, and of the retain set to compare, under each of a run's networks, with scores."""

from collections.abc import Callable
from dataclasses import astuple, fields
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.saliency.explain import Settings, explain
from core.analysis.saliency.map_similarity import Scores, scores, share_on
from core.analysis.saliency.part_masks import true_parts
from core.data.label_kinds import is_multi
from core.domain.errors import WrongInput
from core.storage.home import Home

MOST = 64  # images of each set
BATCH = 16  # images between two reports of progress
SCORES = tuple(field.name for field in fields(Scores))


def gallery(
    home: Home, run_id: str, say: Callable[[float, str], None], how: str = "grad_cam", target: str = "true", count: int = MOST,
    settings: dict[str, Any] | None = None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """`images`: uint8 (N, C, H, W), levels to `peak`; `rows`: int64 (N,), their places in the training set; `forget`: bool (N,);
    `places`: int64 (N,), in the forget set or in the retain set.

    `labels`: int64 (N,) or uint8 (N, A). `maps/MODEL`: float16 (N, H, W), in units of `scale`; `answers/MODEL`, `targets/MODEL`: int64
    (N,); `shares/MODEL`: float32 (N,), the probability of the target. `scores/FIRST/SECOND`: float32 (N, 4) in the order of
    Scores, NaN where there is none. `parts/PART/MODEL`: share of the map on the true pixels, of cartoon faces, NaN where unseen.
    target: "true", or "own" for each network's own prediction; with several attributes, always the original's most likely one,
    and `answers` are each network's most likely attributes. Raises WrongInput.
    """
    finished = open_models(home, run_id)
    if not finished.models:
        raise WrongInput(f"Run {run_id} stored no networks: another version of Forgetscope made it; run it again.")
    rows, places, forget = _rows(finished, min(count, MOST))
    chosen, labels = Settings(**(settings or {})), _labels(finished)[rows]
    taken = finished.splits.train.subset(rows)
    arrays: dict[str, np.ndarray] = {
        "images": taken.images.numpy(), "peak": np.array(taken.peak), "rows": rows.numpy(), "forget": forget.numpy(),
        "places": places.numpy(), "labels": labels.numpy(),
    }  # fmt: skip
    maps: dict[str, np.ndarray] = {}
    targets: Tensor | None = None
    pixels, done, whole = taken.pixels(), 0, len(rows) * len(finished.models)
    for name in finished.models:
        model, parts = finished.model(name), []
        with torch.no_grad():
            logits = torch.cat([model(x) for x in torch.split(pixels, BATCH)])
        if not (is_multi(labels) and targets is not None):  # one attribute for all networks: the original's, who comes first
            targets = _targets(logits, labels, target)
        for x, aims in zip(torch.split(pixels, BATCH), torch.split(targets, BATCH), strict=True):
            say(done / whole, f"{name} network, image {done % len(rows) + 1} of {len(rows)}")
            parts.append(explain(model, x, aims, how, chosen).flat)
            done += len(x)
        shares = logits.sigmoid() if is_multi(labels) else logits.softmax(1)
        maps[name] = torch.cat(parts).numpy()
        arrays |= {f"answers/{name}": logits.argmax(1).numpy(), f"targets/{name}": targets.numpy(),
                  f"shares/{name}": shares.gather(1, targets[:, None])[:, 0].numpy()}  # fmt: skip
    scale = max(float(np.abs(values).max()) for values in maps.values()) or 1.0
    arrays |= {"scale": np.array(scale)} | {f"maps/{name}": (values / scale).astype(np.float16) for name, values in maps.items()}
    return arrays | _scored(maps) | _on_parts(finished, rows, maps)


def _rows(finished: FinishedRun, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Places in the training set, and in the set of each, int64 (N,), and which are to be forgotten; the same draw every time."""
    forgotten, train = finished.splits.forgotten, finished.splits.train
    sets = [(where.nonzero()[:, 0], train.subset(where).some(count)) for where in (forgotten, finished.splits.kept)]
    rows = torch.cat([where[places] for where, places in sets])
    return rows, torch.cat([places for _, places in sets]), forgotten[rows]


def _labels(finished: FinishedRun) -> Tensor:
    """The right ones, where a request flipped some."""
    return finished.splits.train.labels if finished.splits.truth is None else finished.splits.truth


def _targets(logits: Tensor, labels: Tensor, target: str) -> Tensor:
    """Of an image with several attributes, the most likely one: there is no one true class."""
    return labels.long() if target == "true" and not is_multi(labels) else logits.argmax(1)


def _scored(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        f"scores/{one}/{two}": np.array(
            [[np.nan if s is None else s for s in astuple(scores(a, b))] for a, b in zip(maps[one], maps[two], strict=True)], np.float32
        )
        for one, two in combinations(maps, 2)
    }


def _on_parts(finished: FinishedRun, rows: Tensor, maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    arrays = {}
    for part, shown in true_parts(finished.data.info.key, "train", rows).items():
        for name, values in maps.items():
            shares = [share_on(v, p) if p.any() else None for v, p in zip(values, shown, strict=True)]
            arrays[f"parts/{part}/{name}"] = np.array([np.nan if s is None else s for s in shares], np.float32)
    return arrays
