"""Importances by layer, and the histogram of their ratios; of arrays, without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np

BINS = 60  # of the histogram of ratios
BANDS = (0.05, 0.25, 0.5, 0.75, 0.95)  # quantiles over a layer's weights
COUNTED = 100_000  # weights of a layer that its quantiles are computed from, at most


def importance_statistics(of_forget: Mapping[str, np.ndarray], of_all: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """of_forget, of_all: layer -> importance of each weight, in the same order.

    `layers`: per parameter tensor its name, count of weights, mean importance on forget and on all data, the ratio of
    these (None for 0/0), and `bands`: the quantiles BANDS of log10 of each over the weights where it is above 0 (None where
    there are none). `histogram`: counts of log10(I_forget / I_all) over all weights with both above 0, and the bins' edges.
    """
    layers = [_layer(name, forget.ravel(), of_all[name].ravel()) for name, forget in of_forget.items()]
    logs = [_log_ratios(forget.ravel(), of_all[name].ravel()) for name, forget in of_forget.items()]
    there = [values for values in logs if len(values)]
    low, high = (min(float(v.min()) for v in there), max(float(v.max()) for v in there)) if there else (-1.0, 1.0)
    if low == high:  # all ratios are one: bins need a width
        low, high = low - 0.5, high + 0.5
    counts = sum((np.histogram(values, BINS, (low, high))[0] for values in there), np.zeros(BINS, int))
    step = (high - low) / BINS
    return {"layers": layers, "histogram": {"counts": counts.astype(float).tolist(), "edges": [low + step * i for i in range(BINS + 1)]}}


def _log_ratios(forget: np.ndarray, everything: np.ndarray) -> np.ndarray:
    both = (forget > 0) & (everything > 0)
    return np.asarray(np.log10((forget[both] / everything[both]).astype(np.float64)))


def _layer(name: str, forget: np.ndarray, everything: np.ndarray) -> dict[str, Any]:
    means = {"forget": float(forget.mean(dtype=np.float64)), "all": float(everything.mean(dtype=np.float64))}
    step = max(1, forget.size // COUNTED)
    ours, all_ = (values[::step].astype(np.float64) for values in (forget, everything))
    bands = {"forget": _bands(ours), "all": _bands(all_), "ratio": _bands(ours[all_ > 0] / all_[all_ > 0])}
    ratio = means["forget"] / means["all"] if means["all"] else None
    return {"layer": name, "weights": forget.size, **means, "ratio": ratio, "bands": bands}


def _bands(values: np.ndarray) -> list[float] | None:
    above = values[values > 0]
    if not len(above):
        return None
    quantiles: list[float] = np.quantile(np.log10(above), BANDS).tolist()
    return quantiles
