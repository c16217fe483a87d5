"""Figures of a search of settings: its front, what mattered, and each setting against each objective; pure functions of plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.figures.markdown import hovered
from core.figures.palette import ACCENT, MODEL_COLOUR, PAIR_COLOUR, QUIET, SET_COLOUR, ink, sequential
from core.figures.plotly_layout import HEIGHT, base_layout, hatch, merge_layout

FRONT, BEATEN, PRESET, CLOSEST = "on the front", "beaten by another", "the preset", "closest to the best"
COLOURS = (ACCENT, MODEL_COLOUR["reference"], SET_COLOUR["retain"], PAIR_COLOUR["B"])
HATCHES = ("", "/", "\\", "x")
SMALLEST = 1e-4  # of seconds on a log axis
HOVER = {"hovertemplate": "%{customdata}<extra></extra>"}
TICKS = 5  # of an axis of parallel coordinates


@dataclass(frozen=True)
class Axis:
    """A column of the trials. title: as people read it, the search's mode with it; low: whether less is better, None of a setting.

    share: a share in [0, 1]; choices: the values of a setting that is no number.
    """

    key: str
    title: str
    low: bool | None = None
    share: bool = False
    log: bool = False
    choices: tuple[str, ...] = ()

    @property
    def goal(self) -> str:
        """The title, and which end is better."""
        return self.title if self.low is None else f"{self.title}; {'lower' if self.low else 'higher'} is better"

    def text(self, value: Any) -> str:
        """A value with its unit."""
        if isinstance(value, str):
            return value
        return percent(float(value)) if self.share else f"{value:.4g}"


def front_figure(trials: pd.DataFrame, x: Axis, y: Axis, settings: Sequence[Axis]) -> go.Figure:
    """Every trial by two objectives. trials: a row each, with `number`, `front`, `closest` and the axes' columns."""
    traces = []
    for name, rows in _places(trials):
        marker = {
            BEATEN: {"color": QUIET, "size": 7}, FRONT: {"color": ACCENT, "size": 10},
            PRESET: {"color": MODEL_COLOUR["reference"], "size": 13, "symbol": "diamond-open", "line": {"width": 2.5}},
            CLOSEST: {"color": ink(), "size": 17, "symbol": "circle-open", "line": {"width": 2}},
        }[name]  # fmt: skip
        traces.append({
            "type": "scatter", "mode": "markers", "name": name, "x": rows[x.key].to_numpy(), "y": rows[y.key].to_numpy(), "marker": marker,
            "customdata": [_hover(row, [*settings, x, y]) for row in rows.to_dict("records")], **HOVER,
        })  # fmt: skip
    layout = base_layout(x.goal, y.goal, 420, margin={"l": 64, "b": 48})
    return go.Figure(traces, merge_layout(layout, xaxis=_axis(x), yaxis=_axis(y)))


def _places(trials: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    found = [
        (BEATEN, trials[~trials["front"]]), (FRONT, trials[trials["front"]]), (PRESET, trials[trials["number"] == 0]),
        (CLOSEST, trials[trials["closest"]]),
    ]  # fmt: skip
    return [(name, rows) for name, rows in found if len(rows)]


def _hover(row: Mapping[Any, Any], axes: Sequence[Axis]) -> str:
    lines = [f"{axis.title} {axis.text(row[axis.key])}" for axis in axes if not pd.isna(row[axis.key])]
    return "<br>".join([f"trial {row['number']}", *map(hovered, lines)])


def _axis(axis: Axis) -> dict[str, Any]:
    if axis.share:
        return {"tickformat": ".3~%", "rangemode": "normal"}
    return {"type": "log"} if axis.log else {}


def importance_figure(importances: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Horizontal bars: of each objective (by its title), the share of its variance that each setting explains."""
    names = list(dict.fromkeys(name for of in importances.values() for name in of))[::-1]
    traces = [
        {"type": "bar", "orientation": "h", "name": title, "y": names, "x": [of.get(name, 0.0) for name in names],
         "marker": {"color": COLOURS[index % len(COLOURS)], "pattern": hatch(HATCHES[index % len(HATCHES)])},
         "hovertemplate": "%{y}: %{x:.0%} of " + hovered(title) + "<extra></extra>"}
        for index, (title, of) in enumerate(importances.items())
    ]  # fmt: skip
    height = max(200, 90 + 26 * len(names) * max(1, len(importances)))
    layout = base_layout("share of the variance over the ranges", "", height, margin={"t": 72})
    return go.Figure(traces, merge_layout(layout, xaxis={"tickformat": ".0%", "range": [0, 1]}))


def slice_figure(trials: pd.DataFrame, setting: Axis, objectives: Sequence[Axis]) -> go.Figure:
    """One setting against each objective, one above the other; a later trial is darker."""
    traces, layout = [], base_layout("", "", 90 + 170 * len(objectives), margin={"l": 64, "t": 16}, showlegend=False)
    room = 1 / len(objectives)
    for index, objective in enumerate(objectives):
        number = "" if index == 0 else str(index + 1)
        rows = trials[trials[objective.key].notna() & trials[setting.key].notna()]
        traces.append({
            "type": "scatter", "mode": "markers", "x": rows[setting.key].to_numpy(), "y": rows[objective.key].to_numpy(),
            "xaxis": "x", "yaxis": f"y{number}",
            "marker": {"color": rows["number"].to_numpy(), "colorscale": sequential(), "size": 8, "cmin": -0.3 * max(1, len(trials)),
                       "line": {"width": 1, "color": QUIET}},
            "customdata": [_hover(row, [setting, objective]) for row in rows.to_dict("records")], **HOVER,
        })  # fmt: skip
        top = 1 - index * room
        place = {"title": objective.title, "domain": [max(0.0, top - 0.85 * room), top], "automargin": True, "fixedrange": True}
        layout = {**layout, f"yaxis{number}": {**place, **_axis(objective)}}
    last = "" if len(objectives) == 1 else str(len(objectives))
    x = {"title": setting.title, "anchor": f"y{last}", "fixedrange": True, **_axis(setting)}
    return go.Figure(traces, {**layout, "xaxis": x})


def parallel_figure(trials: pd.DataFrame, axes: Sequence[Axis], colour: Axis) -> go.Figure:
    """Parallel coordinates: a line for each trial through its settings and objectives, coloured by one of these."""
    rows = trials.dropna(subset=[axis.key for axis in axes])
    bar = {"title": {"text": colour.title, "side": "right"}, "thickness": 12, **({"tickformat": ".0%"} if colour.share else {})}
    trace = {
        "type": "parcoords", "dimensions": [_dimension(rows, axis) for axis in axes], "labelangle": -12,
        "line": {"color": rows[colour.key].to_numpy(dtype=float), "colorscale": sequential(), "reversescale": bool(colour.low),
                 "showscale": True, "colorbar": bar},
    }  # fmt: skip
    return go.Figure([trace], {"height": HEIGHT + 60, "margin": {"l": 48, "r": 24, "t": 90, "b": 24}})


def _dimension(rows: pd.DataFrame, axis: Axis) -> dict[str, Any]:
    if axis.choices:
        places = {choice: place for place, choice in enumerate(axis.choices)}
        return {"label": axis.title, "values": [places.get(value, 0) for value in rows[axis.key]], "tickvals": list(places.values()),
                "ticktext": list(places)}  # fmt: skip
    values = rows[axis.key].to_numpy(dtype=float)
    if not axis.log or not len(values):
        return {"label": axis.title, "values": values, **({"tickformat": ".0%"} if axis.share else {})}
    logs = np.log10(np.maximum(values, SMALLEST))
    ticks = np.linspace(logs.min(), logs.max(), TICKS)
    return {"label": axis.title, "values": logs, "tickvals": ticks, "ticktext": [f"{10**tick:.3g}" for tick in ticks]}
