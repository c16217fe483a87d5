"""Maps as colours over their image, image grids of them, and tables of their scores; pure."""

from base64 import b64encode
from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.image_sprite import cell_sheet, png, to_rgb
from core.figures.palette import MODEL_TITLE, SIGN_COLOUR

PALE = 0.35  # contrast of the image under a map
TOP = 99.5  # percentile at which colour is full, so that a single pixel does not fade all others
SIDE, CELL = 224, 40  # pixels across a shown map, and across a cell of a grid
COLUMNS = 8  # of a grid
SCORES = ("rank", "ssim", "shift", "outside")  # in the order of core.analysis.saliency.map_similarity.Scores
SCORE_TITLE = {"rank": "Rank correlation", "ssim": "SSIM", "shift": "Centre moved (pixels)", "outside": "Outside the first's top tenth"}
ALIKE = {"rank": True, "ssim": True, "shift": False, "outside": False}  # whether a high score means alike


def scale_of(maps: Sequence[np.ndarray]) -> float:
    """The value at which colour is full, for all of them together; above 0."""
    values = np.abs(np.concatenate([m.ravel() for m in maps]))
    return float(np.percentile(values, TOP) or values.max() or 1.0)


def overlay(image: np.ndarray, values: np.ndarray, scale: float) -> np.ndarray:
    """image: uint8 (C, H, W), levels to 255; values: (H, W). uint8 (H, W, 3): red is evidence for the target class, blue against it."""
    grey = image.mean(0)
    pale = 255 - (255 - grey) * PALE
    share = np.clip(np.nan_to_num(values) / scale, -1, 1)[..., None]
    colour = np.where(share >= 0, _rgb(SIGN_COLOUR["for"]), _rgb(SIGN_COLOUR["against"]))
    mixed: np.ndarray = (pale[..., None] * (1 - np.abs(share)) + colour * np.abs(share)).round().astype(np.uint8)
    return mixed


def shown(picture: np.ndarray) -> bytes:
    """uint8 (H, W, 3) as a PNG about SIDE across."""
    return png(picture, max(1, round(SIDE / max(picture.shape[:2]))))


def legend() -> bytes:
    """The colours from -1 to 1, as a bar."""
    return png(overlay(np.full((1, 6, 224), 255, np.uint8), np.tile(np.linspace(-1, 1, 224), (6, 1)), 1.0), 1)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], float)


def pair_table(pairs: dict[str, dict[str, float | None]]) -> pd.DataFrame:
    """pairs: "first,second" -> score -> value."""
    rows = []
    for names, values in pairs.items():
        first, second = names.split(",")
        name = f"{MODEL_TITLE[first]} → {MODEL_TITLE[second].lower()}"
        rows.append({"Maps": name} | {SCORE_TITLE[s]: score_text(s, values[s]) for s in SCORES})
    return pd.DataFrame(rows)


def score_text(score: str, value: float | None) -> str:
    """A score as text."""
    if value is None or np.isnan(value):
        return "–"
    return f"{100 * value:.0f} %" if score == "outside" else f"{value:.2f}".replace("-", "−")


def part_table(parts: dict[str, dict[str, float | None]], models: Sequence[str]) -> pd.DataFrame:
    """parts: part -> `pixels` and a share a model."""
    return pd.DataFrame([
        {"Part": part, "Of the image": _percent(values["pixels"])}
        | {MODEL_TITLE[m]: _percent(values[m]) for m in models}
        for part, values in parts.items()
    ])  # fmt: skip


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def parts_of(arrays: dict[str, np.ndarray], places: np.ndarray, models: Sequence[str]) -> pd.DataFrame:
    """Each annotated part in a gallery's images at `places`, and the mean share of each model's maps on it."""
    rows = []
    for part in dict.fromkeys(name.split("/")[1] for name in arrays if name.startswith("parts/")):
        shares = {m: arrays[f"parts/{part}/{m}"][places] for m in models}
        shown = {m: values[np.isfinite(values)] for m, values in shares.items()}
        if most := max(len(values) for values in shown.values()):
            means = {MODEL_TITLE[m]: f"{100 * values.mean(dtype=float):.1f} %" if len(values) else "–" for m, values in shown.items()}
            rows.append({"Part": part, "Images": most} | means)
    return pd.DataFrame(rows)


def order_of(arrays: dict[str, np.ndarray], pair: str, score: str, forget: bool) -> np.ndarray:
    """Places in the gallery, int64 (n,), of the forget set or the retain set; images whose two maps differ most come first, NaN last."""
    here = np.flatnonzero(arrays["forget"] == forget)
    values = arrays[f"scores/{pair}"][here, SCORES.index(score)]
    return here[np.argsort(values if ALIKE[score] else -values, kind="stable")]  # NaN goes last


def sheet(arrays: dict[str, np.ndarray], places: np.ndarray, model: str) -> bytes:
    """The model's maps over their images as one PNG of equal cells, COLUMNS in a row, transparent between; "" for the images alone."""
    peak, images = int(arrays["peak"]), arrays["images"][places]
    pictures = to_rgb(images, peak)
    if model:
        maps = arrays[f"maps/{model}"][places].astype(np.float32)
        scale = scale_of([values.astype(np.float32) for name, values in arrays.items() if name.startswith("maps/")])
        pictures = np.stack([overlay(picture.transpose(2, 0, 1), values, scale) for picture, values in zip(pictures, maps, strict=True)])
    return cell_sheet(pictures, COLUMNS, CELL)


def grid_figure(arrays: dict[str, np.ndarray], places: np.ndarray, model: str, texts: Sequence[str]) -> go.Figure:
    """One sprite, with an invisible point over each cell for hover and selection; customdata: the place in the gallery.

    model: '' for the images alone. texts: the hover text of each place.
    """
    lines, cells, hidden = max(1, ceil(len(places) / COLUMNS)), np.arange(len(places)), {"opacity": 0}
    points: dict[str, Any] = {
        "type": "scatter", "x": cells % COLUMNS + 0.48, "y": cells // COLUMNS + 0.48, "mode": "markers", "showlegend": False,
        "customdata": [[int(place)] for place in places], "text": list(texts), "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": "square", "size": 0.8 * CELL, **hidden}, "selected": {"marker": hidden}, "unselected": {"marker": hidden},
    }  # fmt: skip
    picture = {
        "source": "data:image/png;base64," + b64encode(sheet(arrays, places, model)).decode(), "xref": "x", "yref": "y", "x": 0, "y": 0,
        "sizex": COLUMNS, "sizey": lines, "sizing": "stretch", "layer": "below",
    }  # fmt: skip
    axis = {"visible": False, "fixedrange": True, "constrain": "domain"}
    return go.Figure([points], {
        "height": lines * CELL + 2, "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0}, "images": [picture], "hovermode": "closest",
        "hoverdistance": -1, "xaxis": {"range": [0, COLUMNS], **axis},
        "yaxis": {"range": [lines, 0], "scaleanchor": "x", "constraintoward": "top", **axis},
    })  # fmt: skip
