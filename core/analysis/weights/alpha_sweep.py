"""What dampening does over the whole axis of alpha: computed at once where that takes about a second, else as a look."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from core.analysis.finished_run import open_models
from core.analysis.weights.ssd_what_if import Dampenable, dampened, load
from core.data.dataset import Examples
from core.metrics.accuracy import accuracy, accuracy_of
from core.storage.home import Home
from core.training.loop import predict

ALPHAS = 25  # values, evenly on a log scale over the whole axis: `core.analysis.weights.ssd_what_if`
PARTS = ("forget", "retain", "test_forget", "test_retain")
ASKED, SECONDS, FEWEST = 500, 2.0, 100  # images of a part, at most; that an answer may take; fewer images say too little
PATIENT = 150  # images of a part that a look asks of a slow network


def images_at_once(seconds: float) -> int:
    """Images of a part that an answer within SECONDS can ask; 0 where that is too few, so that a look must."""
    most = int(SECONDS / ALPHAS / 3 / seconds)
    return min(ASKED, most) if most >= FEWEST else 0


def seconds_of_curve(seconds: float) -> float:
    """What the curve would take with FEWEST images of each part, of a network that takes so many seconds for one image here and now."""
    return ALPHAS * 3 * FEWEST * seconds


def alpha_curve(home: Home, run_id: str, lambda_: float, kept: str = "") -> dict[str, Any]:
    """For a network that answers quickly: see `curve`; the accuracies as lists, by part."""
    known = load(open_models(home, run_id), kept)
    alphas, accuracies, looked_at = curve(known, lambda_, images_at_once(known.seconds) or FEWEST)
    return {"alpha": alphas, "accuracy": {p: [_or_none(v) for v in accuracies[p]] for p in PARTS}, "images": looked_at}


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def curve(
    known: Dampenable, lambda_: float, images: int, say: Callable[[float, str], None] = lambda share, note: None
) -> tuple[list[float], dict[str, list[float]], dict[str, int]]:
    """alphas; part -> accuracy at each (nan where the part is empty); part -> how many images were asked.

    Equal dampening is asked once: above the largest ratio nothing is selected any more.
    """
    splits = known.opened.splits
    rows = splits.test.some(images)
    sets = {"forget": splits.forget.sample(images), "retain": splits.retain.sample(images), "test": splits.test.subset(rows)}
    gone = splits.test_forgotten[rows]
    alphas, found, before = np.geomspace(known.axis.low, known.axis.high, ALPHAS).tolist(), [], -1
    for index, alpha in enumerate(alphas):
        say(index / ALPHAS, f"alpha {alpha:.3g}")
        count = len(dampened(known, alpha, lambda_)[0])
        if count != before:  # a higher alpha selects a part of what a lower one does
            found.append(_answered(known, sets, gone))
            before = count
        else:
            found.append(found[-1])
    looked_at = {part: len(sets[part]) for part in ("forget", "retain")}
    looked_at |= {"test_forget": int(gone.sum()), "test_retain": int((~gone).sum())}
    return alphas, {part: [at[part] for at in found] for part in PARTS}, looked_at


def _answered(known: Dampenable, sets: dict[str, Examples], gone: torch.Tensor) -> dict[str, float]:
    test, labels = predict(known.model, sets["test"], "cpu"), sets["test"].labels
    parts = {name: accuracy(predict(known.model, sets[name], "cpu"), sets[name].labels) for name in ("forget", "retain")}
    halves = {"test_forget": accuracy_of(test, labels, gone), "test_retain": accuracy_of(test, labels, ~gone)}
    return parts | {name: np.nan if value is None else value for name, value in halves.items()}


def alphas(home: Home, run_id: str, say: Callable[[float, str], None], *, lambda_: float, importance: str = "") -> dict[str, np.ndarray]:
    """`alpha` (A,); `accuracy/PART` (A,), nan where the part is empty; `images/PART`: how many were asked.

    importance: the key of the look that computed the importances, '' for the run's own.
    """
    values, accuracies, asked = curve(load(open_models(home, run_id), importance), lambda_, PATIENT, say)
    return (
        {"alpha": np.array(values)}
        | {f"accuracy/{part}": np.array(row) for part, row in accuracies.items()}
        | {f"images/{part}": np.array(count) for part, count in asked.items()}
    )
