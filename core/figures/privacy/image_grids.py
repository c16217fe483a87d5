"""Image grids of true and false positives and negatives of an attack; pure."""

from base64 import b64encode
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.image_sprite import TILE, cell_sheet, to_rgb
from core.figures.markdown import in_figure
from core.figures.privacy.scores import Score, Sides, predicted_members

COLUMNS, MOST = 10, 20  # images in a row, and in a grid
CELL = 44  # pixels of a cell's height
HEADING = 1.3  # height of a grid's two-line heading and the space above it, in cells
SET_NAME = {
    "forget": "forget set",
    "retain": "retain set",
    "test_forget": "test forget set",
    "test_retain": "unseen",
}


@dataclass(frozen=True)
class ImageGrid:
    """One outcome of the attack: rows of `examples`, most certain first; `total` of `whole` images have it.

    matched: how many have it under the reference; None where there is none, or it is the attacked network.
    """

    key: str
    title: str
    about: str
    rows: np.ndarray  # (<= MOST,)
    total: int
    whole: int
    matched: int | None = None


def grids_of(
    values: np.ndarray, reference: np.ndarray | None, sides: Sides, threshold: float, above: bool, score: Score
) -> list[ImageGrid]:
    """Forget and test images, each predicted members or not, sorted by distance from the threshold on the drawn axis.

    values, reference: (N,) scores under the attacked and the reference network, one a row of `examples`.
    """
    wanted_too = None if reference is None else predicted_members(reference, threshold, above)
    leaks = "leaks, where the attack beats chance" if reference is None else "leaks, if more than there"
    member = predicted_members(values, threshold, above)
    far = np.abs(score.drawn(values) - score.drawn(threshold))
    kinds = (
        ("forget-called", "Forget set, called members", leaks,
         sides.forget, True),
        ("forget-missed", "Forget set, not called members", "as if never seen", sides.forget, False),
        ("unseen-called", "Never seen, but called members", "false alarms", sides.unseen, True),
        ("unseen-missed", "Never seen, not called members", "the attack is right", sides.unseen, False),
    )  # fmt: skip
    grids = []
    for key, title, about, rows, wanted in kinds:
        here = rows[member[rows] == wanted]
        ordered = here[np.argsort(-far[here], kind="stable")]
        matched = None if wanted_too is None else int((wanted_too[rows] == wanted).sum())
        grids.append(ImageGrid(key, title, about, ordered[:MOST], len(here), len(rows), matched))
    return grids


def pictures(examples: pd.DataFrame, rows: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """uint8 (n, C, H, W): the images of these rows of `examples`; arrays: see core.jobs.catalogue.dataset_images."""
    chosen = examples.iloc[rows]
    on_test = chosen["set"].str.startswith("test").to_numpy()
    index = chosen["index"].to_numpy()
    images = [arrays["test_images"][i] if test else arrays["train_images"][i] for i, test in zip(index, on_test, strict=True)]
    return np.stack(images)


def grids_figure(
    grids: list[ImageGrid], images: dict[str, np.ndarray], peak: int, examples: pd.DataFrame, classes: tuple[str, ...], model: str,
    score: Score, *, multi: bool = False,
) -> go.Figure:  # fmt: skip
    """All grids in one figure, which the threshold redraws; one trace per grid, named by its key.

    A grid is one picture below its heading, with an invisible point over each cell for hover and selection; customdata: the row.
    images: grid's key -> uint8 (n, C, H, W), n = len(grid.rows), for grids that are not empty.
    multi: `label` counts the image's attributes, predictions count those predicted correctly.
    """
    traces, pictured, headings, top = [], [], [], 0.0
    for grid in grids:
        matched = "" if grid.matched is None else f" (reference: {grid.matched})"
        headings.append({
            "text": f"<b>{grid.title}</b><br>{grid.total} of {grid.whole}{matched} · {grid.about if len(grid.rows) else 'none'}",
            "x": 0, "xanchor": "left", "y": top + HEADING - 0.1, "yanchor": "bottom", "align": "left", "showarrow": False,
            "font": {"size": 13},
        })  # fmt: skip
        top += HEADING
        if len(grid.rows):
            traces.append(_points(grid, top, examples, classes, model, score, multi))
            lines = ceil(len(grid.rows) / COLUMNS)
            picture = cell_sheet(to_rgb(images[grid.key], peak), COLUMNS, TILE)
            pictured.append({
                "source": "data:image/png;base64," + b64encode(picture).decode(), "xref": "x", "yref": "y",
                "x": 0, "y": top, "sizex": COLUMNS, "sizey": lines, "sizing": "stretch", "layer": "below",
            })  # fmt: skip
            top += lines
    axis = {"visible": False, "fixedrange": True, "constrain": "domain"}
    layout = {
        "height": top * CELL + 2, "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0}, "images": pictured, "annotations": headings,
        "showlegend": False, "hovermode": "closest", "hoverdistance": CELL // 4,  # not from a heading
        "xaxis": {"range": [0, COLUMNS], **axis},
        "yaxis": {"range": [top, 0], "scaleanchor": "x", "constraintoward": "top", **axis},
    }  # fmt: skip
    return go.Figure(traces, layout)


def _points(
    grid: ImageGrid, top: float, examples: pd.DataFrame, classes: tuple[str, ...], model: str, score: Score, multi: bool
) -> dict[str, Any]:
    cells = np.arange(len(grid.rows))
    chosen = examples.iloc[grid.rows]
    columns = [chosen[name].tolist() for name in ("set", "index", "label", f"{model}_answer", f"{model}_{score.key}")]
    columns.insert(3, truths_of(chosen).tolist())
    hidden = {"opacity": 0}
    return {
        "type": "scatter", "name": grid.key, "x": cells % COLUMNS + 0.45, "y": top + cells // COLUMNS + 0.45, "mode": "markers",
        "customdata": [[int(row)] for row in grid.rows], "hovertemplate": "%{text}<extra></extra>",
        "text": [
            f"{SET_NAME[name]}, index {index}<br>{in_figure(_label_text(label, truth, answer, classes, multi), 160)}"
            f"<br>{score.title} {value:.3g}"
            for name, index, label, truth, answer, value in zip(*columns, strict=True)
        ],
        "marker": {"symbol": "square", "size": 0.8 * CELL, **hidden}, "selected": {"marker": hidden}, "unselected": {"marker": hidden},
    }  # fmt: skip


def truths_of(examples: pd.DataFrame) -> pd.Series:
    """The true labels, also where the request made some of them wrong."""
    return examples["truth" if "truth" in examples else "label"]


def class_text(label: int, truth: int, classes: tuple[str, ...]) -> str:
    """An image's class, with the wrong label of the request where there is one."""
    return f"class {classes[truth]}" if label == truth else f"labelled {classes[label]} (wrongly, by the request), truly {classes[truth]}"


def _label_text(label: int, truth: int, answer: int, classes: tuple[str, ...], multi: bool) -> str:
    if multi:
        return f"{label} attribute{'s' * (label != 1)}, {answer} of {len(classes)} predicted correctly"
    return f"{class_text(label, truth, classes)}, predicted {classes[answer]}"
