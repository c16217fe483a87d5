"""Predictions on the forget set, and the overlap of two runs' changed weights: numbers and figures. Pure functions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.markdown import NAME, in_figure, on_axis
from core.figures.palette import ACCENT, MODEL_COLOUR, QUIET, sequential
from core.figures.plotly_layout import base_layout

SHOWN = 8  # predicted classes that have a band of their own; the rest are drawn together
GAP = 0.03  # of the height, between two bands
OTHER = "other"
LAYERS = "parameter tensor, input to output"


def prediction_counts(examples: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Counts int (classes, classes) of the forget set: row = the reference's prediction, column = the unlearned network's.

    Without a reference the rows are the true classes. examples: set, label (truth, where that is wrong), reference_answer,
    unlearned_answer.
    """
    rows = examples[examples["set"] == "forget"]
    theirs = rows[next(name for name in ("reference_answer", "truth", "label") if name in rows)].to_numpy(int)
    cell = theirs * classes + rows["unlearned_answer"].to_numpy(int)
    return pd.DataFrame(np.bincount(cell, minlength=classes**2).reshape(classes, classes))


def total_variation(counts: pd.DataFrame) -> float:
    """Half the sum of |share of the reference - share of the unlearned network| over classes: 0 alike, 1 nothing in common."""
    table = counts.to_numpy(float)
    return float(np.abs(table.sum(1) - table.sum(0)).sum() / 2 / max(1.0, table.sum()))


def flow(counts: pd.DataFrame, classes: tuple[str, ...], left: str, right: str) -> go.Figure:
    """Sankey: left the reference's predictions on the forget set, right the unlearned network's on the same images.

    A band that goes straight across is an image on which the two agree; those bands are blue, the others orange.
    """
    table, names = merge_rare(counts.to_numpy(float), classes)
    total = table.sum()
    sides = (table.sum(1), table.sum(0))
    nodes = [(side, index) for side in (0, 1) for index in range(len(names)) if sides[side][index]]
    place = {node: number for number, node in enumerate(nodes)}
    links = [(i, j) for i, j in zip(*np.nonzero(table), strict=True)]
    alike = [names[i] == names[j] for i, j in links]
    trace = {
        "type": "sankey", "arrangement": "fixed",
        "node": {
            "label": [f"{names[index]} · {100 * sides[side][index] / total:.0f} %" for side, index in nodes],
            "x": [0.001 if side == 0 else 0.999 for side, _ in nodes], "y": _heights(nodes, sides, total),
            "color": [MODEL_COLOUR["reference" if side == 0 else "unlearned"] for side, _ in nodes],
            "thickness": 14, "pad": 10, "line": {"width": 0},
            "customdata": [f"{left if side == 0 else right}: {names[index]}" for side, index in nodes],
            "hovertemplate": "%{customdata}, %{value:.0f} images<extra></extra>",
        },
        "link": {
            "source": [place[0, i] for i, _ in links], "target": [place[1, j] for _, j in links],
            "value": [table[i, j] for i, j in links],
            "color": [_faint(MODEL_COLOUR["reference" if same else "unlearned"]) for same in alike],
            "customdata": [f"{left}: {names[i]}<br>{right}: {names[j]}" for i, j in links],
            "hovertemplate": "%{customdata}<br>%{value:.0f} images<extra></extra>",
        },
    }  # fmt: skip
    heads = [
        {"x": x, "y": 1.03, "xref": "paper", "yref": "paper", "text": text, "showarrow": False, "xanchor": at, "yanchor": "bottom"}
        for x, text, at in ((0, left, "left"), (1, right, "right"))
    ]
    layout = {"height": 340, "margin": {"l": 8, "r": 8, "t": 34, "b": 8}, "font": {"size": 12}, "annotations": heads}
    return go.Figure([trace], layout)


def merge_rare(table: np.ndarray, classes: tuple[str, ...]) -> tuple[np.ndarray, list[str]]:
    """The most frequent predictions in the order of the classes; the rest as one."""
    weight = table.sum(0) + table.sum(1)
    shown = np.sort(np.argsort(-weight, kind="stable")[:SHOWN])
    shown = shown[weight[shown] > 0]
    belongs = np.full(len(classes), len(shown))
    belongs[shown] = np.arange(len(shown))
    small = np.zeros((len(shown) + 1, len(shown) + 1))
    np.add.at(small, (belongs[:, None], belongs[None, :]), table)
    return small, [*on_axis([classes[index] for index in shown], NAME // 2), OTHER]


def _heights(nodes: list[tuple[int, int]], sides: tuple[np.ndarray, np.ndarray], total: float) -> list[float]:
    """Middle of each node, so that both sides are in the order of the classes."""
    middles, at = [], {0: 0.0, 1: 0.0}
    room = {side: 1 - GAP * (sum(s == side for s, _ in nodes) - 1) for side in (0, 1)}
    for side, index in nodes:
        tall = sides[side][index] / total * room[side]
        middles.append(min(0.999, max(0.001, at[side] + tall / 2)))
        at[side] += tall + GAP
    return middles


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"


def overlap_bars(table: pd.DataFrame) -> go.Figure:
    """Bars by layer: weights that both changed over weights that either changed; a mark at chance.

    table: layer, jaccard, chance, both, a, b.
    """
    names = list(table["layer"])
    bars = {
        "type": "bar", "name": "A and B", "x": names, "y": table["jaccard"].to_numpy(float), "marker": {"color": ACCENT},
        "customdata": table[["a", "b", "both"]].to_numpy(),
        "hovertemplate": "%{x}: A changed %{customdata[0]}, B %{customdata[1]}, both %{customdata[2]}: %{y:.1%}<extra></extra>",
    }  # fmt: skip
    chance = {
        "type": "scatter", "name": "by chance", "x": names, "y": table["chance"].to_numpy(float), "mode": "markers",
        "hovertemplate": "%{x}: %{y:.1%} by chance<extra></extra>",
        "marker": {"symbol": "line-ew-open", "size": 14, "color": QUIET, "line": {"width": 3, "color": QUIET}},
    }  # fmt: skip
    top = max(0.05, float(np.nanmax(table[["jaccard", "chance"]].to_numpy(float), initial=0.0)))
    numbers = {"range": [0, min(1.02, 1.15 * top)], "tickformat": ".0%"}
    return go.Figure([bars, chance], base_layout(LAYERS, "overlap (Jaccard)", xaxis={"type": "category"}, yaxis=numbers))


def overlap_map(table: pd.DataFrame) -> go.Figure:
    """Heat map: row = method, column = layer, cell = overlap of its changed weights with A's. table: rows named by method."""
    shares = table.to_numpy(float)
    text = [["" if np.isnan(v) else f"{100 * v:.0f}" for v in row] for row in shares]
    trace = {
        "type": "heatmap", "z": shares, "x": list(table.columns), "y": [in_figure(str(name)) for name in table.index], "zmin": 0, "zmax": 1,
        "colorscale": sequential(), "xgap": 1, "ygap": 1, "showscale": False, "text": text,
        "texttemplate": "%{text}", "hoverongaps": False,
        "hovertemplate": "%{y}, %{x}: %{z:.1%} of what A or it changed, both did<extra></extra>",
    }  # fmt: skip
    layout = base_layout(
        LAYERS, "", 120 + 32 * max(2, len(table)), xaxis={"type": "category", "showgrid": False, "tickangle": 90, "dtick": 1},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
    )  # fmt: skip
    return go.Figure([trace], layout)


def overlap_table(counts: Mapping[str, tuple[int, int, int]], weights: Mapping[str, int]) -> pd.DataFrame:
    """counts: layer -> changed by A, by B, by both. weights: layer -> how many there are, in the network's order.

    Columns: layer, jaccard (nan where neither changed any), chance (of two random draws of as many weights), both, a, b.
    """
    rows = []
    for layer in (name for name in weights if name in counts):
        a, b, both = counts[layer]
        expected = a * b / weights[layer]
        rows.append({"layer": layer, "jaccard": _ratio(both, a + b - both), "chance": _ratio(expected, a + b - expected),
                     "both": both, "a": a, "b": b})  # fmt: skip
    return pd.DataFrame(rows, columns=["layer", "jaccard", "chance", "both", "a", "b"])


def all_layers(counts: Mapping[str, tuple[int, int, int]]) -> float:
    """Jaccard over all layers together; nan where nothing was changed."""
    a, b, both = (sum(column) for column in zip(*counts.values(), strict=True)) if counts else (0, 0, 0)
    return _ratio(both, a + b - both)


def _ratio(part: float, total: float) -> float:
    return part / total if total else float("nan")


def by_method(
    rows: Sequence[tuple[str, Mapping[str, tuple[int, int, int]]]], layers: Sequence[str]
) -> pd.DataFrame:  # fmt: skip
    """(name, counts with A) of each method -> table of Jaccards, a row a method, a column a layer."""
    shares = [{layer: _ratio(both, a + b - both) for layer, (a, b, both) in counts.items()} for _, counts in rows]
    return pd.DataFrame(shares, [name for name, _ in rows], list(layers))
