"""What a browser needs to show any image of the map under all networks at once, packed; pure. map_hover.js reads it."""

from base64 import b64encode
from typing import Any

import numpy as np
import pandas as pd

from dashboard.components.map_atlas import COLUMNS, Atlas
from dashboard.components.map_table import SET_TITLE, SETS
from dashboard.components.palette import MODEL_COLOUR, MODEL_TITLE, SET_COLOUR
from dashboard.components.text import NAME, short, visible

STEPS = 65535  # between the ends of an axis
BYTE, SHORT, LONG = "u1", "<u2", "<u4"
LOOKS = {  # of each set: whose colour, and whether its marks are filled
    "forget": ("forget", "full"), "retain": ("retain", "full"), "test_forget": ("forget", "hollow"), "test_retain": ("unseen", "hollow"),
}  # fmt: skip


def linked(table: pd.DataFrame, models: list[str], classes: tuple[str, ...], atlas: Atlas | None) -> dict[str, Any]:
    """Plain data for JSON, of N images in the table's order; numbers as `packed`. It depends on no control of the page.

    `set` (a place in `sets`), `index`, `label` and `truth` (places in `classes`) of each image; of each network its `title`
    and `colour`, and of each image its `places` (x, y, x, y, ...: STEPS to an axis, the same axes for all), `answers` and
    `sure` (percent). `steps`: rows that the arrow keys lead through. `atlas`: None where there are no pictures.
    """
    places = {model: table[[f"{model}_x", f"{model}_y"]].to_numpy(np.float64) for model in models}
    every = np.concatenate(list(places.values()))
    low, high = every.min(0), every.max(0)
    return {
        "sets": [
            {"title": SET_TITLE[name], "part": "test" if name.startswith("test") else "train", "colour": SET_COLOUR[colour], "look": look}
            for name, (colour, look) in LOOKS.items()
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
