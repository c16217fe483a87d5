"""Figures of what a run changed: accuracy by class, confusion matrix, change by layer. Pure functions of tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.markdown import hovered, on_axis
from core.figures.palette import MODEL_COLOUR, MODEL_PATTERN, MODEL_TITLE, sequential
from core.figures.plotly_layout import apply_layout, base_layout, hatch

READABLE = 15  # classes whose names and counts fit into a matrix
MOST = 40  # classes that have bars, or a row, of their own; the rest are drawn as one
NO_MATRIX = "an image has several attributes, so no prediction stands in place of another one."


def most_changed(table: pd.DataFrame, first: Sequence[int], most: int = MOST) -> tuple[int, ...]:
    """The classes to draw, in their order: all where there are few; else those in `first`, then those whose accuracy changed most.

    table: model, class, accuracy (share) of one set. Changed: between the original and the unlearned network, or from the reference.
    """
    every = np.unique(table["class"])
    if len(every) <= most:
        return tuple(every.tolist())
    wide = table.set_index(["class", "model"])["accuracy"].unstack()
    ours = wide.get("unlearned", pd.Series(np.nan, wide.index))
    gaps = [(ours - wide[other]).abs() for other in ("original", "reference") if other in wide]
    change = pd.concat(gaps, axis=1).max(axis=1).fillna(0.0) if gaps else pd.Series(0.0, wide.index)
    chosen = [index for index in dict.fromkeys(first) if index in wide.index][:most]
    others = change.drop(index=chosen).sort_values(ascending=False, kind="stable").index[: most - len(chosen)]
    return tuple(sorted(int(index) for index in (*chosen, *others)))


def class_shift(
    table: pd.DataFrame, classes: tuple[str, ...], forgotten: tuple[int, ...], multi: bool = False, only: Sequence[int] = ()
) -> go.Figure:
    """Grouped bars: accuracy by class under each model. table: model, class, accuracy (share).

    multi: by attribute; the hover shows how many of `count` images have it (`positives`), where the table has that column.
    only: the classes that have bars; by default those of `most_changed`. All others are one group of bars, with their mean accuracy.
    """
    what, traces = "attribute" if multi else "class", []
    shown = [*(only or most_changed(table, forgotten))]
    names = [f"<b>{name} ✕</b>" if index in forgotten else name
             for index, name in zip(shown, on_axis([classes[index] for index in shown]), strict=True)]  # fmt: skip
    full_names = [hovered(classes[index]) for index in shown]
    of_model, numbers = table["model"].to_numpy(), table.drop(columns="model").set_index("class")  # text costs more than all numbers
    for model, title in MODEL_TITLE.items():
        rows = numbers[of_model == model]
        if not len(rows):
            continue
        marker = {
            "color": "rgba(128,136,144,0.18)" if model == "original" else MODEL_COLOUR[model],
            "line": {"color": MODEL_COLOUR[model], "width": 1.5}, "pattern": hatch(MODEL_PATTERN[model]),
        }  # fmt: skip
        drawn = rows.reindex(shown)
        positives = _positive_counts(drawn) if multi else [""] * len(drawn)
        others = rows[~rows.index.isin(shown)]
        hover_parts, ticks, heights = [*zip(full_names, positives, strict=True)], [*names], drawn["accuracy"].tolist()
        if len(others):
            hover_parts.append((f"the mean of {len(others)} others", ""))
            ticks.append(f"{len(others)} others")
            heights.append(_mean(others))
        traces.append(
            {"type": "bar", "name": title, "x": ticks, "y": np.array(heights), "marker": marker, "customdata": hover_parts,
             "hovertemplate": f"{title}, {what} %{{customdata[0]}}: %{{y:.1%}}%{{customdata[1]}}<extra></extra>"}
        )  # fmt: skip
    layout = base_layout(what if multi else "class (✕ = to forget)", "predicted correctly" if multi else "accuracy",
                   xaxis={"type": "category"}, yaxis={"range": [0, 1.02], "tickformat": ".0%"})  # fmt: skip
    return go.Figure(traces, layout)


def _mean(rows: pd.DataFrame) -> float:
    """Mean accuracy, weighted by images where the table counts them, else over classes; nan where there is none."""
    rows = rows[rows["accuracy"].notna()]
    if not len(rows):
        return float("nan")
    return float(np.average(rows["accuracy"], weights=rows["count"] if "count" in rows and rows["count"].sum() else None))


def _positive_counts(rows: pd.DataFrame) -> list[str]:
    """How many images have each attribute, for a hover; '' where the table does not count them."""
    if "positives" not in rows or rows["positives"].isna().any():
        return [""] * len(rows)
    return [f"; {int(has)} of {int(n)} images have it" for has, n in zip(rows["positives"], rows["count"], strict=True)]


def most_confused(table: pd.DataFrame, classes: int, first: Sequence[int] = (), most: int = MOST) -> tuple[int, ...]:
    """The classes that have a row and a column of their own, in their order: all where there are few, else those in `first`, then
    those with most wrong predictions, as true or as predicted class. table: true, predicted, count.
    """
    if classes <= most:
        return tuple(range(classes))
    wrong = table[(table["true"] != table["predicted"]) & (table["count"] > 0)]
    errors = pd.concat([wrong.groupby("true")["count"].sum(), wrong.groupby("predicted")["count"].sum()]).groupby(level=0).sum()
    chosen = [index for index in dict.fromkeys(first) if index < classes][:most]
    order = [*errors.sort_values(ascending=False, kind="stable").index, *range(classes)]
    others = [int(index) for index in dict.fromkeys(order) if index not in chosen][: most - len(chosen)]
    return tuple(sorted((*chosen, *others)))


def count_matrix(table: pd.DataFrame, shown: Sequence[int], classes: int, weight: str = "") -> np.ndarray:
    """float (n, n) or, where not all classes are shown, (n + 1, n + 1) with the rest last: row = true, column = predicted.

    table: true, predicted, count, in any order; a cell without images needs no row. weight: a column to multiply `count` by.
    """
    size = len(shown) + (len(shown) < classes)
    place = np.full(classes, len(shown))
    place[list(shown)] = np.arange(len(shown))
    cells = np.zeros((size, size))
    values = table["count"].to_numpy(float) * (table[weight].fillna(0).to_numpy(float) if weight else 1.0)
    np.add.at(cells, (place[table["true"].to_numpy(int)], place[table["predicted"].to_numpy(int)]), values)
    return cells


def row_names(classes: tuple[str, ...], shown: Sequence[int]) -> list[str]:
    """Names of the rows and columns of `count_matrix`, for Plotly."""
    names = on_axis([classes[index] for index in shown])
    return names if len(shown) == len(classes) else [*names, f"{len(classes) - len(shown)} others"]


def confusion(
    table: pd.DataFrame, classes: tuple[str, ...], title: str, row: str = "true class", only: Sequence[int] = ()
) -> go.Figure:
    """Confusion matrix of one model: row = true class, cell = share of that class. table: true, predicted, count.

    row: what a row is called where it is not the true class. only: the classes that have a row of their own; by default
    those of `most_confused`.
    With many classes, names and counts appear on hover only.
    """
    shown = only or most_confused(table, len(classes))
    names, readable = row_names(classes, shown), len(classes) <= READABLE
    counts = count_matrix(table, shown, len(classes)).astype(int)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=names, y=names, customdata=counts, zmin=0, zmax=1, colorscale=sequential(),
            xgap=1, ygap=1, showscale=False,
            text=np.where(counts > 0, counts.astype(str), "") if readable else None, texttemplate="%{text}" if readable else None,
            hovertemplate=f"{row.removesuffix(' class')} %{{y}}, predicted %{{x}}: %{{customdata}} images (%{{z:.0%}})<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False, showticklabels=readable)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, showticklabels=readable)
    figure.update_layout(title={"text": title, "x": 0, "font": {"size": 15}})
    return apply_layout(figure, "answer", row, 360)


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
    return apply_layout(figure, "parameter tensor, input to output", "relative change")
