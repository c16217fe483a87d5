"""A button in the sidebar that copies the address of what is shown; everything that a view depends on stands in it."""

from pathlib import Path

from streamlit.components.v2 import component

from dashboard.components.common.level import FULL, LEVEL
from dashboard.session import recall

CSS = """
button {padding: 0; border: 0; background: none; color: inherit; font: inherit; font-size: 0.875rem; text-decoration: underline;
  cursor: pointer}
span {font-size: 0.875rem}
input {box-sizing: border-box; width: 100%; margin-top: 0.25rem; font: inherit; font-size: 0.8125rem}
"""
_copy = component("forgetscope_copy_link", css=CSS, js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def copy_link() -> None:
    """Has no value: the browser copies by itself, with the level, which an address leaves out where it is the default."""
    _copy(key="copy_link", data={"level": recall(LEVEL, FULL)})
