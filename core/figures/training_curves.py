"""Loss and accuracy by epoch of training; pure."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.figures.palette import MODEL_COLOUR, MODEL_DASH, MODEL_SYMBOL, MODEL_TITLE
from core.figures.plotly_layout import base_layout

HEIGHT = 280  # pixels
SMALL, LARGE = 6, 14  # pixels across, of points
ALT = "Loss and accuracy by epoch on training images, and on those held out if any were, of the original and the reference network"
MEAN = (
    "Lines: mean over an epoch's training images, each as the network was when it was trained on it. The reference never saw the forget "
    "set."
)
WORDS = MEAN.removesuffix(".") + "; where its curve ends as the original's does, both are trained as far."
KEPT = " A large point: the epoch whose weights were kept."


VALIDATION = (
    " Points: on the validation share, which no network was trained on, as the network was at the epoch's end; of the reference without "
    "images that the request names."
)


def words(table: pd.DataFrame, kept: Mapping[str, int] = {}) -> str:
    """What stands below the figure of this table. kept: as of `training_curves`."""
    return (MEAN if kept else WORDS) + VALIDATION * ("validation_loss" in table) + KEPT * bool(kept)


def training_curves(table: pd.DataFrame, kept: Mapping[str, int] = {}) -> go.Figure:
    """Loss on the left, accuracy on the right; lines on training images, points on those held out.

    table: model, epoch, loss (nats), accuracy (share), perhaps validation_loss, validation_accuracy; at least one row. kept: model -> the
    epoch whose weights it has, where that may be another than the last.
    """
    last = int(table["epoch"].max())
    traces = list[dict[str, Any]]()
    for model in MODEL_TITLE:
        rows = table[table["model"] == model].sort_values("epoch")
        for column in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
            if column in rows and rows[column].notna().any():
                traces.append(_trace(rows, model, column, kept.get(model)))
    across = {"title": "epoch", "automargin": True, "fixedrange": True, "tick0": 0, "dtick": max(1, ceil(last / 8))}
    return go.Figure(traces, base_layout(
        "epoch", "loss, nats", HEIGHT, xaxis={**across, "domain": [0, 0.45]}, yaxis={"rangemode": "tozero"},
        xaxis2={**across, "domain": [0.55, 1], "anchor": "y2"},
        yaxis2={"title": "accuracy", "automargin": True, "fixedrange": True, "anchor": "x2", "range": [0, 1.03], "tickformat": ".0%"},
    ))  # fmt: skip


def _trace(rows: pd.DataFrame, model: str, column: str, kept: int | None) -> dict[str, Any]:
    """One curve of one network. kept: its epoch that is marked."""
    what, held = column.removeprefix("validation_"), column.startswith("validation_")
    axis, form = ("", ".3f") if what == "loss" else ("2", ".1%")
    title = f"{MODEL_TITLE[model]}, validation" if held else MODEL_TITLE[model]
    how: dict[str, Any] = {
        "mode": "lines" if len(rows) > 1 else "markers", "line": {"color": MODEL_COLOUR[model], "dash": MODEL_DASH[model], "width": 3},
    }  # fmt: skip
    if held:
        sizes = [LARGE if epoch == kept else SMALL for epoch in rows["epoch"]]
        marker = {"color": MODEL_COLOUR[model], "symbol": MODEL_SYMBOL[model], "size": sizes, "line": {"width": 2}, "opacity": 1}
        how = {"mode": "markers", "marker": marker, "cliponaxis": False}
    return {
        "type": "scatter", "name": title, "legendgroup": f"{model}{held}", "showlegend": what == "loss", "xaxis": f"x{axis}",
        "yaxis": f"y{axis}", "x": rows["epoch"].to_numpy(), "y": rows[column].to_numpy(), **how,
        "hovertemplate": f"{title}, epoch %{{x}}: {what} %{{y:{form}}}<extra></extra>",
    }  # fmt: skip
