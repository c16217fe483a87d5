"""Gauges: a run's four numbers, each on a scale with fixed ends and a band where another retrained network might lie.

The original stands above the scale, the unlearned network on it, both references below it: marks at one place stay apart, and shape
and lane tell them apart without colour. The gauges are one figure; `small_gauge` is one of them for the cell of a table.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from core.figures.markdown import in_figure
from core.figures.palette import MARK_COLOUR, MARK_SYMBOL, MARK_TITLE, MODEL_COLOUR, QUIET, band_colour, ink
from core.figures.plotly_layout import base_layout
from core.reports.gauges import AS_RETRAINED, MARKS, SECOND, Gauge

GUESS = "guess"  # what a reader predicts, before the unlearned network's numbers are shown
GLYPH = {"original": "◇", "unlearned": "●", "reference": "■", SECOND: "□", GUESS: "✕"}
LANE = {"original": 0.15, "unlearned": 0.0, "reference": -0.15, SECOND: -0.15, GUESS: 0.0}  # of a row's height
WIDE, TALL, EDGE = 136, 40, 8  # pixels of a small gauge, and at either end of its scale


def gauge_figure(
    gauges: Sequence[Gauge], shown: Sequence[str] = MARKS, guess: Mapping[str, float] | None = None, *, size: int = 15, row: int = 112
) -> go.Figure:  # fmt: skip
    """All gauges, one below the other. shown: the marks that are drawn. guess: metric -> a number that the reader predicts.

    size: pixels of letters. row: pixels of a gauge's height.
    """
    shapes, notes, small = [], [], size if size >= 24 else max(13, size - 2)
    for place, gauge in enumerate(gauges):
        if gauge.band and "reference" in shown:
            low, high = (gauge.at(value) for value in gauge.band)
            shapes.append({"type": "rect", "x0": low, "x1": high, "y0": -place - 0.24, "y1": -place + 0.24, "fillcolor": band_colour(),
                           "line": {"width": 1, "color": MODEL_COLOUR["reference"]}, "layer": "below"})  # fmt: skip
        shapes.append(_line(0, 1, -place, -place, QUIET, 1.5))
        for value, text in gauge.ticks.items():
            at = gauge.at(value)
            shapes.append(_line(at, at, -place - 0.05, -place + 0.05, QUIET, 1.5))
            notes.append(_note(at, -place - 0.33, text, small, "left" if at == 0 else "right" if at == 1 else "center"))
        before, now = gauge.place("original"), gauge.place("unlearned")
        if before is not None and now is not None and "unlearned" in shown:
            shapes.append(_line(before, now, -place, -place, MODEL_COLOUR["unlearned"], 4))
        notes.append(_note(0, -place + 0.38, f"<b>{gauge.title}</b>", size, "left"))
        if "unlearned" in shown:
            notes.append(_note(1, -place + 0.38, f"<b>{gauge.text('unlearned')}</b>  {reading(gauge)}", size, "right"))
    traces = [_marks(gauges, mark, size, guess) for mark in [*shown, *([GUESS] if guess else [])]]
    layout = base_layout(
        "", "", len(gauges) * row + 4, margin={"l": size, "r": size, "t": 0, "b": 4}, shapes=shapes, annotations=notes, showlegend=False,
        xaxis={"range": [0, 1], "visible": False}, yaxis={"range": [-len(gauges) + 0.55, 0.5], "visible": False},
    )  # fmt: skip
    return go.Figure([trace for trace in traces if trace["x"]], layout)


def reading(gauge: Gauge) -> str:
    """The word at a gauge's right end, with a mark that says whether it is the one to wish for."""
    return ("" if gauge.inside is None else "✓ " if gauge.word == AS_RETRAINED else "⚠ ") + gauge.word


def described(gauges: Sequence[Gauge]) -> str:
    """The gauges in words, for who does not see them."""
    return "; ".join(f"{gauge.title}: {gauge.text('unlearned')}, {gauge.word}" for gauge in gauges)


def _marks(gauges: Sequence[Gauge], mark: str, size: int, guess: Mapping[str, float] | None) -> dict[str, Any]:
    """One trace: this mark on every gauge that has a number of it, an arrow at the right end where relearning was given up."""
    xs, ys, symbols, texts = [], [], [], []
    for place, gauge in enumerate(gauges):
        guessed = (guess or {}).get(gauge.key) if mark == GUESS else None
        at = gauge.at(guessed) if guessed is not None else gauge.place(mark)
        if at is not None:
            xs.append(at)
            ys.append(LANE[mark] - place)
            open_end = mark in gauge.given_up
            symbols.append(("triangle-right-open" if "open" in MARK_SYMBOL[mark] else "triangle-right") if open_end else MARK_SYMBOL[mark])
            number = gauge.text(mark) if guessed is None else gauge.text_of(guessed)
            texts.append(f"{gauge.title}, {MARK_TITLE[mark].lower()}: {number}<br>{in_figure(gauge.why, 400)}")
    return {
        "type": "scatter", "mode": "markers", "name": MARK_TITLE[mark], "x": xs, "y": ys, "text": texts, "cliponaxis": False,
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": symbols, "size": max(11, round(0.8 * size)) + 3 * (mark in ("unlearned", GUESS)), "color": MARK_COLOUR[mark],
                   "opacity": 1, "line": {"width": 3 if mark == GUESS else 2, "color": MARK_COLOUR[mark]}},
    }  # fmt: skip


def _line(x0: float, x1: float, y0: float, y1: float, colour: str, width: float) -> dict[str, Any]:
    return {"type": "line", "x0": x0, "x1": x1, "y0": y0, "y1": y1, "line": {"color": colour, "width": width}, "layer": "below"}


def _note(x: float, y: float, text: str, size: int, side: str) -> dict[str, Any]:
    return {"x": x, "y": y, "text": text, "showarrow": False, "xanchor": side, "font": {"size": size, "color": ink()}}


def legend(marks: Sequence[str] = MARKS, size: int = 14, *, band: bool = True) -> str:
    """What the marks mean, as HTML, which wraps on a narrow screen where a figure's own legend would cover the figure.

    band: whether the figure has one.
    """
    items = [f"<b style='color:{MARK_COLOUR[mark]};font-size:1.25em'>{GLYPH[mark]}</b> {MARK_TITLE[mark]}" for mark in marks]
    if band and "reference" in marks:
        swatch = f"display:inline-block;width:1.4em;height:.9em;background:{band_colour()};box-shadow:0 0 0 1px {MODEL_COLOUR['reference']}"
        items.append(f"<b style='{swatch}'></b> Retraining variability and chance")
    spans = "".join(f"<span style='white-space:nowrap'>{item}</span>" for item in items)
    return f"<div style='display:flex;flex-wrap:wrap;align-items:baseline;gap:0 {size}px;font-size:{size}px;line-height:1.5'>{spans}</div>"


def small_gauge(gauge: Gauge | None) -> str:
    """A gauge for the cell of a table: an SVG of some 700 bytes as a data URI, with colours for both themes; a dash for no number."""

    def along(share: float) -> float:
        return round(EDGE + (WIDE - 2 * EDGE) * share, 1)

    now = None if gauge is None else gauge.place("unlearned")
    if gauge is None or now is None:
        return _svg(f"<text x='{WIDE // 2}' y='26' text-anchor='middle' font-size='16' fill='{QUIET}'>–</text>", "no number")
    x, blue, orange = along(now), MODEL_COLOUR["reference"], MODEL_COLOUR["unlearned"]
    parts = [f"<path d='M{EDGE} 20h{WIDE - 2 * EDGE}' stroke='{QUIET}'/>"]
    if gauge.band:
        low, high = (along(gauge.at(value)) for value in gauge.band)
        parts.append(f"<rect x='{low}' y='9' width='{max(3.0, round(high - low, 1))}' height='22' fill='{blue}' fill-opacity='.16' "
                     f"stroke='{blue}' stroke-width='.8'/>")  # fmt: skip
    if (before := gauge.place("original")) is not None:
        start, grey = along(before), MODEL_COLOUR["original"]
        parts.append(f"<path d='M{start} 20H{x}' stroke='{orange}' stroke-width='3'/>")
        parts.append(f"<path d='M{start} 6l4.5 5l-4.5 5l-4.5-5z' fill='none' stroke='{grey}' stroke-width='1.6'/>")
    if (wanted := gauge.place("reference")) is not None:
        parts.append(f"<rect x='{along(wanted) - 3.5:.1f}' y='25' width='7' height='7' fill='{blue}'/>")
    shape = f"<path d='M{x - 5:.1f} 15l9 5l-9 5z'" if "unlearned" in gauge.given_up else f"<circle cx='{x}' cy='20' r='5'"
    return _svg("".join([*parts, f"{shape} fill='{orange}'/>"]), described([gauge]))


def _svg(parts: str, title: str) -> str:
    head = f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDE}' height='{TALL}' viewBox='0 0 {WIDE} {TALL}'>"
    return "data:image/svg+xml;base64," + b64encode(f"{head}<title>{escape(title)}</title>{parts}</svg>".encode()).decode()
