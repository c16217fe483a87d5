"""The kinds of figure that frames use: lines over steps, bars by layer, heat maps of kernels, histograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.figures.palette import ACCENT, QUIET, THRESHOLD, binary, sequential
from core.figures.plotly_layout import base_layout

MARKED = 25  # points of a line, at most, that are marked one by one
WIDEST = 96  # cells of a map's side; a larger matrix is drawn by the means of its tiles


@dataclass(frozen=True)
class Line:
    """A line of a figure. x: 0, 1, 2 ... where it is None. legend: whether the legend names it."""

    name: str
    y: Sequence[float] | np.ndarray
    colour: str = QUIET
    dash: str = "solid"
    x: Sequence[float] | np.ndarray | None = None
    symbol: str = "circle"
    legend: bool = True


def lines(series: Sequence[Line], x: str, y: str, *, at: float | None = None, share: bool = False, log: bool = False) -> go.Figure:
    """Lines with markers; at: a vertical line at this x; share: y is a share, 0 to 1; log: a logarithmic y axis."""
    figure = go.Figure(layout=base_layout(x, y, yaxis=_y(share, log)))
    for line in series:
        values = np.asarray(line.y, dtype=float)
        figure.add_scatter(
            name=line.name, x=np.arange(len(values)) if line.x is None else np.asarray(line.x), y=values,
            mode="lines+markers" if len(values) <= MARKED else "lines",
            line={"color": line.colour, "dash": line.dash, "width": 2.5}, marker={"symbol": line.symbol, "size": 8},
            showlegend=None if line.legend else False,
            hovertemplate=f"{line.name}, {x} %{{x:.3g}}: %{{y:{'.1%' if share else '.3g'}}}<extra></extra>",
        )  # fmt: skip
    if at is not None:
        figure.add_vline(at, line={"width": 2, "color": THRESHOLD})
    return figure


def level(value: float, name: str, right: float) -> Line:
    """A horizontal threshold line from 0 to `right`, named in the legend."""
    return Line(name, [value, value], THRESHOLD, "dash", [0, max(right, 1e-9)], "line-ew")


def bars(
    names: Sequence[str], values: Sequence[float] | np.ndarray, x: str, y: str, *, share: bool = False, colour: str = ACCENT
) -> go.Figure:
    """One bar per name."""
    number_format = ".1%" if share else ".3g"
    return go.Figure(
        go.Bar(x=list(names), y=np.asarray(values, dtype=float), marker={"color": colour},
               hovertemplate=f"%{{x}}: %{{y:{number_format}}}<extra></extra>"),
        base_layout(x, y, xaxis={"type": "category"}, yaxis=_y(share, False)),
    )  # fmt: skip


def histogram(counts: np.ndarray, edges: np.ndarray, x: str, y: str) -> go.Figure:
    """Bars of counts between edges."""
    bar = go.Bar(x=(edges[1:] + edges[:-1]) / 2, y=counts, width=np.diff(edges), marker={"color": ACCENT, "line": {"width": 0}},
                 hovertemplate="%{x:.2f}: %{y}<extra></extra>")  # fmt: skip
    return go.Figure(bar, base_layout(x, y, bargap=0))


def kernels(matrix: np.ndarray, *, of_bits: bool = False) -> go.Figure:
    """Heat map of a number for each kernel slice: matrix (output channels, input channels). of_bits: of 0 and 1."""
    shown, (tall, wide) = tiled(matrix), matrix.shape
    step = (tall / shown.shape[0], wide / shown.shape[1])
    return go.Figure(
        go.Heatmap(
            z=shown, x=(np.arange(shown.shape[1]) * step[1]).round(1), y=(np.arange(shown.shape[0]) * step[0]).round(1),
            colorscale=binary() if of_bits else sequential(), zmin=0,
            zmax=1 if of_bits else float(shown.max()) or 1.0, showscale=not of_bits,
            colorbar={"thickness": 12, "exponentformat": "power"},
            hovertemplate="output channel %{y}, input channel %{x}: %{z:.3g}<extra></extra>",
        ),
        base_layout("input channel", "output channel", xaxis={"showgrid": False}, yaxis={"showgrid": False, "autorange": "reversed"}),
    )


def tiled(matrix: np.ndarray, widest: int = WIDEST) -> np.ndarray:
    """The matrix, or the means of its tiles where a side has more than `widest` cells."""
    shown = np.asarray(matrix, dtype=float)
    for axis in (0, 1):
        edges = np.linspace(0, shown.shape[axis], min(widest, shown.shape[axis]) + 1).astype(int)
        counts = np.diff(edges)
        shown = np.add.reduceat(shown, edges[:-1], axis) / (counts[:, None] if axis == 0 else counts)
    return shown


def _y(share: bool, log: bool) -> dict[str, Any]:
    if share:
        return {"range": [0, 1.04], "tickformat": ".0%"}
    return {"type": "log", "exponentformat": "power"} if log else {}
