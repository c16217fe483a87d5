"""Two runs side by side: accuracy by class, confusion matrices, layer-wise CKA. Pure functions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.class_figures import MOST, count_matrix, most_changed, most_confused, row_names
from core.figures.markdown import in_figure, on_axis
from core.figures.palette import MODEL_COLOUR, MODEL_DASH, PAIR_COLOUR, PAIR_SYMBOL, QUIET, sequential
from core.figures.plotly_layout import HEIGHT, base_layout, hatch, merge_layout

WRITTEN = 12  # classes; cells of a larger matrix are too small for numbers
ROW, AROUND = 30, 110  # pixels of a matrix's row, and of title and axis together
LETTER, FLAT, WIDEST = 7, 40, 110  # pixels of one; letters that fit under a figure of half a page; pixels of a margin
LEAST = 0.02  # share: bars shorter than this still leave an axis that shows how short they are


def label_margins(across: Sequence[str], up: Sequence[str] = ("100%",)) -> dict[str, Any]:
    """Parts of a layout: margins for these tick labels where they are short; else plotly's automargin.

    Automargin takes twice as long as drawing all the rest.
    """
    upright = max(map(len, across), default=0) * len(across) <= FLAT
    wide = 44 + LETTER * max(map(len, up), default=0)
    margin = {"l": wide, "b": 54} if upright and wide <= WIDEST else {}
    return {"margin": margin, "xaxis": {"automargin": not margin}, "yaxis": {"automargin": not margin}}


def class_difference(
    a: pd.DataFrame, b: pd.DataFrame, classes: tuple[str, ...], forgotten: tuple[int, ...], *, multi: bool = False,
) -> go.Figure:  # fmt: skip
    """Bars up where B is right more often than A, down where A is: by class, on test and on training images.

    a, b: one row per split, class: accuracy (share; NaN where the class has no images) of the unlearned networks.
    multi: by attribute. Of many classes, those where the two differ most on test images.
    """
    sides = [t[t["split"] == "test"].assign(model=model) for t, model in ((a, "unlearned"), (b, "reference"))]
    shown = list(most_changed(pd.concat(sides), forgotten)) if len(classes) > MOST else list(range(len(classes)))
    short = on_axis([classes[index] for index in shown])
    names = [f"<b>{name} ✕</b>" if index in forgotten else name for index, name in zip(shown, short, strict=True)]
    largest, traces, what = LEAST, [], "attribute" if multi else "class"
    for split, title, pattern in (("test", "test images", ""), ("train", "training images", "/")):
        ours, theirs = (t[t["split"] == split].set_index("class")["accuracy"].reindex(shown) for t in (a, b))
        more = (theirs - ours).to_numpy(float)
        largest = max(largest, float(np.nanmax(np.abs(more), initial=0.0)))
        hover = f"{what} %{{x}}, {title}: A %{{customdata[0]:.1%}}, B %{{customdata[1]:.1%}}, B − A %{{y:+.1%}}<extra></extra>"
        colours = [PAIR_COLOUR["B" if gain > 0 else "A"] for gain in more]
        traces += [
            {"type": "bar", "x": names, "y": more, "customdata": np.stack([ours, theirs], 1), "hovertemplate": hover,
             "marker": {"color": colours, "pattern": hatch(pattern)}, "offsetgroup": split, "showlegend": False},
            # The legend's own bars would have the first class's colour, which says who is ahead there.
            {"type": "bar", "x": [None], "y": [None], "name": title, "offsetgroup": split,
             "marker": {"color": QUIET, "pattern": hatch(pattern)}},
        ]  # fmt: skip
    numbers = {"range": [-1.08 * largest, 1.08 * largest], "tickformat": "+.0%" if largest > LEAST else "+.1%", "zerolinewidth": 2}
    layout = base_layout(what if multi else "class (✕ = to forget)", "accuracy of B minus A", **label_margins(short, ("+100%",)))
    return go.Figure(traces, merge_layout(layout, xaxis={"type": "category"}, yaxis=numbers))


def matrix(table: pd.DataFrame, classes: tuple[str, ...], title: str, row: str = "true class") -> go.Figure:
    """Confusion matrix of one network: row = true class, colour = share of the row, text = share and mean confidence.

    table: true, predicted, count, confidence; a cell without images needs no row. Classes without images have no row. row: as in
    `class_figures.confusion`.
    """
    shown = most_confused(table, len(classes))
    every, size = row_names(classes, shown), len(classes)
    counts, sure = count_matrix(table, shown, size), count_matrix(table, shown, size, "confidence")
    confidence = np.divide(sure, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    here = counts.sum(1) > 0
    counts, confidence, names = counts[here], confidence[here], [name for name, there in zip(every, here, strict=True) if there]
    shares = counts / counts.sum(1, keepdims=True)
    written = size <= WRITTEN
    text = [
        [f"{100 * s:.0f} %<br>{100 * c:.0f} %" if n else "" for s, c, n in zip(*row, strict=True)]
        for row in zip(shares, confidence, counts, strict=True)
    ] if written else None  # fmt: skip
    trace = {
        "type": "heatmap", "z": shares, "x": every, "y": names, "zmin": 0, "zmax": 1, "xgap": 1, "ygap": 1,
        "customdata": np.stack([counts, np.nan_to_num(confidence)], 2), "colorscale": sequential(),
        "showscale": False, "text": text, "texttemplate": "%{text}" if written else None, "textfont": {"size": 10},
        "hovertemplate": f"{row.removesuffix(' class')} %{{y}}, predicted %{{x}}: %{{z:.1%}} (%{{customdata[0]}} images), mean "
        "confidence %{customdata[1]:.1%}<extra></extra>",
    }  # fmt: skip
    layout = base_layout(
        "answer", row, AROUND + ROW * max(2, len(names)) if written else HEIGHT + 80,
        **label_margins(every, names),
    )  # fmt: skip
    grid = {"type": "category", "showgrid": False}
    head = {"text": in_figure(title, 90), "x": 0, "font": {"size": 15}}
    return go.Figure([trace], merge_layout(layout, xaxis=grid, yaxis={**grid, "autorange": "reversed"}, title=head))


def cka_lines(a: pd.DataFrame, b: pd.DataFrame) -> go.Figure:
    """Lines over layers: CKA of A's and B's unlearned network with the original and with the reference, on one set.

    a, b: layer, model, other, cka of that set. Grey: the reference with the original, as alike as two networks
    trained apart are.
    """
    traces = []
    for other in ("original", "reference"):
        for letter, table in (("A", a), ("B", b)):
            rows = table[(table["model"] == "unlearned") & (table["other"] == other)]
            traces += _line(rows, f"{letter} – {other}", PAIR_COLOUR[letter], MODEL_DASH[other], PAIR_SYMBOL[letter])
    apart = a[(a["model"] == "reference") & (a["other"] == "original")]
    traces += _line(apart, "reference – original", MODEL_COLOUR["original"], "solid", "x-thin-open")
    lowest = min((value for trace in traces for value in trace["y"]), default=0.0)
    layout = base_layout("layer, input to output", "linear CKA", **label_margins(list(dict.fromkeys(a["layer"]))))
    numbers = {"range": [max(-0.02, lowest - 0.08), 1.03]}
    return go.Figure(traces, merge_layout(layout, xaxis={"type": "category"}, yaxis=numbers, margin={"t": 64}))


def _line(rows: pd.DataFrame, name: str, colour: str, dash: str, symbol: str) -> list[dict[str, Any]]:
    """One trace, or none where there is nothing to draw."""
    trace = {
        "type": "scatter", "x": list(rows["layer"]), "y": rows["cka"].to_numpy(float), "name": name, "mode": "lines+markers",
        "line": {"color": colour, "dash": dash, "width": 2}, "hovertemplate": f"{name}, %{{x}}: %{{y:.3f}}<extra></extra>",
        "marker": {"symbol": symbol, "size": 8, **({"line": {"width": 2}} if "open" in symbol else {})},
    }  # fmt: skip
    return [trace] if len(rows) else []
