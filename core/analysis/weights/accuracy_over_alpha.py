"""SSD's accuracies over the whole axis of alpha: computed at once where that takes about a second, else in the background."""

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
EVALUATED, SECONDS, FEWEST = 500, 2.0, 100  # images of a part, at most; that the curve may take; images of a part, at least
PATIENT = 150  # images of a part that a background analysis evaluates on a slow network


def images_at_once(seconds: float) -> int:
    """Images of a part that can be evaluated within SECONDS; 0 where they are too few, so that it takes a background analysis."""
    most = int(SECONDS / ALPHAS / 3 / seconds)
    return min(EVALUATED, most) if most >= FEWEST else 0


def seconds_of_curve(seconds: float) -> float:
    """Seconds of the curve with FEWEST images of each part, for a network that takes `seconds` for one image."""
    return ALPHAS * 3 * FEWEST * seconds


def alpha_curve(home: Home, run_id: str, lambda_: float, importance_key: str = "") -> dict[str, Any]:
    """For a quick network: see `curve`; the accuracies as lists, by part, None where the part is empty."""
    prepared = load(open_models(home, run_id), importance_key)
    alphas, accuracies, counts = curve(prepared, lambda_, images_at_once(prepared.seconds) or FEWEST)
    return {"alpha": alphas, "accuracy": {p: [_or_none(v) for v in accuracies[p]] for p in PARTS}, "images": counts}


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def curve(
    prepared: Dampenable, lambda_: float, images: int, say: Callable[[float, str], None] = lambda share, note: None
) -> tuple[list[float], dict[str, list[float]], dict[str, int]]:
    """alphas; part -> accuracy at each (nan where the part is empty); part -> how many images were evaluated.

    Equal dampening is evaluated once: above the largest ratio no weight is selected any more.
    """
    splits = prepared.finished.splits
    rows = splits.test.some(images)
    sets = {"forget": splits.forget.sample(images), "retain": splits.retain.sample(images), "test": splits.test.subset(rows)}
    forgotten = splits.test_forgotten[rows]
    alphas, results, before = np.geomspace(prepared.axis.low, prepared.axis.high, ALPHAS).tolist(), [], -1
    for index, alpha in enumerate(alphas):
        say(index / ALPHAS, f"alpha {alpha:.3g}")
        count = len(dampened(prepared, alpha, lambda_)[0])
        if count != before:  # a higher alpha selects a part of what a lower one does
            results.append(_accuracies(prepared, sets, forgotten))
            before = count
        else:
            results.append(results[-1])
    counts = {part: len(sets[part]) for part in ("forget", "retain")}
    counts |= {"test_forget": int(forgotten.sum()), "test_retain": int((~forgotten).sum())}
    return alphas, {part: [at[part] for at in results] for part in PARTS}, counts


def _accuracies(prepared: Dampenable, sets: dict[str, Examples], forgotten: torch.Tensor) -> dict[str, float]:
    test, labels = predict(prepared.model, sets["test"], "cpu"), sets["test"].labels
    parts = {name: accuracy(predict(prepared.model, sets[name], "cpu"), sets[name].labels) for name in ("forget", "retain")}
    halves = {"test_forget": accuracy_of(test, labels, forgotten), "test_retain": accuracy_of(test, labels, ~forgotten)}
    return parts | {name: np.nan if value is None else value for name, value in halves.items()}


def alphas(home: Home, run_id: str, say: Callable[[float, str], None], *, lambda_: float, importance: str = "") -> dict[str, np.ndarray]:
    """`alpha` (A,); `accuracy/PART` (A,), nan where the part is empty; `images/PART`: how many were evaluated.

    importance: the key of the background analysis that computed the importances, '' for the run's own.
    """
    values, accuracies, counts = curve(load(open_models(home, run_id), importance), lambda_, PATIENT, say)
    return (
        {"alpha": np.array(values)}
        | {f"accuracy/{part}": np.array(row) for part, row in accuracies.items()}
        | {f"images/{part}": np.array(count) for part, count in counts.items()}
    )
