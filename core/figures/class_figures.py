"""Figures of what a run changed: accuracy by class, confusion matrix, change by layer. Pure functions of tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.markdown import TICK, hovered, in_figure, on_axis
from core.figures.palette import (
    MARK_COLOUR,
    MARK_SYMBOL,
    MARK_TITLE,
    MODEL_COLOUR,
    MODEL_PATTERN,
    MODEL_TITLE,
    QUIET,
    band_colour,
    ink,
    sequential,
)
from core.figures.plotly_layout import HEIGHT, apply_layout, base_layout, hatch
from core.reports.checks.accuracy import CLASS_LOSS
from core.reports.gauges import MARKS, SECOND

READABLE = 15  # classes whose names and counts fit into a matrix
NAMED = 12  # classes that have a row and a name each where their accuracies are drawn
MOST = 40  # classes that have a bar, or a row, of their own; the rest are drawn as one
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
    table: pd.DataFrame, classes: tuple[str, ...], forgotten: tuple[int, ...], multi: bool = False, *, legend: bool = True,
    height: int = HEIGHT,
) -> go.Figure:  # fmt: skip
    """Accuracy by class under each network. table: model (of MARKS), class, accuracy (share).

    Up to NAMED classes have a named row each, on a scale from 0 to 100 %; the forgotten ones stand first, apart. Of more classes each is
    a column with its gap to the reference (to the original, without one): the forgotten ones first, then from loss to gain.
    multi: by attribute; the hover shows how many of `count` images have it (`positives`), where the table has that column.
    """
    wide = table.set_index(["class", "model"])["accuracy"].unstack().reindex(index=range(len(classes)), columns=list(MARKS))
    hover = [*zip(map(hovered, classes), _positive_counts(table, len(classes)) if multi else [""] * len(classes), strict=True)]
    gone = wide.index.isin(forgotten)
    draw = _class_rows if len(classes) <= NAMED else _class_gaps
    return draw(wide, classes, gone, hover, "attribute" if multi else "class", legend, height)


def _class_rows(
    wide: pd.DataFrame, classes: tuple[str, ...], gone: np.ndarray, hover: list[tuple[str, str]], what: str, legend: bool, height: int
) -> go.Figure:  # fmt: skip
    places = np.empty(len(classes))
    order = np.argsort(~gone, kind="stable")
    places[order] = np.arange(len(classes)) + np.where(gone[order], 0.0, 0.8 * gone.any())
    dot = float(np.clip(height / len(classes) / 3.4, 5, 12))
    lanes = {"original": (-0.13, 1.5), "unlearned": (-0.13, 0.85), "reference": (0.3, 0.7), SECOND: (0.3, 0.7)}  # below the row; size
    ends = wide[["original", "unlearned"]].to_numpy()
    moved = {"type": "scatter", "mode": "lines", "name": "", "showlegend": False, "hoverinfo": "skip",
             "x": [x for before, now in ends for x in (before, now, None)],
             "y": [y for place in places + lanes["original"][0] for y in (place, place, None)],
             "line": {"color": MODEL_COLOUR["unlearned"], "width": 4}}  # fmt: skip
    traces = [moved, *(
        _dots(mark, wide[mark].to_numpy(), places + lanes[mark][0], dot * lanes[mark][1], hover,
              f"{MARK_TITLE[mark]}, {what} %{{customdata[0]}}: %{{x:.1%}}%{{customdata[1]}}")
        for mark in MARKS if wide[mark].notna().any()
    )]  # fmt: skip
    ticks = [f"<b>{name} ✕</b>" if hit else name for name, hit in zip(on_axis(classes), gone, strict=True)]
    layout = base_layout(
        "predicted correctly" if what == "attribute" else "accuracy", f"{what} (✕ = to forget)" if gone.any() else what, height,
        xaxis={"range": [-0.03, 1.03], "tickformat": ".0%", "tickvals": [0, 0.5, 1], "showgrid": True, "gridcolor": QUIET,
               "gridwidth": 0.5, "griddash": "dot", "zeroline": False},
        yaxis={"tickvals": places, "ticktext": ticks, "range": [places.max() + 0.7, -0.7], "showgrid": False, "zeroline": False},
        margin={} if legend else {"t": 4}, showlegend=legend,
    )  # fmt: skip
    return go.Figure(traces, layout)


def _class_gaps(
    wide: pd.DataFrame, classes: tuple[str, ...], gone: np.ndarray, hover: list[tuple[str, str]], what: str, legend: bool, height: int
) -> go.Figure:  # fmt: skip
    base = "reference" if wide["reference"].notna().any() else "original"
    now, before = ((wide[mark] - wide[base]).to_numpy() for mark in ("unlearned", "original"))
    order = np.lexsort((now, ~gone))  # what has no number comes last
    places = np.empty(len(classes))
    places[order] = np.arange(len(classes)) + np.where(gone[order], 0.0, (0.02 * len(classes) + 1) * gone.any())
    dot = float(np.clip(700 / len(classes), 2.5, 9))
    stems = {"type": "scatter", "mode": "lines", "name": "", "showlegend": False, "hoverinfo": "skip",
             "x": [x for place in places for x in (place, place, None)], "y": [y for gap in now for y in (0, gap, None)],
             "line": {"color": MODEL_COLOUR["unlearned"], "width": float(np.clip(dot / 3, 1, 3))}}  # fmt: skip
    text = f"{what} %{{customdata[0]}}: %{{y:+.1%}} from the {base}'s%{{customdata[1]}}"
    traces = [stems, _dots("unlearned", now, places, dot, hover, f"Unlearned, {text}")]
    if base != "original":
        traces.insert(1, _dots("original", np.where(gone, before, np.nan), places, max(9.0, dot), hover, f"Original, {text}"))
    ends = np.nan_to_num([now.min(), now.max(), *np.where(gone, before, 0)])
    low, high = min(np.nanmin(ends), -CLASS_LOSS), max(np.nanmax(ends), CLASS_LOSS)
    layout = base_layout(
        f"{'each' if not gone.any() else '✕ = to forget, then each other'} {what}, from loss to gain", f"gap to the {base}", height,
        xaxis={"range": [-1, places.max() + 1], "showticklabels": False, "showgrid": False, "zeroline": False},
        yaxis={"range": [low - 0.08, high + 0.08], "tickformat": "+.0%", "nticks": 5, "griddash": "dot", "zeroline": False},
        margin={} if legend else {"t": 4}, showlegend=legend, annotations=_extremes(classes, gone, order, places, now, before),
        shapes=[
            {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": -CLASS_LOSS, "y1": CLASS_LOSS, "fillcolor": band_colour(),
             "line": {"width": 0}, "layer": "below"},
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": {"color": MODEL_COLOUR[base], "width": 2},
             "layer": "below"},
        ],
    )  # fmt: skip
    return go.Figure(traces, layout)


def _extremes(
    classes: tuple[str, ...], gone: np.ndarray, order: np.ndarray, places: np.ndarray, now: np.ndarray, before: np.ndarray
) -> list[dict[str, Any]]:  # fmt: skip
    """Names of the first forgotten class, of the others' deepest loss and of their highest gain."""
    others = [index for index in order if not gone[index] and np.isfinite(now[index])]
    named = dict.fromkeys([*order[: int(gone.any())], *others[:1], *others[-1:]])
    notes = []
    for index in named:
        top = gone[index] or now[index] > 0
        height = np.nanmax([before[index], now[index], 0]) if gone[index] else now[index]
        notes.append({
            "x": places[index], "y": float(np.nan_to_num(height)), "text": f"{in_figure(classes[index], TICK)}{' ✕' * bool(gone[index])}",
            "showarrow": False, "font": {"color": ink()}, "yanchor": "bottom" if top else "top", "yshift": 6 if top else -6,
            "xanchor": "right" if places[index] > places.max() / 2 else "left",
        })  # fmt: skip
    return notes


def _dots(mark: str, x: np.ndarray, y: np.ndarray, size: float, hover: list[tuple[str, str]], template: str) -> dict[str, Any]:
    values, places = (x, y) if "%{x" in template else (y, x)
    colour = MARK_COLOUR[mark]
    return {"type": "scatter", "mode": "markers", "name": MARK_TITLE[mark], "x": values, "y": places, "customdata": hover,
            "cliponaxis": False, "hovertemplate": f"{template}<extra></extra>",
            "marker": {"symbol": MARK_SYMBOL[mark], "size": size, "color": colour, "opacity": 1,
                       "line": {"width": 1.5 if size > 5 else 0.5, "color": colour}}}  # fmt: skip


def _positive_counts(table: pd.DataFrame, classes: int) -> list[str]:
    """How many images have each attribute, for a hover; '' where the table does not count them."""
    if "positives" not in table or table["positives"].isna().any():
        return [""] * classes
    rows = table.drop_duplicates("class").set_index("class").reindex(range(classes), fill_value=0)
    return [f"; {int(has)} of {int(count)} images have it" for has, count in zip(rows["positives"], rows["count"], strict=True)]


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
