"""The comparison table as shown: text columns, formatted numbers, and a background colour for how good each number is."""

from collections.abc import Hashable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.figures.compare.metric_columns import Column
from core.figures.metric_tables import SECOND_REFERENCE_TITLE
from core.figures.palette import MODEL_TITLE, is_dark
from core.reports.compare.paired_differences import wins
from core.reports.compare.runs_by_seed import SUBJECT, Rows
from core.reports.compare.unchanged_methods import UNCHANGED

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

NEAR = 0.1  # of a share, and of the largest value of anything else: a distance to the reference below it is never the worst
TIE = 0.005  # share of the largest value: values that lie closer together than this are not ranked
# Blue is good and orange is bad, which every eye tells apart; text on each passes 4.5:1.
LIGHT = ("#f7c9a3", "#fbdfc8", "#fdf0e4", "#ffffff", "#e3effa", "#c4dff5", "#9fcbee")
DARK = ("#7a3d0c", "#5c3212", "#3a2718", "#10151d", "#16304a", "#154a78", "#1463a8")
TEXT = {False: "#0e1420", True: "#f2f5f9"}


def goodness(rows: Rows, column: Column) -> np.ndarray:
    """(rows,) in [0, 1], 1 the best; nan where not ranked, as of original, references and methods that changed nothing.

    Several seeds: how many methods a row significantly beats, less those that significantly beat it. Single runs: for `match`
    by the distance to the reference beyond the retraining variability, else by rank.
    """
    good, ranked = np.full(len(rows.about), np.nan), np.flatnonzero(rows.ranked)
    if len(ranked) < 2:
        return good  # nothing to compare with
    values, far = (part[column.key].to_numpy(float)[ranked] for part in (rows.values, rows.gaps))
    if rows.series is None:
        good[ranked] = _by_value(values, far, column, rows.variability.get(column.key, 0.0))
    else:
        series = rows.series[:, list(rows.values).index(column.key), ranked]
        good[ranked] = _by_interval(series, far, _least(values, column), column.info.goal)
    return good


def _least(values: np.ndarray, column: Column) -> float:
    """The distance to the reference below which a value is never coloured worst."""
    return NEAR * (1.0 if column.info.unit == "share" else float(np.nanmax(np.abs(values), initial=0.0)))


def _by_interval(series: np.ndarray, far: np.ndarray, least: float, goal: str) -> np.ndarray:
    """series: (2, rows, pairs), values and distances to the reference."""
    costs = series[1] if goal == "match" else series[0] if goal == "low" else -series[0]
    ahead = wins(costs)
    if not ahead.any():
        return np.full(len(ahead), np.nan)
    good = 0.5 + ahead / (2 * (len(ahead) - 1))
    if goal == "match" and least > 0:  # small distances get pale colours
        good = 0.5 + (good - 0.5) * min(1.0, float(np.nanmax(far, initial=0.0)) / least)
    return np.where(np.isfinite(costs).sum(1) < 2, np.nan, good)


def _by_value(values: np.ndarray, far: np.ndarray, column: Column, allowed: float) -> np.ndarray:
    """allowed: the retraining variability."""
    if column.info.goal == "match":
        beyond = np.maximum(far - allowed, 0.0)
        return np.asarray(1 - beyond / max(float(np.nanmax(beyond, initial=0.0)), _least(values, column), 1e-12))
    there = values[~np.isnan(values)]
    largest = float(np.abs(there).max(initial=0.0))
    if len(there) < 2 or there.max() - there.min() <= max(TIE * largest, allowed):
        return np.full(len(values), np.nan)
    rank = pd.Series(values).round(9).rank(ascending=column.info.goal == "high")
    return ((rank - 1) / (rank.max() - 1)).to_numpy(float)


def cell_css(good: np.ndarray) -> np.ndarray:
    """CSS of each cell: blue behind the best, orange behind the worst."""
    dark = is_dark()
    scale = DARK if dark else LIGHT
    steps = np.rint(np.nan_to_num(good) * (len(scale) - 1)).astype(int)
    css = np.array([f"background-color: {colour}; color: {TEXT[dark]}" for colour in scale], object)
    return np.where(np.isnan(good), "", css[steps])


def styled(rows: Rows, columns: list[Column], words: Mapping[str, str]) -> "Styler":
    """The table with colours and text; its cells stay numbers, so that a click on a header sorts them.

    words: id -> what to write as the settings.
    """
    seeds = "seed" in rows.about
    table = pd.DataFrame({"Method": [title_of(row) for row in rows.about[["method", "of", "unchanged"]].to_dict("records")]})
    for name in SUBJECT:
        if rows.about[name].nunique() > 1:
            table[name.capitalize()] = rows.about[name]
    settings = [words.get(i, "") for i in rows.about["id"]]
    if any(settings):
        table["Settings"] = settings
    table["Seed" if seeds else "n"] = rows.about["seed" if seeds else "n"]
    table = table.assign(**{column.header: rows.values[column.key] for column in columns}, Run=rows.about["id"])
    css = pd.DataFrame("", index=table.index, columns=table.columns)
    for column in columns:
        css[column.header] = cell_css(goodness(rows, column))
    style = table.style.apply(lambda _: css, axis=None)
    for column in columns:
        format_column(style, column, rows.values[column.key], rows.halves[column.key])
    return style


def title_of(row: Mapping[Hashable, object]) -> str:
    """A row's name: original and reference by their model, the second reference, a method by its key with its mark."""
    if row["of"] != "unlearned":
        return MODEL_TITLE[str(row["of"])]
    if row["method"] == SECOND_REFERENCE_METHOD:
        return SECOND_REFERENCE_TITLE
    return f"{row['method']} ({UNCHANGED})" if row["unchanged"] else str(row["method"])


def format_column(style: "Styler", column: Column, values: Iterable[float], halves: Iterable[float]) -> None:
    """Write a column's cells, each row's value with the interval of that row, whatever other rows have the same value.

    A Styler formatter receives the value alone, so rows that share a value but differ in their texts are formatted one text at
    a time; formatting every cell separately would take a second for a thousand cells.
    """
    texts = [column.text(value, half) for value, half in zip(values, halves, strict=True)]
    rows: dict[float, dict[str, list[int]]] = {}
    for row, (value, text) in enumerate(zip(values, texts, strict=True)):
        if not np.isnan(value):
            rows.setdefault(value, {}).setdefault(text, []).append(row)
    firsts = {value: next(iter(texts_of_value)) for value, texts_of_value in rows.items()}
    style.format(partial(_looked_up, firsts), subset=pd.IndexSlice[:, [column.header]])
    for texts_of_value in rows.values():
        for text, here in list(texts_of_value.items())[1:]:
            style.format(partial(_always, text), subset=pd.IndexSlice[here, [column.header]])


def _looked_up(texts: Mapping[float, str], value: float) -> str:
    return texts.get(value, "–")


def _always(text: str, _: float) -> str:
    return text
