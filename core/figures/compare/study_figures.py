"""A study's key metrics, one figure each: every method's mean and interval beside the original's and the reference's. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core.figures.compare.metric_columns import Column
from core.figures.compare.pareto_front import SHARES
from core.figures.markdown import on_axis
from core.figures.palette import MODEL_COLOUR, MODEL_DASH, MODEL_TITLE, QUIET
from core.figures.plotly_layout import base_layout
from core.reports.intervals import Spread

ROW, AROUND = 34, 150  # pixels of a method's row, and of axes and legend
NAME = 40  # letters of a method's name


@dataclass(frozen=True)
class Levels:
    """Means of the networks that all methods are held against; None where there is no number. floor: the second reference's."""

    original: float | None
    reference: float | None
    floor: float | None


def metric_intervals(methods: Mapping[str, Spread | None], column: Column, levels: Levels) -> go.Figure:
    """Points with 95 % intervals, a row a method; upright lines at the original, the reference and the second reference."""
    names = on_axis(list(methods), NAME)
    there = [(name, over) for name, over in zip(names, methods.values(), strict=True) if over is not None]
    texts = [column.text(over.mean, float("nan") if over.half_width is None else over.half_width) for _, over in there]
    traces: list[dict[str, Any]] = [{
        "type": "scatter", "mode": "markers", "name": "mean and 95 % interval", "x": [over.mean for _, over in there],
        "y": [name for name, _ in there], "marker": {"color": MODEL_COLOUR["unlearned"], "size": 11}, "customdata": texts,
        "error_x": {"type": "data", "array": [over.half_width or 0.0 for _, over in there], "thickness": 2, "width": 6},
        "hovertemplate": "%{y}: %{customdata}<extra></extra>",
    }]  # fmt: skip
    marks = (
        ("original", MODEL_TITLE["original"], MODEL_COLOUR["original"], MODEL_DASH["original"]),
        ("reference", MODEL_TITLE["reference"], MODEL_COLOUR["reference"], MODEL_DASH["reference"]),
        ("floor", "Second reference", QUIET, "dashdot"),
    )
    for key, title, colour, dash in marks:
        if (value := getattr(levels, key)) is not None:
            traces.append(_upright(title, value, names, colour, dash))
    share = column.info.unit == "share"
    rows = {"type": "category", "categoryorder": "array", "categoryarray": names[::-1], "range": [-0.6, len(names) - 0.4]}
    numbers = {"zeroline": False, **({"tickformat": ".1~%", **SHARES} if share else {})}
    layout = base_layout(column.info.title, "", AROUND + ROW * max(1, len(names)), xaxis=numbers, yaxis=rows)
    return go.Figure(traces, layout)


def _upright(title: str, value: float, names: Sequence[str], colour: str, dash: str) -> dict[str, Any]:
    """Across all rows."""
    ends = [names[-1], names[0]] if len(names) > 1 else [names[0], names[0]]
    return {"type": "scatter", "mode": "lines+markers", "name": title, "x": [value, value], "y": ends,
            "line": {"color": colour, "dash": dash, "width": 2}, "marker": {"size": 5},
            "hovertemplate": f"{title}: %{{x:.3g}}<extra></extra>"}  # fmt: skip
