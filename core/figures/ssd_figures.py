"""Figures of importances and of dampening; pure functions of plain data."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.figures.palette import ACCENT, MODEL_COLOUR, QUIET, THRESHOLD
from core.figures.plotly_layout import (
    HEIGHT,
    apply_layout,
    base_layout,
    hatch,
    label_height,
    log10,
    note_above,
    vertical_line,
)

DECADES = range(-12, 5)  # of importance ratios
RULE = "percentile"  # the alpha of the adaptive rule, named as the setting that takes it
NEAR = 0.02  # of a decade: closer lines cannot be told apart
TAIL = 0.005  # share of the weights with the smallest ratios that the histogram may leave out of sight


def layer_importance(layers: list[dict[str, Any]]) -> go.Figure:
    """Grouped bars on a log axis: mean importance per parameter tensor, on the forget set and on all data."""
    names = [layer["layer"] for layer in layers]
    figure = go.Figure()
    figure.add_bar(
        name="all training data", x=names, y=[layer["all"] for layer in layers], marker={"color": QUIET},
        hovertemplate="%{x}: %{y:.3g} on all data<extra></extra>",
    )  # fmt: skip
    figure.add_bar(
        name="forget set", x=names, y=[layer["forget"] for layer in layers],
        marker={"color": ACCENT, "pattern": hatch("/")},
        hovertemplate="%{x}: %{y:.3g} on the forget set<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    return apply_layout(figure, "parameter tensor, input to output", "mean importance")


def ratio_histogram(
    histogram: dict[str, list[float]], alpha: float, lambda_: float, ceiling: float | None, automatic: float | None = None,
) -> go.Figure:  # fmt: skip
    """Bars of log10(forget / all importance), in the accent where weights are dampened; lines at alpha, n/k and the automatic alpha.

    A weight is dampened where its ratio is above alpha and above lambda (else its factor is clipped to 1). A bar that the
    threshold crosses changes its colour there.
    """
    edges, counts = np.array(histogram["edges"]), np.array(histogram["counts"])
    traces = split_bars(edges, counts, log10(max(alpha, lambda_)))
    lines = [(alpha, f"α = {alpha:.2f}", THRESHOLD, "solid", 3, "right")]
    if ceiling is not None:
        lines.append((ceiling, f"n/k = {ceiling:.2f}", MODEL_COLOUR["reference"], "dot", 2, "left"))
    if automatic is not None and abs(log10(automatic) - log10(alpha)) > NEAR:
        lines.append((automatic, RULE, QUIET, "dash", 2, "left" if automatic > alpha else "right"))
    right = edges[-1] if ceiling is None else max(edges[-1], log10(ceiling))
    seen = counts.cumsum() > TAIL * counts.sum()
    left = min(edges[:-1][seen][0] if seen.any() else edges[0], log10(alpha) - 0.2)
    layout = base_layout(
        "importance, forget set / all data (log scale)", "weights", barmode="stack", bargap=0, margin={"t": 56},
        legend={"y": -0.32, "yanchor": "top"}, yaxis={"type": "log", "exponentformat": "power", "dtick": 1},
        xaxis={"range": [left, right + 0.25 * (right - left)], "tickvals": list(DECADES), "ticktext": [f"{10.0**d:g}" for d in DECADES]},
        shapes=[vertical_line(log10(value), colour, dash, width) for value, _, colour, dash, width, _ in lines],
        annotations=[note_above(log10(value), text, colour, side, text == RULE) for value, text, colour, _, _, side in lines],
    )  # fmt: skip
    return go.Figure(traces, layout)


def split_bars(edges: np.ndarray, counts: np.ndarray, cut: float) -> list[dict[str, Any]]:
    """Two traces, left and right of `cut`: bars between neighbouring edges, (n + 1,), of a log10 axis; counts: (n,).

    A bar that is cut is in both traces at full height: how its weights divide is unknown, and its hover says so.
    """
    intervals, cut = np.stack([edges[:-1], edges[1:]], 1), float(np.clip(cut, edges[0], edges[-1]))
    note = np.where((intervals[:, 0] < cut) & (cut < intervals[:, 1]), ", the threshold goes through them", "")
    about = [[*ends, words] for ends, words in zip(intervals.round(3).tolist(), note, strict=True)]
    traces = []
    for name, colour, low, high in (("left alone", QUIET, -np.inf, cut), ("dampened", ACCENT, cut, np.inf)):
        ends = np.clip(intervals, low, high)
        width = ends[:, 1] - ends[:, 0]
        traces.append({
            "type": "bar", "name": name, "x": ends.mean(1), "y": np.where(width > 0, counts, 0), "width": width, "customdata": about,
            "marker": {"color": colour, "line": {"width": 0}}, "hovertemplate":
            "ratios 10^%{customdata[0]:.2f} to 10^%{customdata[1]:.2f}: %{y} weights%{customdata[2]}<extra>" + name + "</extra>",
        })  # fmt: skip
    return traces


def dampened_share(dampened: dict[str, float], what: str = "dampened", height: int = HEIGHT) -> go.Figure:
    """Bars: share of each parameter tensor's weights that are dampened. what: what was done to them, where that is something else."""
    trace = {
        "type": "bar", "x": list(dampened), "y": list(dampened.values()), "marker": {"color": ACCENT},
        "hovertemplate": f"%{{x}}: %{{y:.1%}} {what}<extra></extra>",
    }  # fmt: skip
    largest = max(dampened.values(), default=0.0)
    top = next(top for top in (0.05, 0.1, 0.25, 0.5, 1.0) if largest <= top)
    numbers = {"range": [0, top], "tickformat": ".0%"}
    height += label_height(list(dampened))
    return go.Figure([trace], base_layout("parameter tensor, input to output", f"weights {what}", height, yaxis=numbers))
