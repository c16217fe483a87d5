"""What a class guessed of a run: counts along the gauges' scales, by class, and of each verdict; the truth over them once it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.figures.markdown import in_figure, on_axis
from core.figures.palette import MARK_COLOUR, MARK_SYMBOL, MARK_TITLE, QUIET, ink, sequential
from core.figures.plotly_layout import base_layout
from core.reports.gauges import SECOND, Gauge
from core.reports.teaching.prediction import BINS, VERDICTS, Bar

Counts = Mapping[str, Mapping[int, int]]  # quantity -> bin -> how many guesses lie there
FLOOR, TALLEST = -0.2, 0.34  # of a gauge's row: where its scale lies, and the height of its highest bar
ASIDE = {"original": -0.28, "reference": 0.28, SECOND: 0.28}  # of a class's column: where marks lie that would cover each other
GUESS_COLOUR = MARK_COLOUR["guess"]


def gauge_guesses(gauges: Sequence[Gauge], counts: Counts, shown: Sequence[str], *, size: int = 16, row: int = 96) -> go.Figure:
    """A histogram on each gauge's scale. shown: marks on it. size: pixels of letters. row: pixels of a gauge's height."""
    traces: list[dict[str, Any]] = []
    shapes, notes = [], []
    for place, gauge in enumerate(gauges):
        base, found = FLOOR - place, counts.get(gauge.key, {})
        most = max(found.values(), default=1)
        traces.append({
            "type": "bar", "x": [(at + 0.5) / BINS for at in found], "y": [TALLEST * number / most for number in found.values()],
            "base": base, "width": 0.9 / BINS, "marker": {"color": GUESS_COLOUR, "line": {"width": 0}}, "text": [*found.values()],
            "textposition": "outside", "textfont": {"size": max(12, size - 3), "color": ink()}, "cliponaxis": False, "name": "Guesses",
            "hovertemplate": f"{in_figure(gauge.title, 60)}: %{{text}} guesses<extra></extra>",
        })  # fmt: skip
        shapes.append({"type": "line", "x0": 0, "x1": 1, "y0": base, "y1": base, "line": {"color": QUIET, "width": 1.5}, "layer": "below"})
        notes += [_note(gauge.at(value), base - 0.19, text, size - 2) for value, text in gauge.ticks.items()]
        truth = f"  <b>{gauge.text('unlearned')}</b>" if "unlearned" in shown else ""
        notes.append(_note(0, 0.44 - place, f"<b>{gauge.title}</b>{truth}", size))
    traces += [_marks(gauges, mark, size) for mark in shown]
    layout = base_layout(
        "", "", len(gauges) * row + 4, margin={"l": size, "r": size, "t": 0, "b": 4}, shapes=shapes, annotations=notes, showlegend=False,
        xaxis={"range": [0, 1], "visible": False}, yaxis={"range": [-len(gauges) + 0.55, 0.6], "visible": False}, barmode="overlay",
    )  # fmt: skip
    return go.Figure([trace for trace in traces if len(trace["x"])], layout)


def _note(x: float, y: float, text: str, size: int) -> dict[str, Any]:
    side = "left" if x == 0 else "right" if x == 1 else "center"
    return {"x": x, "y": y, "text": text, "showarrow": False, "xanchor": side, "font": {"size": size, "color": ink()}}


def _marks(gauges: Sequence[Gauge], mark: str, size: int) -> dict[str, Any]:
    found = [(at, FLOOR - 0.06 - place, f"{gauge.title}, {MARK_TITLE[mark].lower()}: {gauge.text(mark)}")
             for place, gauge in enumerate(gauges) if (at := gauge.place(mark)) is not None]  # fmt: skip
    return _scatter(mark, [x for x, _, _ in found], [y for _, y, _ in found], [text for _, _, text in found], size)


def _scatter(mark: str, x: Sequence[Any], y: Sequence[Any], text: Sequence[str], size: int) -> dict[str, Any]:
    colour = MARK_COLOUR[mark]
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, "text": text, "name": MARK_TITLE[mark], "cliponaxis": False,
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"symbol": MARK_SYMBOL[mark], "size": round(0.8 * size) + 3 * (mark == "unlearned"), "color": colour, "opacity": 1,
                       "line": {"width": 2, "color": colour}}}  # fmt: skip


def class_guesses(bars: Sequence[Bar], counts: Counts, shown: Sequence[str], height: int = 230) -> go.Figure:
    """A column for each class: the darker a cell, the more guesses lie there. shown: marks."""
    cells = np.zeros((BINS, len(bars)))
    for column, bar in enumerate(bars):
        for at, number in counts.get(bar.key, {}).items():
            cells[at, column] = number
    places = list(range(len(bars)))
    names = [f"{name} ✕" if bar.forgotten else name for name, bar in zip(on_axis([bar.label for bar in bars]), bars, strict=True)]
    traces: list[Any] = [{
        "type": "heatmap", "z": cells, "x": places, "y": [(at + 0.5) / BINS for at in range(BINS)], "colorscale": sequential(), "zmin": 0,
        "zmax": max(1, cells.max()), "showscale": False, "xgap": 2, "customdata": np.tile(np.array(names, dtype=object), (BINS, 1)),
        "hovertemplate": "%{customdata}, near %{y:.0%}: %{z} guesses<extra></extra>",
    }]  # fmt: skip
    for mark in shown:
        found = [(place, bar.marks[mark]) for place, bar in zip(places, bars, strict=True) if mark in bar.marks]
        text = [f"{names[place]}, {MARK_TITLE[mark].lower()}: {value:.1%}" for place, value in found]
        traces.append(_scatter(mark, [place + ASIDE.get(mark, 0.0) for place, _ in found], [value for _, value in found], text, 8))
    layout = base_layout(
        "class (✕ = to forget)" if any(bar.forgotten for bar in bars) else "class", "accuracy", height, margin={"t": 8}, showlegend=False,
        xaxis={"tickvals": places, "ticktext": names, "showgrid": False, "zeroline": False},
        yaxis={"range": [-0.04, 1.04], "tickformat": ".0%", "tickvals": [0, 0.5, 1], "showgrid": False, "zeroline": False},
    )  # fmt: skip
    return go.Figure([trace for trace in traces if len(trace["x"])], layout)


def verdict_guesses(found: Mapping[int, int], truth: str = "", height: int = 170) -> go.Figure:
    """How many chose each verdict. truth: the one that is right, once it is shown; '' before."""
    names = [f"<b>✓ {verdict}</b>" if verdict == truth else verdict for verdict in VERDICTS]
    numbers = [found.get(at, 0) for at in range(len(VERDICTS))]
    bar = {"type": "bar", "orientation": "h", "x": numbers, "y": names, "text": numbers, "textposition": "outside", "cliponaxis": False,
           "marker": {"color": GUESS_COLOUR}, "hovertemplate": "%{y}: %{x} guesses<extra></extra>",
           "textfont": {"size": 14, "color": ink()}}  # fmt: skip
    layout = base_layout(
        "", "", height, margin={"t": 4, "r": 28, "b": 4}, showlegend=False,
        xaxis={"range": [0, max(1, *numbers)], "visible": False}, yaxis={"autorange": "reversed", "showgrid": False},
    )  # fmt: skip
    return go.Figure([bar], layout)
