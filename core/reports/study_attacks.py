"""Metrics of several seeds of one variant together: U-LiRA, RMIA, forgetting quality and KLoM, from the runs' examples."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from core.metrics.privacy.multi_seed import (
    FORGETTING_QUALITY,
    KLOM,
    RMIA,
    U_LIRA,
    TooFewSeeds,
    forgetting_quality,
    klom,
    rmia,
    u_lira,
)

if TYPE_CHECKING:
    import pandas as pd

OWN_DRAWS = "each seed has its own draw; a study with draws = 0 has one for all seeds."
TITLES = {metric.key: metric.title for metric in (U_LIRA, RMIA, FORGETTING_QUALITY, KLOM)}
ValuesAndReasons = tuple[dict[str, float], dict[str, str]]  # metric -> value; metric -> why there is none


def over_seeds(tables: "Sequence[pd.DataFrame]", accuracies: "pd.DataFrame", model: str = "unlearned") -> ValuesAndReasons:
    """`tables`: the `examples` of one variant's runs, one a seed. `accuracies`: their rows of `comparison`, in that order.

    No values where the runs forget different examples: the forget set of one seed is in the others' retain sets.

    With `model="reference"` the references stand in for the unlearned models where that is meaningful: RMIA.
    """
    seeds = [table for table in tables if {"unlearned_confidence", "reference_confidence"} <= set(table.columns)]
    drawn = accuracies["request"].nunique() > 1
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for metric, compute in _METRICS.items():
        if model != "unlearned" and metric != RMIA.key:
            continue
        if drawn:
            reasons[metric] = f"{TITLES[metric]} needs the same forget set in every seed's run, and here {OWN_DRAWS}"
            continue
        try:
            values[metric] = compute(seeds, accuracies, model)
        except (TooFewSeeds, _Missing) as reason:
            reasons[metric] = str(reason)
    return values, reasons


class _Missing(ValueError):
    """The runs lack what the metric reads; one sentence."""


def _u_lira(tables: "Sequence[pd.DataFrame]", accuracies: "pd.DataFrame", model: str) -> float:
    phi = _scores(tables, "forget", "confidence")
    return u_lira(phi[model], phi["reference"])


def _rmia(tables: "Sequence[pd.DataFrame]", accuracies: "pd.DataFrame", model: str) -> float:
    forget = _scores(tables, "forget", "loss")
    test_set = "test_forget" if all((table["set"] == "test_forget").any() for table in tables) else "test_retain"
    population = _scores(tables, test_set, "loss")  # log p_y = -loss
    return rmia(-forget[model], -population[model], -forget["reference"], -population["reference"])


def _quality(tables: "Sequence[pd.DataFrame]", accuracies: "pd.DataFrame", model: str) -> float:
    phi = _scores(tables, "forget", "confidence")
    accuracy_pairs = []
    for metric in ("train_retain_accuracy", "test_retain_accuracy"):
        names = (metric, f"reference.{metric}")
        if not set(names) <= set(accuracies.columns) or not accuracies[list(names)].notna().all(axis=None):
            raise _Missing("These runs have no accuracies on the retain set, or no reference's.")
        accuracy_pairs.append((accuracies[names[0]], accuracies[names[1]]))
    if any((theirs == 0).all() for _, theirs in accuracy_pairs):
        raise _Missing("The references recognise nothing of the retain set, so that no share of it can be given.")
    return forgetting_quality(phi["unlearned"], phi["reference"], *accuracy_pairs)


def _klom(tables: "Sequence[pd.DataFrame]", accuracies: "pd.DataFrame", model: str) -> float:
    phi = _scores(tables, "forget", "confidence")
    return klom(phi["unlearned"], phi["reference"])


def _scores(tables: "Sequence[pd.DataFrame]", name: str, score: str) -> dict[str, np.ndarray]:
    """Model -> (S, N) of the examples of one set that every seed's run evaluated, in the order of their index."""
    if not tables:  # let the metric say how many seeds it needs
        return dict.fromkeys(("unlearned", "reference"), np.empty((0, 1)))
    sets = [table[table["set"] == name].set_index("index") for table in tables]
    shared = reduce(lambda common, rows: common.intersection(rows.index), sets[1:], sets[0].index).sort_values()
    if not len(shared):
        raise _Missing(f"No example of the set {name} was evaluated by every seed's run.")
    return {
        model: np.stack([rows.loc[shared, f"{model}_{score}"].to_numpy(float) for rows in sets])
        for model in ("unlearned", "reference")
    }


_METRICS: "dict[str, Callable[[Sequence[pd.DataFrame], pd.DataFrame, str], float]]" = {
    U_LIRA.key: _u_lira,
    RMIA.key: _rmia,
    FORGETTING_QUALITY.key: _quality,
    KLOM.key: _klom,
}
