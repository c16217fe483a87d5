"""Draws the page anew when light becomes dark, by the menu or by the system: colours that Python chose stay as they were otherwise."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

_watch = component("forgetscope_theme_change", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def follow_theme() -> None:
    """It has no face and no value: the run of the script that its message brings about is all that is wanted."""
    if st.context.theme.type:  # not told by every client
        _watch(key="theme_change", data={"drawn": st.context.theme.type})
