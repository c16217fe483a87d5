"""Loss and accuracy by epoch of training; pure."""

from math import ceil
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.figures.palette import MODEL_COLOUR, MODEL_DASH, MODEL_TITLE
from core.figures.plotly_layout import base_layout

HEIGHT = 280  # pixels
ALT = "Loss and accuracy on training images by epoch, of the original and the reference network"
WORDS = (
    "Mean over an epoch's images, each as the network was when it was trained on it. The reference never saw the forget set; where its "
    "curve ends as the original's does, both are trained as far."
)


def training_curves(table: pd.DataFrame) -> go.Figure:
    """Loss on the left, accuracy on the right. table: model, epoch, loss (nats), accuracy (share); at least one row."""
    last = int(table["epoch"].max())
    traces = list[dict[str, Any]]()
    for model, title in MODEL_TITLE.items():
        rows = table[table["model"] == model].sort_values("epoch")
        for column, axis, form in (("loss", "", ".3f"), ("accuracy", "2", ".1%")) if len(rows) else ():
            traces.append({
                "type": "scatter", "name": title, "legendgroup": model, "showlegend": column == "loss", "xaxis": f"x{axis}",
                "yaxis": f"y{axis}", "x": rows["epoch"].to_numpy(), "y": rows[column].to_numpy(),
                "mode": "lines" if len(rows) > 1 else "markers",
                "line": {"color": MODEL_COLOUR[model], "dash": MODEL_DASH[model], "width": 3},
                "hovertemplate": f"{title}, epoch %{{x}}: {column} %{{y:{form}}}<extra></extra>",
            })  # fmt: skip
    across = {"title": "epoch", "automargin": True, "fixedrange": True, "tick0": 0, "dtick": max(1, ceil(last / 8))}
    return go.Figure(traces, base_layout(
        "epoch", "loss, nats", HEIGHT, xaxis={**across, "domain": [0, 0.45]}, yaxis={"rangemode": "tozero"},
        xaxis2={**across, "domain": [0.55, 1], "anchor": "y2"},
        yaxis2={"title": "accuracy", "automargin": True, "fixedrange": True, "anchor": "x2", "range": [0, 1.03], "tickformat": ".0%"},
    ))  # fmt: skip
