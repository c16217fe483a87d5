"""Figures of recoverability: relearning, linear probes, layer grafting; pure."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.palette import MODEL_COLOUR, MODEL_DASH, MODEL_SYMBOL, MODEL_TITLE, QUIET
from core.figures.plotly_layout import base_layout

# The legend under the figure, where long names do not shrink the plot.
BELOW: dict[str, Any] = {"margin": {"t": 16}, "legend": {"y": -0.3, "yanchor": "top"}}
DIRECTIONS = {  # of a graft
    "model_below": "First k layers of this network, the others of the original",
    "original_below": "The original's first layers under its rest",
}


def relearn_curves(table: pd.DataFrame) -> go.Figure:
    """Accuracy on the forget set by training step, and the target at which it counts as recovered.

    table: model, step, accuracy (share), target (share); at least one row.
    """
    last, target = max(1, int(table["step"].max())), float(table["target"].iloc[0])
    traces: list[dict[str, Any]] = [{
        "type": "scatter", "name": f"Brought back ({100 * target:.0f} %)", "x": [0, last], "y": [target, target], "mode": "lines",
        "hoverinfo": "skip", "line": {"color": QUIET, "width": 2, "dash": "longdash"},
    }]  # fmt: skip
    for model, title in MODEL_TITLE.items():
        rows = table[table["model"] == model].sort_values("step")
        if len(rows):
            hover = title + ", step %{x}: %{y:.1%}<extra></extra>"
            traces.append(_line(title, rows["step"].to_numpy(), rows["accuracy"].to_numpy(), _style(model), hover))
    return go.Figure(traces, base_layout(
        "training steps", "accuracy, forget set", **BELOW, yaxis={"range": [-0.03, 1.03], "tickformat": ".0%"},
        xaxis={"range": [-0.04 * last - 0.1, 1.04 * last + 0.1], "dtick": ceil(last / 8), "tick0": 0},
    ))  # fmt: skip


def probe_lines(table: pd.DataFrame) -> go.Figure:
    """Balanced accuracy of linear probes for the forgotten classes on each layer's features.

    table: model, layer, accuracy; at least one row.
    """
    traces = []
    for model, title in MODEL_TITLE.items():
        rows = table[table["model"] == model]
        if len(rows):
            hover = title + ", %{x}: %{y:.1%}<extra></extra>"
            traces.append(_line(title, rows["layer"].to_numpy(), rows["accuracy"].to_numpy(), _style(model), hover))
    chance = {"type": "line", "x0": 0, "x1": 1, "xref": "x domain", "y0": 0.5, "y1": 0.5,
              "line": {"color": QUIET, "width": 1, "dash": "longdash"}}  # fmt: skip
    words = {"text": "chance", "showarrow": False, "x": 0, "xref": "x domain", "xanchor": "left", "y": 0.5, "yanchor": "bottom"}
    lowest = min(0.45, float(table["accuracy"].min()) - 0.05)
    return go.Figure(traces, base_layout(
        "features after layer", "balanced accuracy", **BELOW, shapes=[chance], annotations=[words], xaxis={"type": "category"},
        yaxis={"range": [lowest, 1.02], "tickformat": ".0%"},
    ))  # fmt: skip


def graft_lines(table: pd.DataFrame, direction: str) -> go.Figure:
    """Accuracy by the number of first layers grafted; on the forget set, and thin on the retain set.

    table: model, direction, k, layer, forget, retain.
    """
    traces, here = [], table[table["direction"] == direction]
    for model, title in MODEL_TITLE.items():
        rows = here[here["model"] == model].sort_values("k")
        names = [f"{k} {layer}".strip() for k, layer in zip(rows["k"], rows["layer"], strict=True)]
        for column, word in (("forget", "forgotten"), ("retain", "kept")) if names else ():
            style = _style(model) if column == "forget" else _thin_style(model)
            hover = f"{title}, {word}, %{{x}}: %{{y:.1%}}<extra></extra>"
            traces.append(_line(f"{title}, {word}", names, rows[column].to_numpy(), style, hover))
    below = "this network" if direction == "model_below" else "the original"
    return go.Figure(traces, base_layout(
        f"first layers taken from {below}", "accuracy", **BELOW, xaxis={"type": "category"},
        yaxis={"range": [-0.03, 1.03], "tickformat": ".0%"},
    ))  # fmt: skip


def _line(name: str, x: Sequence[object] | np.ndarray, y: np.ndarray, style: dict[str, dict[str, object]], hover: str) -> dict[str, Any]:
    return {"type": "scatter", "name": name, "x": x, "y": y, "mode": "lines+markers", "hovertemplate": hover, **style}


def _style(model: str) -> dict[str, dict[str, object]]:
    return {
        "line": {"color": MODEL_COLOUR[model], "dash": MODEL_DASH[model], "width": 3},
        "marker": {"color": MODEL_COLOUR[model], "symbol": MODEL_SYMBOL[model], "size": 9},
    }


def _thin_style(model: str) -> dict[str, dict[str, object]]:
    """Of the same model, distinguishable from `_style` without colour: thin and dotted."""
    style = _style(model)
    return {"line": style["line"] | {"width": 1, "dash": "dot"}, "marker": style["marker"] | {"size": 5}}
