"""Shared Plotly layout; colours of text and background are the theme's."""

from collections.abc import Sequence
from math import log10 as log10_of
from typing import Any

import plotly.graph_objects as go

HEIGHT = 340  # pixels
LETTER, USUAL = 6, 17  # pixels of a letter of a layer's name; letters that any figure has room for
ABOVE = 16  # pixels from one row of words to the next
SMALLEST = 1e-12  # a log axis has no 0: smaller values are drawn here
# Of every figure: Plotly's toolbar costs 15 ms of a page's first drawing and covers numbers; pages download with one of their own.
CONFIG = {"displaylogo": False, "displayModeBar": False, "responsive": True}
INK, GRID, LINE = "#0e1420", "#e3e7ec", "#76818f"
_AXIS = {"gridcolor": GRID, "linecolor": LINE, "zerolinecolor": GRID, "ticks": "outside", "tickcolor": LINE, "ticklen": 4}
ON_WHITE = {  # a template: how every figure looks on paper, whatever the theme of the page that it was asked for on
    "layout": {
        "paper_bgcolor": "white", "plot_bgcolor": "white", "font": {"family": "Arial, Helvetica, sans-serif", "size": 13, "color": INK},
        "xaxis": _AXIS, "yaxis": _AXIS, "colorway": ["#2F7FC1", "#D55E00", "#4E9E8A", "#AD3A9C", "#A97B00", "#808890"],
    },
}  # fmt: skip


def base_layout(x: str, y: str, height: int = HEIGHT, **more: Any) -> dict[str, Any]:
    """The shared layout as plain data: axes' titles, height in pixels, legend above; scrolling scrolls the page.

    more: parts of a layout, merged into it.

    Passing the layout to go.Figure takes a seventh of the time of updating it afterwards.
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
    return merge_layout(layout, **more)


def merge_layout(layout: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A layout with further parts: dictionaries are merged, anything else replaces what was there."""
    parts = {name: {**layout.get(name, {}), **part} if isinstance(part, dict) else part for name, part in more.items()}
    return {**layout, **parts}


def log10(value: float) -> float:
    """A value's position on a log axis; 0 is drawn at SMALLEST."""
    return log10_of(max(value, SMALLEST))


def apply_layout(figure: go.Figure, x: str, y: str, height: int = HEIGHT) -> go.Figure:
    """The figure with the shared layout. Figures that a slider redraws pass `base_layout` to go.Figure: a third of the time."""
    figure.update_layout(base_layout(x, y, height))
    return figure


def hatch(shape: str) -> dict[str, Any]:
    """Thin white lines over the bar's colour, so that bars differ without colour too."""
    return {"shape": shape, "fillmode": "overlay", "fgcolor": "white", "fgopacity": 1, "solidity": 0.3, "size": 7}


def vertical_line(x: float, colour: str, dash: str, width: int) -> dict[str, Any]:
    """A line across the whole height at x."""
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": colour, "dash": dash, "width": width}}


def note_above(x: float, text: str, colour: str, side: str, row: int = 0) -> dict[str, Any]:
    """An annotation above the figure at x, right- or left-aligned (side); row 0 is the lowest."""
    return {"x": x, "y": 1, "yref": "paper", "yanchor": "bottom", "yshift": ABOVE * row, "xanchor": side, "text": text,
            "showarrow": False, "font": {"color": colour}}  # fmt: skip


def label_height(names: Sequence[str]) -> int:
    """Extra pixels below a figure for vertical layer names."""
    return max(0, LETTER * (max(map(len, names), default=0) - USUAL))
