"""The buttons that download a run or a study as one HTML file; the file is made when one is pressed, never before."""

from functools import partial

import streamlit as st

from core.storage.record_types import Run
from dashboard.components.common.chosen_image import chosen
from dashboard.login.sessions import later
from dashboard.queries import catalogue, engine
from dashboard.session import home, recall

HELP = "in one HTML file that needs no network, on screen and printed."
ICON = ":material/description:"
# What a report is made of is imported when the first is made: a second that pages need not wait for.


def run_report_button(run: Run) -> None:
    """The report of a finished run, and a tick for pictures of its dataset."""
    shelves, place, warm = catalogue.current(), home(), engine.of_home()  # here: the file is made outside this script
    pictures, image = bool(recall("report_pictures")), chosen(run.spec.dataset)

    def made() -> bytes:
        from core.export.report.html_report import run_report  # noqa: PLC0415  # as above

        return run_report(place, run.id, shelves, partial(warm.ask, run_id=run.id) if pictures else None, image).text.encode()

    with st.container(horizontal=True, vertical_alignment="center", key="report"):
        st.download_button(
            "Report", later(made), f"{run.spec.dataset}-{run.spec.method}-{run.id}.html", "text/html", key="report_html", icon=ICON,
            on_click="ignore", help=f"Passport, figures, tables and settings {HELP}",
        )  # fmt: skip
        st.checkbox(
            "with pictures of the dataset", key="report_pictures",
            help="Saliency maps of three images, the chosen one first. Off by default: faces are personal data.",
        )  # fmt: skip


def study_report_button(study_id: str) -> None:
    """The report of a study that has finished runs."""
    shelves, place = catalogue.current(), home()

    def made() -> bytes:
        from core.export.report.html_study import study_report  # noqa: PLC0415  # as above

        return study_report(place, study_id, shelves).text.encode()

    st.download_button(
        "Report", later(made), f"study-{study_id}.html", "text/html", key=f"report-{study_id}", icon=ICON, on_click="ignore",
        help=f"The answer, every method's mean and interval, every run's verdict and the study's file {HELP}",
    )  # fmt: skip
