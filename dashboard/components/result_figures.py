"""What a run changed, class by class and layer by layer, as plotly figures; pure functions of tables."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.components.figures import DARK_SCALE, hatch, house, laid_out, square
from dashboard.components.palette import MODEL_COLOUR, MODEL_PATTERN, MODEL_TITLE

READABLE = 15  # classes whose names and counts fit into a matrix
NO_MATRIX = "an image has several attributes, so no answer stands in place of another one."


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
    counts = square(table, size, "count").astype(int)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=list(classes), y=list(classes), customdata=counts, zmin=0, zmax=1, colorscale=DARK_SCALE if dark else "Blues",
            xgap=1, ygap=1, showscale=False,
            text=np.where(counts > 0, counts.astype(str), "") if readable else None, texttemplate="%{text}" if readable else None,
            hovertemplate=f"{row.removesuffix(' class')} %{{y}}, answered %{{x}}: %{{customdata}} images (%{{z:.0%}})<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False, showticklabels=readable)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, showticklabels=readable)
    figure.update_layout(title={"text": title, "x": 0, "font": {"size": 15}})
    return laid_out(figure, "answer", row, 360)


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
