"""Figures of importances and dampening: factors, accuracy over alpha, maps by layer and kernel. Pure functions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.figures.palette import (
    ACCENT,
    MODEL_COLOUR,
    QUIET,
    SET_COLOUR,
    THRESHOLD,
    diverging,
    sequential,
)
from core.figures.plotly_layout import base_layout, label_height, log10, note_above, vertical_line
from core.figures.ssd_figures import NEAR, RULE

LAYERS = "parameter tensor, input to output"
NAMED = 24  # layers, up to which every name is written below a figure
LEVEL = 6  # layers, up to which names fit horizontally
WRITTEN = 16  # columns of a heat map, up to which cells show their number
PARTS = {  # part of the data -> name, colour, dash
    "forget": ("forget set", SET_COLOUR["forget"], "solid"), "test_forget": ("test forget set", SET_COLOUR["forget"], "dot"),
    "retain": ("retain set", SET_COLOUR["retain"], "solid"), "test_retain": ("test retain set", SET_COLOUR["retain"], "dot"),
}  # fmt: skip
POWERS = {"tickvals": list(range(-20, 8)), "ticktext": [f"10<sup>{p}</sup>" for p in range(-20, 8)]}
RATIOS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


def marks(alpha: float, automatic: float, ceiling: float | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Shapes and annotations of an axis of log10: the chosen alpha, the automatic one, and n/k where there is one."""
    lines = [(alpha, f"α = {alpha:.3g}", THRESHOLD, "solid", 3, "right")]
    if abs(log10(automatic) - log10(alpha)) > NEAR:
        lines.append((automatic, RULE, QUIET, "dash", 2, "left" if automatic > alpha else "right"))
    if ceiling is not None:
        lines.append((ceiling, f"n/k = {ceiling:.3g}", MODEL_COLOUR["reference"], "dot", 2, "left"))
    shapes = [vertical_line(log10(value), colour, dash, width) for value, _, colour, dash, width, _ in lines]
    return shapes, [note_above(log10(value), text, colour, side, text == RULE) for value, text, colour, _, _, side in lines]


def beta_bars(betas: Sequence[float]) -> go.Figure:
    """Bars: how many dampened weights got which factor; left, set to nearly zero, right, hardly changed."""
    edges = np.linspace(0, 1, len(betas) + 1)
    trace = {
        "type": "bar", "x": (edges[1:] + edges[:-1]) / 2, "y": list(betas), "width": np.diff(edges), "marker": {"color": ACCENT},
        "customdata": np.stack([edges[:-1], edges[1:]], 1),
        "hovertemplate": "β from %{customdata[0]:.2f} to %{customdata[1]:.2f}: %{y} weights<extra></extra>",
    }  # fmt: skip
    return go.Figure([trace], base_layout("β, what a dampened weight is multiplied by", "weights", bargap=0, xaxis={"range": [0, 1]},
                                    yaxis={"rangemode": "tozero"}))  # fmt: skip


def alpha_lines(alphas: Sequence[float], accuracies: dict[str, Sequence[float | None]], alpha: float, automatic: float,
                ceiling: float | None) -> go.Figure:  # fmt: skip
    """Lines over the axis of alpha: accuracy on each part of the data; the current alpha, the automatic one and n/k marked."""
    x = np.log10(np.array(alphas))
    traces = [
        {"type": "scatter", "mode": "lines", "x": x, "y": list(accuracies[part]), "name": name,
         "line": {"color": colour, "dash": dash, "width": 2.5}, "customdata": list(alphas),
         "hovertemplate": f"α = %{{customdata:.3g}}: %{{y:.1%}} on {name}<extra></extra>"}
        for part, (name, colour, dash) in PARTS.items()
        if any(value is not None for value in accuracies[part])
    ]  # fmt: skip
    shapes, notes = marks(alpha, automatic, ceiling)
    ticks = {"tickvals": [log10(v) for v in RATIOS], "ticktext": [f"{v:g}" for v in RATIOS]}
    layout = base_layout("α (log scale)", "accuracy", xaxis=ticks, yaxis={"range": [-0.03, 1.03], "tickformat": ".0%"},
                   margin={"t": 56}, legend={"y": -0.28, "yanchor": "top"}, shapes=shapes, annotations=notes)  # fmt: skip
    return go.Figure(traces, layout)


def importance_map(layers: Sequence[dict[str, Any]]) -> go.Figure:
    """Heat map: above, mean importance by layer on the forget set and on all data, on one log scale; below, their ratio."""
    names = [layer["layer"] for layer in layers]
    means = np.array([[layer[row] or np.nan for layer in layers] for row in ("all", "forget")], float)
    ratios = np.array([[np.nan if layer["ratio"] is None else layer["ratio"] for layer in layers]], float)
    few = len(names) <= WRITTEN
    common = {"type": "heatmap", "x": names, "xgap": 1, "ygap": 1, "showscale": False, "texttemplate": "%{text}" if few else None}
    above = {
        **common, "z": np.log10(means), "y": ["all data", "forget set"], "customdata": means, "colorscale": sequential(),
        "text": [[_short(v) for v in row] for row in means], "hovertemplate": "%{x}, %{y}: %{customdata:.3g}<extra></extra>",
    }  # fmt: skip
    reach = max(0.3, float(np.nanmax(np.abs(np.log10(np.where(ratios > 0, ratios, np.nan))), initial=0.0)))
    below = {
        **common, "z": np.log10(np.where(ratios > 0, ratios, np.nan)), "y": ["ratio"], "customdata": ratios, "yaxis": "y2",
        "zmin": -reach, "zmax": reach, "colorscale": diverging(), "text": [[_short(v) for v in row] for row in ratios],
        "hovertemplate": "%{x}: forget / all %{customdata:.3g}<extra></extra>",
    }  # fmt: skip
    layout = base_layout(LAYERS, "", 300 + label_height(names), xaxis=across(names, "y2"), yaxis={"domain": [0.38, 1], "showgrid": False},
                   yaxis2={"domain": [0, 0.31], "showgrid": False, "fixedrange": True, "automargin": True})  # fmt: skip
    return go.Figure([above, below], layout)


def across(names: Sequence[str], anchor: str = "y") -> dict[str, Any]:
    """An axis of layers."""
    every = {"dtick": 1} if len(names) <= NAMED else {}
    upright_names = {"tickangle": 90} if len(names) > LEVEL else {}
    return {"type": "category", "showgrid": False, "anchor": anchor, **upright_names, **every}


def _short(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2g}"


def bands(layers: Sequence[dict[str, Any]], of: Sequence[str], title: str) -> go.Figure:
    """Boxes by layer, from quantiles of log10: box the middle half of the weights, whiskers from 5 % to 95 %. of: keys of `bands`."""
    styles = {"all": ("all training data", QUIET), "forget": ("forget set", SET_COLOUR["forget"]), "ratio": ("ratio forget / all", ACCENT)}
    traces = []
    for key in of:
        boxes = [(layer["layer"], layer["bands"][key]) for layer in layers if layer["bands"][key]]
        low, q1, middle, q3, high = np.array([quantiles for _, quantiles in boxes]).T if boxes else np.zeros((5, 0))
        name, colour = styles[key]
        traces.append(
            {"type": "box", "name": name, "x": [layer for layer, _ in boxes], "lowerfence": low, "q1": q1, "median": middle, "q3": q3,
             "upperfence": high, "marker": {"color": colour}, "line": {"color": colour, "width": 1.5}, "offsetgroup": key}
        )  # fmt: skip
    ticks = POWERS if of != ["ratio"] else {"tickvals": [log10(v) for v in RATIOS], "ticktext": [f"{v:g}" for v in RATIOS]}
    names = [layer["layer"] for layer in layers]
    lines = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": {"color": QUIET, "dash": "dot", "width": 1}}]
    return go.Figure(traces, base_layout(LAYERS, title, 360 + label_height(names), xaxis=across(names), yaxis={**ticks, "zeroline": False},
                                   boxmode="group", shapes=lines if of == ["ratio"] else []))  # fmt: skip


def kernels(table: Sequence[Sequence[float | None]], block: Sequence[int], what: str, ratio: bool = True) -> go.Figure:
    """Heat map of a layer: row = output channel, column = input channel. ratio: on a log scale around 1; else from 0 up."""
    values = np.array(table, float)
    shown = np.log10(np.where(values > 0, values, np.nan)) if ratio else values
    reach = max(0.3, float(np.nanmax(np.abs(shown), initial=0.0))) if ratio else float(np.nanmax(shown, initial=0.0)) or 1.0
    rows, columns = values.shape
    trace = {
        "type": "heatmap", "z": shown, "x": np.arange(columns) * block[1], "y": np.arange(rows) * block[0], "customdata": values,
        "zmin": -reach if ratio else 0, "zmax": reach, "colorscale": diverging() if ratio else sequential(),
        "colorbar": {"thickness": 10, "outlinewidth": 0, **(_ratio_ticks(reach) if ratio else {})},
        "hovertemplate": f"output %{{y}}, input %{{x}}: {what} %{{customdata:.3g}}<extra></extra>",
    }  # fmt: skip
    height = int(min(620, max(220, 110 + 9 * rows)))
    return go.Figure([trace], base_layout("input channel", "output channel", height, xaxis={"showgrid": False},
                                    yaxis={"showgrid": False, "autorange": "reversed"}))  # fmt: skip


def _ratio_ticks(reach: float) -> dict[str, Any]:
    near = [value for value in (0.001, 0.01, 0.1, 0.3, 1, 3, 10, 100, 1000) if abs(log10(value)) <= reach]
    return {"tickvals": [log10(value) for value in near], "ticktext": [f"{value:g}" for value in near]}
