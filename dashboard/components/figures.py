"""Tables to plotly figures: pure functions; colours of text and background are the theme's."""

from collections.abc import Sequence
from math import log10 as log10_of
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.components.palette import ACCENT, MODEL_COLOUR, MODEL_PATTERN, MODEL_TITLE, QUIET, THRESHOLD

READABLE = 15  # classes whose names and counts fit into a matrix
HEIGHT = 340  # pixels
DARK_SCALE = [[0.0, "#1b232e"], [1.0, "#7cc0f5"]]
DECADES = range(-12, 5)  # of importance ratios
LETTER, USUAL = 6, 17  # pixels of a letter of a layer's name; letters that any figure has room for
ABOVE = 16  # pixels from one row of words to the next
NEAR = 0.02  # of a decade: lines that stand closer are one to the eye
SMALLEST = 1e-12  # a log axis has no 0: what is smaller stands here
TAIL = 0.005  # share of the weights with the smallest ratios that the histogram may leave out of sight
NO_MATRIX = "an image has several attributes, so no answer stands in place of another one."
CONFIG = {"displaylogo": False, "displayModeBar": False, "responsive": True}


def house(x: str, y: str, height: int = HEIGHT, **more: Any) -> dict[str, Any]:
    """The house's layout as plain data; `more`: parts of a layout, laid over it. Axes' titles, height in pixels.

    A figure made with its layout at once costs a seventh of one whose layout is updated afterwards.
    """
    layout: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
        "xaxis": {"title": x, "automargin": True, "fixedrange": True},
        "yaxis": {"title": y, "automargin": True, "fixedrange": True},
        "bargap": 0.25,
        "hovermode": "closest",
    }
    return laid_over(layout, **more)


def laid_over(layout: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A layout with further parts: dictionaries are merged, anything else takes the place of what was there."""
    parts = {name: {**layout.get(name, {}), **part} if isinstance(part, dict) else part for name, part in more.items()}
    return {**layout, **parts}


def layout_of(x: str, y: str, height: int = HEIGHT) -> dict[str, Any]:
    """The house's frame around a figure: axes' titles, height in pixels, legend above; scrolling scrolls the page."""
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
        "xaxis": {"title": x, "automargin": True, "fixedrange": True},
        "yaxis": {"title": y, "automargin": True, "fixedrange": True},
        "bargap": 0.25,
        "hovermode": "closest",
    }


def log10(value: float) -> float:
    """Where a value stands on a log axis, 0 too."""
    return log10_of(max(value, SMALLEST))


def laid_out(figure: go.Figure, x: str, y: str, height: int = HEIGHT) -> go.Figure:
    """The figure in that frame. Figures that a slider redraws are made with their layout at once: a third of the time."""
    figure.update_layout(layout_of(x, y, height))
    return figure


def hatch(shape: str) -> dict[str, Any]:
    """Thin white lines over the bar's colour, so that bars differ without colour too."""
    return {"shape": shape, "fillmode": "overlay", "fgcolor": "white", "fgopacity": 1, "solidity": 0.3, "size": 7}


def class_shift(table: pd.DataFrame, classes: tuple[str, ...], forgotten: tuple[int, ...], multi: bool = False) -> go.Figure:
    """Grouped bars: accuracy by class under each model. table: model, class, accuracy (share).

    multi: by attribute; the hover tells how many of `count` images have it (`positives`), where the table knows.
    """
    what, traces = "attribute" if multi else "class", []
    names = [f"<b>{name} ✕</b>" if index in forgotten else name for index, name in enumerate(classes)]
    for model, title in MODEL_TITLE.items():
        rows = table[table["model"] == model].sort_values("class")
        if len(rows):
            marker = {
                "color": "rgba(128,136,144,0.18)" if model == "original" else MODEL_COLOUR[model],
                "line": {"color": MODEL_COLOUR[model], "width": 1.5}, "pattern": hatch(MODEL_PATTERN[model]),
            }  # fmt: skip
            traces.append(
                {"type": "bar", "name": title, "x": names, "y": rows["accuracy"].to_numpy(), "marker": marker,
                 "hovertemplate": f"{title}, {what} %{{x}}: %{{y:.1%}}{'%{customdata}' if multi else ''}<extra></extra>",
                 "customdata": _had(rows) if multi else None}
            )  # fmt: skip
    layout = house(what if multi else "class (✕ = to forget)", "answered rightly" if multi else "accuracy",
                   xaxis={"type": "category"}, yaxis={"range": [0, 1.02], "tickformat": ".0%"})  # fmt: skip
    return go.Figure(traces, layout)


def _had(rows: pd.DataFrame) -> list[str]:
    """How many images have each attribute, for a hover; '' where that is not known."""
    if "positives" not in rows or rows["positives"].isna().any():
        return [""] * len(rows)
    return [f"; {int(has)} of {int(n)} images have it" for has, n in zip(rows["positives"], rows["count"], strict=True)]


def confusion(table: pd.DataFrame, classes: tuple[str, ...], title: str, dark: bool = False, row: str = "true class") -> go.Figure:
    """Heat map of one model's answers: row = true class, cell = share of that class. table: true, predicted, count.

    row: what a row is called where it is not the true class.
    Of many classes, names and counts would cover the cells: a pointer on a cell tells them. dark: begin the scale at the dark
    theme's background, so that empty cells do not glare.
    """
    size, readable = len(classes), len(classes) <= READABLE
    counts = table.sort_values(["true", "predicted"])["count"].to_numpy().reshape(size, size)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=list(classes), y=list(classes), customdata=counts, zmin=0, zmax=1, colorscale=DARK_SCALE if dark else "Blues",
            xgap=1, ygap=1, showscale=False,
            text=np.where(counts > 0, counts.astype(str), ""), texttemplate="%{text}" if readable else None,
            hovertemplate=f"{row.removesuffix(' class')} %{{y}}, answered %{{x}}: %{{customdata}} images (%{{z:.0%}})<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False, showticklabels=readable)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, showticklabels=readable)
    figure.update_layout(title={"text": title, "x": 0, "font": {"size": 15}})
    return laid_out(figure, "answer", row, 360)


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
    return laid_out(figure, "parameter tensor, input to output", "mean importance")


def ratio_histogram(
    histogram: dict[str, list[float]], alpha: float, lambda_: float, ceiling: float | None, automatic: float | None = None,
) -> go.Figure:  # fmt: skip
    """Bars of log10(forget / all importance), in the accent where weights are dampened; lines at alpha, n/k and the automatic alpha.

    A weight is made smaller where its ratio is above alpha and above lambda (else its factor is cut to 1).
    """
    edges = np.array(histogram["edges"])
    centres, counts = (edges[1:] + edges[:-1]) / 2, np.array(histogram["counts"])
    selected = centres > log10(max(alpha, lambda_))
    traces = [
        {"type": "bar", "name": name, "x": centres, "y": np.where(selected == chosen, counts, 0), "width": np.diff(edges),
         "marker": {"color": colour, "line": {"width": 0}}, "hovertemplate": "ratio 10^%{x:.2f}: %{y} weights<extra>" + name + "</extra>"}
        for chosen, name, colour in ((False, "left alone", QUIET), (True, "dampened", ACCENT))
    ]  # fmt: skip
    lines = [(alpha, f"α = {alpha:.2f}", THRESHOLD, "solid", 3, "right")]
    if ceiling is not None:
        lines.append((ceiling, f"n/k = {ceiling:.2f}", MODEL_COLOUR["reference"], "dot", 2, "left"))
    if automatic is not None and abs(log10(automatic) - log10(alpha)) > NEAR:
        lines.append((automatic, "auto", QUIET, "dash", 2, "left" if automatic > alpha else "right"))
    right = edges[-1] if ceiling is None else max(edges[-1], log10(ceiling))
    seen = counts.cumsum() > TAIL * counts.sum()
    left = min(edges[:-1][seen][0] if seen.any() else edges[0], log10(alpha) - 0.2)
    layout = house(
        "ratio: importance to forget set / to all data (log scale)", "weights", barmode="stack", bargap=0, margin={"t": 56},
        legend={"y": -0.32, "yanchor": "top"}, yaxis={"type": "log", "exponentformat": "power", "dtick": 1},
        xaxis={"range": [left, right + 0.25 * (right - left)], "tickvals": list(DECADES), "ticktext": [f"{10.0**d:g}" for d in DECADES]},
        shapes=[upright(log10(value), colour, dash, width) for value, _, colour, dash, width, _ in lines],
        annotations=[noted(log10(value), text, colour, side, text == "auto") for value, text, colour, _, _, side in lines],
    )  # fmt: skip
    return go.Figure(traces, layout)


def upright(x: float, colour: str, dash: str, width: int) -> dict[str, Any]:
    """A line across the whole height at x."""
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": colour, "dash": dash, "width": width}}


def noted(x: float, text: str, colour: str, side: str, row: int = 0) -> dict[str, Any]:
    """Words above the figure at x, which end there (side = right) or begin there (left); in the lowest row or one above."""
    return {"x": x, "y": 1, "yref": "paper", "yanchor": "bottom", "yshift": ABOVE * row, "xanchor": side, "text": text,
            "showarrow": False, "font": {"color": colour}}  # fmt: skip


def dampened_share(dampened: dict[str, float]) -> go.Figure:
    """Bars: share of each parameter tensor's weights that are dampened."""
    trace = {
        "type": "bar", "x": list(dampened), "y": list(dampened.values()), "marker": {"color": ACCENT},
        "hovertemplate": "%{x}: %{y:.1%} dampened<extra></extra>",
    }  # fmt: skip
    largest = max(dampened.values(), default=0.0)
    top = next(top for top in (0.05, 0.1, 0.25, 0.5, 1.0) if largest <= top)
    numbers = {"range": [0, top], "tickformat": ".0%"}
    height = HEIGHT + room_for(list(dampened))
    return go.Figure([trace], house("parameter tensor, input to output", "weights dampened", height, yaxis=numbers))


def room_for(names: Sequence[str]) -> int:
    """Pixels that upright names of layers need below a figure, beyond those that any figure has."""
    return max(0, LETTER * (max(map(len, names), default=0) - USUAL))


def layer_change(layers: pd.DataFrame) -> go.Figure:
    """Bars: relative distance of each parameter tensor from the original's. layers: layer, distance, reference_distance."""
    figure = go.Figure()
    for column, model in (("distance", "unlearned"), ("reference_distance", "reference")):
        if layers[column].notna().any():
            figure.add_bar(
                name=MODEL_TITLE[model], x=layers["layer"], y=layers[column],
                marker={"color": MODEL_COLOUR[model], "pattern": hatch(MODEL_PATTERN[model])},
                hovertemplate="%{x}: %{y:.3f} of the original's length<extra></extra>",
            )  # fmt: skip
    return laid_out(figure, "parameter tensor, input to output", "relative change")
