"""Figures of a sequence of forget requests: damage, forgetting and relapse, and cost, by request; pure functions of plain data.

rows: a row each request, from 1 on: `number`, and the mean of each `NETWORK_SET` and of `spent`, `retrained`, `one`, with the half
width of its 95 % interval as `NAME_half`; a column that is not there has no line, NaN no point.
"""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.figures.palette import MODEL_COLOUR, MODEL_DASH, MODEL_SYMBOL, MODEL_TITLE, QUIET, THRESHOLD, ink
from core.figures.plotly_layout import base_layout, merge_layout, note_above, vertical_line

PAD = 0.004  # of a share, beyond the ends of what is drawn
ROOM = 0.4  # requests left of the first and right of the last


def damage_figure(rows: pd.DataFrame, tolerance: float, harmful: int | None, against: str) -> go.Figure:
    """Test accuracy after each request. against: the network that damage is held against, `reference` or `original`."""
    traces = [
        _line(rows, f"{model}_test", title, MODEL_COLOUR[model], MODEL_DASH[model], MODEL_SYMBOL[model])
        for model, title in MODEL_TITLE.items() if f"{model}_test" in rows
    ]  # fmt: skip
    floor = rows[f"{against}_test"].to_numpy() - tolerance
    traces.append({
        "type": "scatter", "mode": "lines", "name": f"{MODEL_TITLE[against].lower()} − {100 * tolerance:g} points",
        "x": rows["number"].to_numpy(), "y": floor, "line": {"color": QUIET, "dash": "dot", "width": 1.5}, "hoverinfo": "skip",
    })  # fmt: skip
    shown = [f"{model}_test" for model in MODEL_TITLE if f"{model}_test" in rows]
    ends = [rows[name] - rows[f"{name}_half"].astype(float).fillna(0.0) for name in shown]
    low = min(float(floor.min()), *(float(end.min()) for end in ends))
    axis = {"tickformat": ".1~%", "range": [max(0.0, low) - PAD, 1 + PAD]}  # an interval may leave what a share can be; the axis does not
    return _figure(traces, rows, "test accuracy", axis, _mark(harmful, "tolerance left"))


def forgetting_figure(rows: pd.DataFrame) -> go.Figure:
    """Accuracy on each request's own images, and on those of all requests before it, of the unlearned and the retrained network."""
    traces = []
    for model in ("reference", "unlearned"):
        title = MODEL_TITLE[model].lower()
        own, earlier = ("request", "this request", "solid", MODEL_SYMBOL[model]), ("earlier", "all earlier", "dash", "x")
        for name, words, dash, symbol in (own, earlier):
            if f"{model}_{name}" in rows:
                traces.append(_line(rows, f"{model}_{name}", f"{words}, {title}", MODEL_COLOUR[model], dash, symbol))
    return _figure(traces, rows, "accuracy on forgotten images", {"tickformat": ".0%", "range": [-0.03, 1.05]})


def cost_figure(rows: pd.DataFrame, harmful: int | None, dearer_than_one: int | None) -> go.Figure:
    """Seconds of all requests so far: unlearning, a retraining for each, and the line of one retraining; break-even where they cross."""
    looks = (
        ("spent", "unlearning, with its statistics", MODEL_COLOUR["unlearned"], "solid", MODEL_SYMBOL["unlearned"]),
        ("retrained", "a retraining for each request", MODEL_COLOUR["reference"], "dash", MODEL_SYMBOL["reference"]),
        ("one", "one retraining (break-even)", THRESHOLD, "dot", "line-ew-open"),
    )
    traces = [_line(rows, *look, share=False) for look in looks if look[0] in rows and rows[look[0]].notna().any()]
    marks = _mark(harmful, "tolerance left") + _mark(dearer_than_one, "break-even", row=1)
    return _figure(traces, rows, "seconds in all", {"rangemode": "tozero", "minallowed": 0}, marks)


def _line(rows: pd.DataFrame, key: str, title: str, colour: str, dash: str, symbol: str, *, share: bool = True) -> dict[str, Any]:
    """Means with their intervals."""
    means, half = rows[key].to_numpy(dtype=float), rows[f"{key}_half"].to_numpy(dtype=float)
    error = {} if pd.isna(half).all() else {"error_y": {"type": "data", "array": half, "thickness": 1.5, "width": 4}}
    texts = [_text(mean, around, share) for mean, around in zip(means, half, strict=True)]
    return {
        "type": "scatter", "mode": "lines+markers", "name": title, "x": rows["number"].to_numpy(), "y": means,
        "line": {"color": colour, "dash": dash, "width": 2.5}, "marker": {"color": colour, "symbol": symbol, "size": 9}, **error,
        "customdata": texts, "hovertemplate": f"request %{{x}}, {title}: %{{customdata}}<extra></extra>",
    }  # fmt: skip


def _text(mean: float, half: float, share: bool) -> str:
    def show(value: float) -> str:
        return percent(value) if share else f"{value:.3g} s"

    return show(mean) if pd.isna(half) else f"{show(mean)} ± {show(half)}"


Mark = tuple[int, str, int]  # request, word, row of words above the figure


def _mark(number: int | None, word: str, row: int = 0) -> list[Mark]:
    return [] if number is None else [(number, word, row)]


def _figure(traces: list[dict[str, Any]], rows: pd.DataFrame, y: str, axis: dict[str, Any], marks: list[Mark] = []) -> go.Figure:  # noqa: B006  # read alone
    last = int(rows["number"].max())
    x = {"range": [1 - ROOM, last + ROOM], "dtick": max(1, last // 10), "tick0": 1, "zeroline": False}
    layout = merge_layout(base_layout("request", y, 360, margin={"t": 84}), xaxis=x, yaxis=axis, legend={"y": 1.12})
    layout["shapes"] = [vertical_line(number, ink(), "dot", 1) for number, _, _ in marks]
    layout["annotations"] = [note_above(number, word, ink(), "left", row) for number, word, row in marks]
    return go.Figure(traces, {**layout, "xaxis": {**base_layout("request", y)["xaxis"], **x}})
