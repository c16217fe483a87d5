"""Redraws the page when the theme changes, by the menu or the system: colours chosen in Python would stay as they were."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

_watch = component("forgetscope_theme_change", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def follow_theme() -> None:
    """Renders nothing and has no value; its message triggers the rerun."""
    if st.context.theme.type:  # not every client sends it
        _watch(key="theme_change", data={"drawn": st.context.theme.type})
