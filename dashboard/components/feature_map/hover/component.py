"""The companion of the map: whatever image the pointer is over, at once under every network, without asking the server."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.components.v2 import component

from core.analysis.stored_results import Analysis
from core.domain.info import DatasetInfo
from core.domain.run import MODELS
from dashboard.components.feature_map.hover.payload import atlas_of, linked
from dashboard.components.feature_map.panel import IMAGE, open_image
from dashboard.queries import background
from dashboard.session import recall, remember

HOVER = "map_hover"
HERE = Path(__file__).parent
SCRIPTS = ("hover.js", "elements.js", "thumbnails.js")  # parts of one module


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


# Our own text alone: what a dataset or a user calls something goes as data, which the scripts set as text.
_companion = component("forgetscope_map_hover", css=_read("hover.css"), js="\n".join(map(_read, SCRIPTS)))


def show_hover(look: Analysis, table: pd.DataFrame, stored: dict[str, np.ndarray] | None, data: DatasetInfo) -> None:
    """Picture, answers and small maps. All this depends on the look alone, so that a browser is sent it once.

    stored: the dataset's images, None where they are not to be had.
    """
    made = _made(background.analysis_key(look), data.classes, stored is not None, table, stored)
    _companion(key=HOVER, data=made, on_opened_change=partial(_opened, table["id"].tolist()))


def tell_hover(table: pd.DataFrame, chosen: np.ndarray) -> None:
    """Tell it which image is open, and the rows that are chosen to be forgotten: rings on its small maps. It has no face of its own."""
    _companion(key="map_open", data={"open": open_image(table), "chosen": [int(row) for row in chosen]})


def _opened(ids: list[str]) -> None:
    """A callback: a click on a small map, or Enter on the slider below them."""
    row = (recall(HOVER) or {}).get("opened")
    if isinstance(row, int) and 0 <= row < len(ids):
        remember(IMAGE, ids[row])


@st.cache_data(max_entries=8, show_spinner=False)
def _made(
    key: str, classes: tuple[str, ...], pictured: bool, _table: pd.DataFrame, _stored: dict[str, np.ndarray] | None
) -> dict[str, Any]:
    """key: of the look, which decides the rest but the classes' names and whether there are pictures."""
    models = [model for model in MODELS if f"{model}_x" in _table]
    return linked(_table, models, classes, None if _stored is None else atlas_of(_table, _stored))
