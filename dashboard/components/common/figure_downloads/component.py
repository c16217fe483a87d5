"""Mounts the script that lets every figure of a page be downloaded as SVG and PNG, on white whatever the theme."""

from pathlib import Path

from streamlit.components.v2 import component

from core.figures.palette import ON_PAPER
from core.figures.plotly_layout import ON_WHITE

_downloads = component("forgetscope_figure_downloads", js=Path(__file__).with_name("downloads.js").read_text(encoding="utf-8"))


def offer_downloads() -> None:
    """Once a page; it draws nothing itself."""
    _downloads(key="figure_downloads", data={"template": ON_WHITE, "colours": ON_PAPER})
