"""Mounts the script that lets every figure of a page be downloaded as SVG and PNG, on white whatever the theme."""

from pathlib import Path

from streamlit.components.v2 import component

from core.figures.palette import ON_PAPER
from core.figures.plotly_layout import ON_WHITE
from core.figures.plotly_script import VERSION
from dashboard.plotly_file import ROUTE

HERE = Path(__file__).parent
_downloads = component(
    "forgetscope_figure_downloads", isolate_styles=False,  # the buttons stand beside the page's figures
    css=(HERE / "downloads.css").read_text(encoding="utf-8"), js=(HERE / "downloads.js").read_text(encoding="utf-8"),
)  # fmt: skip


def offer_downloads() -> None:
    """Once a page; it draws nothing itself."""
    script = ROUTE.url_path_for(ROUTE.name, version=VERSION).lstrip("/")  # below wherever the dashboard is served
    _downloads(key="figure_downloads", data={"template": ON_WHITE, "colours": ON_PAPER, "script": script})
