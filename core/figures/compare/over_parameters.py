"""A metric over a parameter: a line for each other setting, the originals' and the references' means across. Pure functions."""

from typing import Any

import plotly.graph_objects as go

from core.figures.compare.metric_columns import Column
from core.figures.compare.pareto_front import SHARES
from core.figures.markdown import in_figure
from core.figures.palette import CLASS_COLOURS, CLASS_SYMBOLS, MODEL_COLOUR, MODEL_DASH, MODEL_TITLE
from core.figures.plotly_layout import base_layout
from core.reports.compare.over_parameters import Axis, Curve, Line

DECADE = 10.0  # an axis whose ends differ by this factor or more is logarithmic
DASHES = ("solid", "longdash", "dashdot", "dot", "dash", "longdashdot")
COLOURS = tuple(colour for colour in CLASS_COLOURS if colour not in MODEL_COLOUR.values())


def over_parameter(curve: Curve, axis: Axis, column: Column) -> go.Figure:
    """Points are means over seeds, with their 95 % intervals; numbers on a linear or log axis, words as categories."""
    values = curve.values
    words = any(isinstance(value, str) for value in values)
    traces = [_line(line, number, column, words=words) for number, line in enumerate(curve.lines)]
    for model, points in curve.levels.items():
        traces.append({
            "type": "scatter", "mode": "lines", "name": MODEL_TITLE[model],
            "x": [_label(value) if words else value for value in points], "y": [over.mean for over in points.values()],
            "line": {"color": MODEL_COLOUR[model], "dash": MODEL_DASH[model], "width": 2},
            "customdata": [column.text(over.mean) for over in points.values()],
            "hovertemplate": f"{MODEL_TITLE[model]}: %{{customdata}}<extra></extra>",
        })  # fmt: skip
    numbers = [value for value in values if not isinstance(value, str)]
    log = not words and len(numbers) > 1 and numbers[0] > 0 and numbers[-1] / numbers[0] >= DECADE
    across: dict[str, Any] = {"type": "category", "categoryarray": [_label(value) for value in values]} if words else (
        {"type": "log", "tickvals": numbers, "ticktext": [f"{value:g}" for value in numbers]} if log else {"zeroline": False}
    )  # fmt: skip
    up = {"zeroline": False, **({"tickformat": ".0%", **SHARES} if column.info.unit == "share" else {})}
    unit = "" if column.info.unit == "share" else f", {column.info.unit}"
    return go.Figure(traces, base_layout(axis.name.replace("_", " "), f"{column.title}{unit}", xaxis=across, yaxis=up))


def _label(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _line(line: Line, number: int, column: Column, *, words: bool) -> dict[str, Any]:
    overs = list(line.points.values())
    texts = [column.text(over.mean, float("nan") if over.half_width is None else over.half_width) for over in overs]
    counts = [f"{over.n} run{'s' * (over.n != 1)}" for over in overs]
    colour = COLOURS[number % len(COLOURS)]
    return {
        "type": "scatter", "mode": "lines+markers", "name": in_figure(line.name), "showlegend": True,
        "x": [_label(value) if words else value for value in line.points], "y": [over.mean for over in overs],
        "error_y": {"type": "data", "array": [over.half_width or 0.0 for over in overs], "thickness": 1.5, "width": 5},
        "line": {"color": colour, "dash": DASHES[number % len(DASHES)], "width": 2},
        "marker": {"color": colour, "symbol": CLASS_SYMBOLS[number % len(CLASS_SYMBOLS)], "size": 9},
        "customdata": list(zip(texts, counts, strict=True)), "hovertemplate": "%{x}: %{customdata[0]} (%{customdata[1]})<extra></extra>",
    }  # fmt: skip
