"""Every table of the pages is shown by these functions, so that a missing value is a dash and never `None` or `nan`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

MISSING = "–"


def filled(rows: pd.DataFrame | Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The same table with a dash for each missing value; complete columns keep their type."""
    frame = pd.DataFrame(rows)
    for name in frame.columns[frame.isna().any()]:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), MISSING)
    return frame


def show_table(rows: pd.DataFrame | Sequence[Mapping[str, Any]], *, alt: str, place: DeltaGenerator | None = None) -> None:
    """A table that does not scroll. place: the container, by default the end of the page."""
    st_table = st.table if place is None else place.table
    st_table(filled(rows), hide_index=True, alt=alt)


def show_frame(data: "pd.DataFrame | Styler", *, alt: str, key: str, **about: Any) -> Any:
    """A table that scrolls, sorts and, where `on_select` is given, is clicked; `about`: as `st.dataframe` takes it."""
    return st.dataframe(data, alt=alt, key=key, hide_index=True, placeholder=MISSING, **about)


def pinned_width(marked: bool) -> int:
    """Pixels of a pinned first column; marked: some rows carry the mark `unchanged` behind their name, which must not be cut off."""
    return 225 if marked else 150
