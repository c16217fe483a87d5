"""The joint map as a figure: one network's positions, and arrows from the original's; pure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.feature_map.table import AS_REFERENCE, SET_TITLE, SETS, Rule
from core.figures.markdown import TICK, in_figure
from core.figures.palette import (
    CLASS_COLOURS,
    CLASS_SYMBOLS,
    MODEL_TITLE,
    OUTCOME_COLOUR,
    QUIET,
    SET_COLOUR,
    THRESHOLD,
)
from core.figures.plotly_layout import CONFIG, base_layout

HEIGHT, WIDTH, BARB = 540, 640, 6  # pixels; the width is about what a laptop gives it, the barb an arrow head's length
ARROWS = 150  # drawn at most; more is a thicket
READABLE = 20  # names in a legend
# Streamlit takes no clicks while the lasso or the box is active, so the map starts with panning.
BUTTONS = [["lasso2d", "select2d", "zoom2d", "pan2d", "resetScale2d"]]
MAP_CONFIG = {**CONFIG, "displayModeBar": True, "modeBarButtons": BUTTONS}
PAD = 0.04  # of an axis's length, at its ends


@dataclass(frozen=True)
class Group:
    """Points of one style: rows (n,) of the table."""

    name: str
    rows: np.ndarray
    colour: str
    symbol: str
    size: int = 7
    opacity: float = 0.75


def by_class(table: pd.DataFrame, classes: tuple[str, ...]) -> list[Group]:
    """One group per class, by colour and by shape."""
    rows_by_class = ((index, np.flatnonzero(table["label"] == index)) for index in range(len(classes)))
    return [
        Group(in_figure(classes[i], TICK), rows, CLASS_COLOURS[i % len(CLASS_COLOURS)], CLASS_SYMBOLS[i % len(CLASS_SYMBOLS)])
        for i, rows in rows_by_class
        if len(rows)
    ]


def by_set(table: pd.DataFrame) -> list[Group]:
    """One group per set; test images are open shapes."""
    styles = {"forget": ("forget", "star"), "retain": ("retain", "circle"), "test_forget": ("forget", "star-open"),
             "test_retain": ("unseen", "x-thin-open")}  # fmt: skip
    rows_by_set = {name: np.flatnonzero(table["set"] == name) for name in ("retain", "test_retain", "test_forget", "forget")}
    return [
        Group(_counted(SET_TITLE[name], rows), rows, SET_COLOUR[styles[name][0]], styles[name][1])
        for name, rows in rows_by_set.items()
        if len(rows)
    ]


def by_outcome(rules: dict[str, Rule]) -> list[Group]:
    """Forgotten, not forgotten, over-forgotten and the rest; open shapes where the prediction is not the reference's."""
    outcomes = [key for key in rules if key != AS_REFERENCE]
    rest = ~np.any([rules[key].holds for key in outcomes], axis=0)
    groups = [Group(_counted("The rest", rest), np.flatnonzero(rest), QUIET, "circle", 5, 0.35)]
    shapes = {"forgotten": "star", "not forgotten": "square", "over-forgotten": "triangle-down"}
    for key in outcomes:
        holds, symbol, colour = rules[key].holds, shapes[key], OUTCOME_COLOUR[key]
        if AS_REFERENCE not in rules:
            groups.append(Group(_counted(rules[key].title, holds), np.flatnonzero(holds), colour, symbol, 9))
            continue
        same = rules[AS_REFERENCE].holds
        for chosen, words, shape in ((holds & same, ", as the reference", symbol), (holds & ~same, ", unlike it", f"{symbol}-open")):
            groups.append(Group(_counted(rules[key].title + words, chosen), np.flatnonzero(chosen), colour, shape, 9, 0.9))
    return [group for group in groups if len(group.rows)]


def by_rule(rule: Rule) -> list[Group]:
    """Images where one rule holds, where it applies but does not hold, and where it does not apply."""
    others, here = ~rule.applies, rule.applies & ~rule.holds
    groups = [
        Group(_counted("Not asked of", others), np.flatnonzero(others), QUIET, "circle", 4, 0.25),
        Group(_counted(f"Not “{rule.title}”", here), np.flatnonzero(here), QUIET, "circle-open", 7, 0.8),
        Group(_counted(rule.title, rule.holds), np.flatnonzero(rule.holds), OUTCOME_COLOUR["forgotten"], "star", 9, 0.9),
    ]
    return [group for group in groups if len(group.rows)]


def _counted(name: str, chosen: np.ndarray) -> str:
    return f"{name} ({int(chosen.sum()) if chosen.dtype == bool else len(chosen)})"


def map_figure(
    table: pd.DataFrame, model: str, groups: list[Group], texts: np.ndarray, titles: tuple[str, str], arrows: np.ndarray
) -> go.Figure:
    """Every image at `model`'s position; customdata: its row, for clicks and the lasso, in a list (the browser turns an array
    into an object).

    texts (N,): hovers. titles: of the axes. arrows: rows whose way from the original's position is drawn, ARROWS at most.
    All models' figures have the same axes.
    """
    x, y = (table[f"{model}_{axis}"].to_numpy() for axis in "xy")
    traces: list[dict[str, Any]] = [
        {
            "type": "scattergl", "name": group.name, "x": x[group.rows], "y": y[group.rows], "mode": "markers",
            "customdata": [[int(row)] for row in group.rows], "text": texts[group.rows], "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": group.colour, "symbol": group.symbol, "size": group.size, "opacity": group.opacity},
        }
        for group in groups
    ]  # fmt: skip
    ranges = {axis: _range(table, axis) for axis in "xy"}
    legend = {"y": -0.12, "yanchor": "top", "itemsizing": "constant"}
    layout = base_layout(
        *titles, HEIGHT, margin={"t": 30}, legend=legend, showlegend=len(groups) <= READABLE, dragmode="pan",
        xaxis={"range": ranges["x"], "fixedrange": False, "zeroline": False},
        yaxis={"range": ranges["y"], "fixedrange": False, "zeroline": False},
        shapes=[_arrows(table, model, arrows, ranges)] if model != "original" and len(arrows) else [],
    )  # fmt: skip
    return go.Figure(traces, layout)


def _arrows(table: pd.DataFrame, model: str, rows: np.ndarray, ranges: dict[str, list[float]]) -> dict[str, Any]:
    """One path of arrows from the original's positions to this model's; above the points and not clickable."""
    some = rows[:: -(-len(rows) // ARROWS)]
    low, high = np.array([ranges["x"], ranges["y"]]).T
    unit = (high - low) / [WIDTH, HEIGHT]  # of the axes, a pixel
    tail, head = (table[[f"{name}_x", f"{name}_y"]].to_numpy(np.float64)[some] / unit for name in ("original", model))
    way = head - tail
    along = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9) * BARB
    across = along[:, ::-1] * [1, -1] / 2
    long = np.linalg.norm(way, axis=1) > 2 * BARB
    lines = [
        " ".join(f"{letter}{x:.4g},{y:.4g}" for letter, (x, y) in zip("MLMLL", points * unit, strict=True))
        for points in np.stack([tail, head, head - along + across, head, head - along - across], 1)[long]
    ]
    return {
        "type": "path", "path": " ".join(lines) or "M0,0", "layer": "above", "opacity": 0.8, "line": {"color": THRESHOLD, "width": 1},
        "name": f"arrows from the original's place ({len(lines)} long enough)", "showlegend": True,
    }  # fmt: skip


def _range(table: pd.DataFrame, axis: str) -> list[float]:
    every = table[[column for column in table.columns if str(column).endswith(f"_{axis}")]].to_numpy()
    low, high = float(every.min()), float(every.max())
    pad = PAD * (high - low) or 1.0
    return [low - pad, high + pad]


def hovers(table: pd.DataFrame, models: list[str], classes: tuple[str, ...]) -> np.ndarray:
    """(N,) hover texts: the image's id, its label, and each network's prediction."""
    names = np.array([in_figure(one) for one in classes], object)
    lines = table["set"].map({name: SET_TITLE[name] for name in SETS}) + ", " + table["id"].str.replace(":", " index ")
    lines = lines + "<br>label " + pd.Series(names[table["label"]])
    wrong = (table["label"] != table["truth"]).to_numpy()
    lines = lines + np.where(wrong, " (made wrong; truly " + names[table["truth"]] + ")", "")
    for model in models:
        sure = (100 * table[f"{model}_sure"]).round().astype(int).astype(str)
        lines = lines + f"<br>{MODEL_TITLE[model]}: " + pd.Series(names[table[f"{model}_answer"]]) + " (" + sure + " %)"
    return np.asarray(lines, object)
