"""How much a page shows. Guided: the verdict and its pictures, in plain words, and one setting. Full: everything."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from dashboard.session import recall, remember

LEVEL, GUIDED, FULL = "level", "Guided", "Full"
COOKIE = "forgetscope_level"
_remember = component("forgetscope_level", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def choose_level() -> None:
    """The switch, for the sidebar; in the address, and remembered by the browser."""
    if recall(LEVEL) is None and LEVEL not in st.query_params and st.context.cookies.get(COOKIE) == GUIDED:
        remember(LEVEL, GUIDED)
    st.segmented_control(
        "Level", [GUIDED, FULL], default=FULL, key=LEVEL, bind="query-params", required=True,
        help="Guided: the verdict, three pictures, plain words, one setting. Full: every number, setting and page.",
    )  # fmt: skip
    _remember(key="level_remembered", data={"level": recall(LEVEL, FULL)})


def guided() -> bool:
    """Whether the page is to show the little that one needs first."""
    return bool(recall(LEVEL) == GUIDED)


def more_in_full(what: str) -> None:
    """Says what the other level shows besides."""
    st.caption(f"*Full*, in the sidebar, shows {what} too.")
