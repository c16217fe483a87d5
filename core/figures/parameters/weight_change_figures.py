"""Which weights each method changed: heat maps of layers by method, overlaps between methods. Pure functions."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.figures.palette import ACCENT, sequential
from core.figures.parameters.importance_and_alpha_figures import LAYERS, WRITTEN, across
from core.figures.plotly_layout import base_layout, label_height

ROW = 34  # pixels of a map's row


def by_layer(table: Sequence[Sequence[float]], names: Sequence[str], layers: Sequence[str], what: str,
             shares: bool = False) -> go.Figure:  # fmt: skip
    """Heat map: row = run, column = layer. shares: in percent, from 0 to 1; else relative changes, whose colour ends at 1."""
    values = np.array(table, float)
    written = len(layers) <= WRITTEN
    text = [[("" if not v else f"{100 * v:.0f}" if shares else f"{v:.2g}") for v in row] for row in values]
    trace = {
        "type": "heatmap", "z": np.minimum(values, 1), "x": list(layers), "y": list(names), "zmin": 0, "zmax": 1, "xgap": 1, "ygap": 1,
        "customdata": values, "text": text, "texttemplate": "%{text}" if written else None, "colorscale": sequential(),
        "showscale": not written, "colorbar": {"thickness": 10, "outlinewidth": 0, "tickformat": ".0%" if shares else None},
        "hovertemplate": f"%{{y}}, %{{x}}: {what} %{{customdata:{'.1%' if shares else '.3g'}}}<extra></extra>",
    }  # fmt: skip
    layout = base_layout(LAYERS, "", 150 + label_height(layers) + ROW * max(2, len(names)), xaxis=across(layers),
                   yaxis={"type": "category", "autorange": "reversed", "showgrid": False})  # fmt: skip
    return go.Figure([trace], layout)


def overlaps(table: Sequence[Sequence[float | None]], names: Sequence[str]) -> go.Figure:
    """Heat map, run by run: weights that both changed over weights that either changed; empty where neither changed any."""
    values = np.array(table, float)
    text = [["" if np.isnan(v) else f"{100 * v:.0f}" for v in row] for row in values]
    trace = {
        "type": "heatmap", "z": values, "x": list(names), "y": list(names), "zmin": 0, "zmax": 1, "xgap": 1, "ygap": 1, "text": text,
        "texttemplate": "%{text}", "colorscale": sequential(), "showscale": False, "hoverongaps": False,
        "hovertemplate": "%{y} and %{x}: %{z:.1%} in common<extra></extra>",
    }  # fmt: skip
    layout = base_layout("", "", 130 + ROW * max(3, len(names)), xaxis={"type": "category", "showgrid": False},
                   yaxis={"type": "category", "autorange": "reversed", "showgrid": False})  # fmt: skip
    return go.Figure([trace], layout)


def filters(changes: Sequence[float | None]) -> go.Figure:
    """Bars: relative change of each output channel, in the layer's own order."""
    trace = {
        "type": "bar", "x": list(range(len(changes))), "y": list(changes), "marker": {"color": ACCENT, "line": {"width": 0}},
        "hovertemplate": "output channel %{x}: %{y:.3g}<extra></extra>",
    }  # fmt: skip
    return go.Figure([trace], base_layout("output channel", "relative change", 300, bargap=0.1, yaxis={"rangemode": "tozero"}))
