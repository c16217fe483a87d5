"""The data of the hover panel: thumbnails of all images in one picture, and positions and predictions; pure."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from core.figures.feature_map.table import SET_TITLE, SETS
from core.figures.image_sprite import to_rgb
from core.figures.markdown import NAME, short, visible
from core.figures.palette import MODEL_COLOUR, MODEL_TITLE, SET_COLOUR
from core.figures.privacy.image_grids import pictures

SIDE, COLUMNS = 32, 50  # pixels of a thumbnail's long side, at most; thumbnails in a row
EXACT = 1_000_000  # bytes of pixels up to which a PNG is small; above, WebP, whose loss is invisible at this size
MOST = 1_000_000  # bytes of the file: 1.4 MB as text
QUALITIES = (80, 60, 40, 20)  # the first that is small enough, else the last


@dataclass(frozen=True)
class Atlas:
    """Thumbnails of width x height pixels, COLUMNS in a row, in the table's order. kind: of the file, "png" or "webp"."""

    kind: str
    content: bytes
    width: int
    height: int


def atlas_of(table: pd.DataFrame, stored: dict[str, np.ndarray]) -> Atlas:
    """table: `set` and `index` of N images, N at least 1; stored: see core.jobs.catalogue.dataset_images."""
    rows, peak = np.arange(len(table)), int(stored["peak"])
    # One row of the atlas at a time: the images may be large.
    strips = [_strip(to_rgb(pictures(table, rows[at : at + COLUMNS], stored), peak)) for at in range(0, len(rows), COLUMNS)]
    sheet = np.concatenate(strips)
    height, width = strips[0].shape[0], strips[0].shape[1] // COLUMNS
    return Atlas(*_encoded(sheet), width, height)


def _strip(tiles: np.ndarray) -> np.ndarray:
    """uint8 (n, H, W, 3), n <= COLUMNS -> uint8 (h, COLUMNS * w, 3), black after the last."""
    count, height, width, _ = tiles.shape
    line = np.zeros((height, COLUMNS, width, 3), np.uint8)
    line[:, :count] = tiles.transpose(1, 0, 2, 3)
    flat = line.reshape(height, COLUMNS * width, 3)
    shrink = SIDE / max(height, width)
    if shrink >= 1:
        return flat
    size = (COLUMNS * max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(Image.fromarray(flat).resize(size, Image.Resampling.BOX))  # a box never mixes two thumbnails


def _encoded(sheet: np.ndarray) -> tuple[str, bytes]:
    image = Image.fromarray(sheet)
    if sheet.nbytes <= EXACT:
        return "png", _saved(image, "PNG")
    for quality in QUALITIES:
        content = _saved(image, "WEBP", quality=quality, method=2)
        if len(content) <= MOST:
            break
    return "webp", content


def _saved(image: Image.Image, kind: str, **how: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


STEPS = 65535  # between the ends of an axis
BYTE, SHORT, LONG = "u1", "<u2", "<u4"
MARKS = {  # of each set: whose colour, and whether its marks are filled
    "forget": ("forget", "full"), "retain": ("retain", "full"), "test_forget": ("forget", "hollow"), "test_retain": ("unseen", "hollow"),
}  # fmt: skip


def linked(table: pd.DataFrame, models: list[str], classes: tuple[str, ...], atlas: Atlas | None) -> dict[str, Any]:
    """Plain data for JSON, of N images in the table's order; numbers as `packed`. Independent of the page's controls.

    `set` (a place in `sets`), `index`, `label` and `truth` (places in `classes`) of each image; of each network its `title`
    and `colour`, and of each image its `places` (x, y, x, y, ...: STEPS to an axis, the same axes for all), `answers` (predictions) and
    `sure` (percent). `steps`: rows that the arrow keys lead through. `atlas`: None where there are no pictures.
    """
    places = {model: table[[f"{model}_x", f"{model}_y"]].to_numpy(np.float64) for model in models}
    every = np.concatenate(list(places.values()))
    low, high = every.min(0), every.max(0)
    return {
        "sets": [
            {"title": SET_TITLE[name], "part": "test" if name.startswith("test") else "train", "colour": SET_COLOUR[colour], "look": fill}
            for name, (colour, fill) in MARKS.items()
        ],
        "classes": [short(visible(one), NAME) for one in classes],
        "set": packed(table["set"].map({name: place for place, name in enumerate(SETS)}), BYTE),
        "index": packed(table["index"], LONG), "label": packed(table["label"], SHORT), "truth": packed(table["truth"], SHORT),
        "networks": [
            {
                "title": MODEL_TITLE[model], "colour": MODEL_COLOUR[model], "places": packed(quantised(places[model], low, high), SHORT),
                "answers": packed(table[f"{model}_answer"], SHORT), "sure": packed((100 * table[f"{model}_sure"]).round(), BYTE),
            }
            for model in models
        ],
        "steps": packed(np.flatnonzero(table["set"] == "forget"), SHORT),
        "atlas": None if atlas is None else {
            "url": f"data:image/{atlas.kind};base64,{b64encode(atlas.content).decode()}",
            "width": atlas.width, "height": atlas.height, "columns": COLUMNS,
        },
    }  # fmt: skip


def quantised(places: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Positions float (N, 2) in [low, high], each (2,), as steps uint16 (N, 2); in the middle of an axis without length."""
    length = high - low
    share = np.where(length > 0, (places - low) / np.where(length > 0, length, 1), 0.5)
    return np.asarray((share * STEPS).round().astype(np.uint16))


def packed(values: Any, kind: str) -> str:
    """Numbers as base64 of their bytes, little end first. kind: BYTE, SHORT or LONG."""
    return b64encode(np.ascontiguousarray(np.asarray(values).astype(kind)).tobytes()).decode()
