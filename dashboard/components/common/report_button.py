"""The button that downloads a run or a study as one HTML file; the file is made when it is pressed, never before."""

from functools import partial

import streamlit as st

from core.export.html_report import run_report
from core.export.saliency_section import Ask
from core.storage.record_types import Run
from dashboard.queries import catalogue, engine
from dashboard.session import home


def run_report_button(run: Run) -> None:
    """The report of a finished run, and a tick for pictures of its dataset."""
    with st.container(horizontal=True, vertical_alignment="center", key="report"):
        shelves, place, warm = catalogue.current(), home(), engine.of_home()  # here: the file is made outside this script
        pictures = st.session_state.get("report_pictures", False)

        def made() -> bytes:
            ask: Ask = partial(warm.ask, run_id=run.id)
            return run_report(place, run.id, shelves, ask if pictures else None).text.encode()

        st.download_button(
            "Report", made, f"{run.spec.dataset}-{run.spec.method}-{run.id}.html", "text/html", key="report_html",
            icon=":material/description:", on_click="ignore",
            help="Passport, figures, tables and settings in one HTML file, which can be read without a network.",
        )  # fmt: skip
        st.checkbox(
            "with pictures of the dataset", key="report_pictures",
            help="Saliency maps of two forgotten images and one retained image. Off by default: faces are personal data.",
        )  # fmt: skip
