"""The hover panel of the map: the image under the pointer in every network, without a request to the server."""

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


# Scripts hold our own text alone; names from datasets and users are passed as data and set as text.
_companion = component("forgetscope_map_hover", css=_read("hover.css"), js="\n".join(map(_read, SCRIPTS)))


def show_hover(analysis: Analysis, table: pd.DataFrame, stored: dict[str, np.ndarray] | None, data: DatasetInfo) -> None:
    """Picture, predictions and small maps. All this depends on the analysis alone, so that it is sent to a browser once.

    stored: the dataset's images, None where they are not available.
    """
    made = _made(background.analysis_key(analysis), data.classes, stored is not None, table, stored)
    _companion(key=HOVER, data=made, on_opened_change=partial(_opened, table["id"].tolist()))


def mark_hover(table: pd.DataFrame, chosen: np.ndarray) -> None:
    """Marks the open image and the rows chosen to be forgotten on the small maps. This component renders nothing itself."""
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
    """key: of the analysis, which determines all but the classes' names and whether there are pictures."""
    models = [model for model in MODELS if f"{model}_x" in _table]
    return linked(_table, models, classes, None if _stored is None else atlas_of(_table, _stored))
