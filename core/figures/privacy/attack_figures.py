"""Figures of a membership attack: score distributions and ROC curves; pure.

A slider redraws them, so each is built by one go.Figure call: plotly's `add_` and `update_` take three times as long.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.figures.palette import (
    MODEL_COLOUR,
    MODEL_DASH,
    MODEL_SYMBOL,
    MODEL_TITLE,
    QUIET,
    SET_COLOUR,
    SET_DASH,
    SET_SYMBOL,
    SET_TITLE,
    THRESHOLD,
)
from core.figures.plotly_layout import base_layout
from core.figures.privacy.scores import SECOND, SHOWN, Score

BINS = 40
FEW = 10  # images of a set, below which each is drawn as a point instead of a histogram
LEAST = 1e-3  # the smallest rate on the ROC's axes; smaller ones are drawn there
RATES = (0.001, 0.01, 0.1, 1.0)
BELOW = {"margin": {"l": 8, "r": 8, "t": 32, "b": 8}, "legend": {"orientation": "h", "y": -0.3, "yanchor": "top", "x": 0}}


def shares_of(values: dict[str, np.ndarray], score: Score, between: tuple[float, float]) -> dict[str, np.ndarray]:
    """Set -> (BINS,) shares of the set's own scores; what lies beyond an end of the axis counts at that end.

    values: set -> (n,) scores; sets of a few are left out. between: the axis in drawn units.
    """
    edges = np.linspace(*between, BINS + 1)
    return {
        name: np.histogram(np.clip(score.drawn(some), edges[0], edges[-1]), edges)[0] / len(some)
        for name, some in values.items()
        if len(some) >= FEW
    }


def distributions(
    values: dict[str, np.ndarray], score: Score, between: tuple[float, float], threshold: float, above: bool, top: float
) -> go.Figure:
    """Step histograms of a score by set, a few images as points; the side of predicted members is shaded.

    values, between: see `shares_of`; top: the largest share that must fit, so that two figures can be compared.
    """
    edges, shares = np.linspace(*between, BINS + 1), shares_of(values, score, between)
    traces: list[dict[str, Any]] = []
    for name, some in values.items():
        trace = {"type": "scatter", "name": f"{SET_TITLE[name]} ({len(some)})", "hoverinfo": "skip"}
        if name in shares:
            traces.append(
                trace | {
                    "x": edges, "y": np.append(shares[name], shares[name][-1]), "mode": "lines",
                    "line": {"shape": "hv", "color": SET_COLOUR[name], "dash": SET_DASH[name], "width": 3 if name == "forget" else 2},
                    "fill": "tozeroy" if name == "forget" else "none", "fillcolor": "rgba(173,58,156,0.15)",
                }
            )  # fmt: skip
        elif len(some):
            marker = {"color": SET_COLOUR[name], "symbol": SET_SYMBOL[name], "size": 12}
            points = {"x": np.clip(score.drawn(some), *between), "y": np.full(len(some), top / 2)}
            traces.append(trace | points | {"mode": "markers", "marker": marker})
    layout = base_layout(f"{score.title}, {score.unit}", "share of the set")
    line, room = float(score.drawn(threshold)), 0.03 * (between[1] - between[0])
    ends = (min(between[0], line) - room, max(between[1], line) + room)
    layout |= threshold_marks(score, threshold, above, ends)
    marks = score.ticks(between)
    if marks:
        layout["xaxis"] |= {"tickvals": score.drawn(np.array(marks)), "ticktext": [f"{mark:g}" for mark in marks]}
    layout["xaxis"]["range"] = ends
    layout["yaxis"] |= {"tickformat": ".0%", "range": [0, 1.05 * top]}
    return go.Figure(traces, {**layout, **BELOW})


def threshold_marks(score: Score, threshold: float, above: bool, ends: tuple[float, float]) -> dict[str, Any]:
    """Shapes and annotations of a threshold: its line, the shaded side of predicted members, its value. ends: of the drawn axis."""
    line, side = float(score.drawn(threshold)), {"xref": "x", "yref": "y domain", "y0": 0, "y1": 1}
    shapes = [
        {"type": "line", "x0": line, "x1": line, "line": {"width": 3, "color": THRESHOLD}, **side},
        {"type": "rect", "x0": line, "x1": ends[above], "fillcolor": THRESHOLD, "opacity": 0.12, "line": {"width": 0},
         "layer": "below", **side},
    ]  # fmt: skip
    annotations = [
        {"text": f"members {'≥' if above else '≤'} {SHOWN(threshold)}", "x": line, "xref": "x", "y": 1, "yref": "y domain",
         "xanchor": "right" if line > sum(ends) / 2 else "left", "yanchor": "bottom", "showarrow": False},
    ]  # fmt: skip
    return {"shapes": shapes, "annotations": annotations}


def roc_curves(
    curves: dict[str, tuple[np.ndarray, np.ndarray]], marks: dict[str, tuple[float, float]], attacked: str,
    titles: Mapping[str, str] = MODEL_TITLE,
) -> go.Figure:  # fmt: skip
    """ROC on log axes. curves: model -> (false-positive, true-positive rates); marks: model -> rates at the threshold.

    SECOND is drawn too, thin and in the reference's colour.
    """
    ends = [np.log10(LEAST), 0.0]
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "name": "Chance", "x": ends, "y": ends, "mode": "lines", "hoverinfo": "skip",
         "line": {"color": QUIET, "width": 1, "dash": "longdash"}},
    ]  # fmt: skip
    says = "finds %{customdata[1]:.1%} at %{customdata[0]:.1%} false alarms<extra></extra>"
    for model, (false_positive, true_positive) in curves.items():
        title = titles[model]
        traces.append(
            {"type": "scatter", "name": title, "x": _log(false_positive), "y": _log(true_positive), "mode": "lines",
             "line": _line(model, 3 if model == attacked else 2),
             "customdata": np.column_stack([false_positive, true_positive]), "hovertemplate": f"{title}: {says}"}
        )  # fmt: skip
    for model, (fpr, tpr) in marks.items():
        traces.append(
            {"type": "scatter", "name": f"{MODEL_TITLE[model]}, at the threshold", "x": _log([fpr]), "y": _log([tpr]),
             "mode": "markers", "showlegend": False, "cliponaxis": False, "customdata": [[fpr, tpr]],
             "marker": {"color": MODEL_COLOUR[model], "symbol": MODEL_SYMBOL[model], "size": 13,
                        "line": {"width": 3, "color": THRESHOLD}},
             "hovertemplate": f"the threshold: {says}"}
        )  # fmt: skip
    layout = base_layout("false-positive rate (log scale)", "true-positive rate (log scale)")
    for axis in ("xaxis", "yaxis"):
        layout[axis] |= {"range": [-3.08, 0.08], "tickvals": np.log10(RATES), "ticktext": ["≤ 0.1 %", "1 %", "10 %", "100 %"]}
    return go.Figure(traces, {**layout, **BELOW})


def _line(model: str, width: int) -> dict[str, Any]:
    if model == SECOND:
        return {"color": MODEL_COLOUR["reference"], "dash": "dashdot", "width": 1}
    return {"color": MODEL_COLOUR[model], "dash": MODEL_DASH[model], "width": width}


def _log(rates: np.ndarray | list[float]) -> np.ndarray:
    return np.log10(np.maximum(rates, LEAST))
