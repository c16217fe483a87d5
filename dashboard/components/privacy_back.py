"""Figures of the tries to bring back what was forgotten: relearning, probes, grafts; pure."""

from math import ceil

import pandas as pd
import plotly.graph_objects as go

from dashboard.components.figures import laid_out
from dashboard.components.palette import MODEL_COLOUR, MODEL_DASH, MODEL_SYMBOL, MODEL_TITLE, QUIET

DIRECTIONS = {  # of a graft
    "model_below": "Its first layers under the original's rest",
    "original_below": "The original's first layers under its rest",
}


def relearn_curves(table: pd.DataFrame) -> go.Figure:
    """Accuracy on the forget set by training step, and where it counts as brought back.

    table: model, step, accuracy (share), target (share); at least one row.
    """
    figure, last, target = go.Figure(), max(1, int(table["step"].max())), float(table["target"].iloc[0])
    figure.add_scatter(
        name=f"Brought back ({target:.0%})", x=[0, last], y=[target, target], mode="lines", hoverinfo="skip",
        line={"color": QUIET, "width": 2, "dash": "longdash"},
    )  # fmt: skip
    for model, title in MODEL_TITLE.items():
        rows = table[table["model"] == model].sort_values("step")
        if len(rows):
            figure.add_scatter(
                name=title, x=rows["step"].to_numpy(), y=rows["accuracy"].to_numpy(), mode="lines+markers", **_look(model),
                hovertemplate=title + ", step %{x}: %{y:.1%}<extra></extra>",
            )  # fmt: skip
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    figure.update_xaxes(range=[-0.04 * last - 0.1, 1.04 * last + 0.1], dtick=ceil(last / 8), tick0=0)
    return _below(laid_out(figure, "training steps", "accuracy, forget set"))


def probe_lines(table: pd.DataFrame) -> go.Figure:
    """Balanced accuracy of finding the forgotten classes in each layer's features.

    table: model, layer, accuracy; at least one row.
    """
    figure = go.Figure()
    for model, title in MODEL_TITLE.items():
        rows = table[table["model"] == model]
        if len(rows):
            figure.add_scatter(
                name=title, x=rows["layer"].to_numpy(), y=rows["accuracy"].to_numpy(), mode="lines+markers", **_look(model),
                hovertemplate=title + ", %{x}: %{y:.1%}<extra></extra>",
            )  # fmt: skip
    figure.add_hline(0.5, line={"color": QUIET, "width": 1, "dash": "longdash"}, annotation_position="top left",
                     annotation={"text": "chance"})  # fmt: skip
    figure.update_yaxes(range=[min(0.45, float(table["accuracy"].min()) - 0.05), 1.02], tickformat=".0%")
    figure.update_xaxes(type="category")
    return _below(laid_out(figure, "features after layer", "balanced accuracy"))


def graft_lines(table: pd.DataFrame, direction: str) -> go.Figure:
    """Accuracy by the number of layers taken from below; on what was forgotten, and faintly on the rest.

    table: model, direction, k, layer, forget, retain.
    """
    figure, here = go.Figure(), table[table["direction"] == direction]
    for model, title in MODEL_TITLE.items():
        rows = here[here["model"] == model].sort_values("k")
        if not len(rows):
            continue
        names = [f"{k} {layer}".strip() for k, layer in zip(rows["k"], rows["layer"], strict=True)]
        for column, word in (("forget", "forgotten"), ("retain", "kept")):
            look = _look(model) if column == "forget" else _quiet(model)
            figure.add_scatter(
                name=f"{title}, {word}", x=names, y=rows[column].to_numpy(), mode="lines+markers", **look,
                hovertemplate=f"{title}, {word}, %{{x}}: %{{y:.1%}}<extra></extra>",
            )  # fmt: skip
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    figure.update_xaxes(type="category")
    below = "this network" if direction == "model_below" else "the original"
    return _below(laid_out(figure, f"first layers taken from {below}", "accuracy"))


def _look(model: str) -> dict[str, dict[str, object]]:
    return {
        "line": {"color": MODEL_COLOUR[model], "dash": MODEL_DASH[model], "width": 3},
        "marker": {"color": MODEL_COLOUR[model], "symbol": MODEL_SYMBOL[model], "size": 9},
    }


def _quiet(model: str) -> dict[str, dict[str, object]]:
    """Of the same model, but told apart from `_look` without colour: thin and dotted."""
    look = _look(model)
    return {"line": look["line"] | {"width": 1, "dash": "dot"}, "marker": look["marker"] | {"size": 5}}


def _below(figure: go.Figure) -> go.Figure:
    """The legend under the figure, where long names do not push the plot about."""
    figure.update_layout(margin={"t": 16}, legend={"y": -0.3, "yanchor": "top"})
    return figure
