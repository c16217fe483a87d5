"""Every run, newest first: its state, verdict and gauges, and its actions."""

import streamlit as st

from core.figures.markdown import name
from core.figures.run_rows import READ, header_html
from core.storage.record_types import DamagedRun
from core.storage.run_list import Related, Wanted
from dashboard.components.common.bundle_panels import import_panel
from dashboard.components.common.examples_button import examples_button
from dashboard.components.common.fragments import fragment
from dashboard.components.common.run_filters import ask_filters, clear_filters, counted, damaged_row
from dashboard.components.common.run_status import POLL, delete_damaged_button, put_back_rows
from dashboard.components.runs.run_row import WIDTHS, row_style, show_row
from dashboard.queries import run_list, run_rows

PAGE = 10  # runs shown at once


def rows() -> None:
    """One bordered row per run, redrawn while any run is active; with deleted runs, so that undoing redraws this part alone."""
    put_back_rows(studies=False)
    place = st.empty()
    shown = run_list.listed(wanted, 0, 0)
    pages = max(1, -(-shown.wanted // PAGE))
    number = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    first = (min(number, pages) - 1) * PAGE
    listed = run_list.listed(wanted, first, PAGE)
    if polled != listed.moving or not listed.everything:
        st.rerun()  # the whole page: with a timer, without one, or with the message that there are no runs
    place.caption(counted(first, len(listed.rows), listed.wanted, listed.everything))
    if not listed.wanted:
        st.info("No run is as asked for; take a word or a filter out above.", icon=":material/info:")
        if st.button("Show all runs"):
            clear_filters()
    written, others = run_rows.outcomes(listed.runs), run_rows.related([run.id for run in listed.runs])
    if listed.rows:
        st.caption(READ)
        st.columns(WIDTHS)[0].html(header_html())
    group = ""
    for run in listed.rows:
        related = others.get(run.id, Related())
        if related.study_id and related.study_id != group:
            st.caption(f":material/science: Study **{name(related.study_title or related.study_id)}**")
        group = related.study_id
        with st.container(border=True, key=f"run-{run.id}"):
            if isinstance(run, DamagedRun):
                what, buttons = st.columns(WIDTHS, vertical_alignment="center")
                with what:
                    damaged_row(run)
                with buttons, st.container(horizontal=True, horizontal_alignment="right"):
                    delete_damaged_button(run, "runs")
            else:
                show_row(run, related, written.get(run.id))


row_style()
everything = run_list.listed(Wanted(companions=False), most=0)
if not everything.everything:
    put_back_rows(studies=False)
    st.info(
        "No runs yet. Choose what to forget on the Unlearn page; the run appears here at once.", icon=":material/info:"
    )
    st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
    examples_button()
else:
    wanted, polled = ask_filters(), everything.moving
    fragment(rows, run_every=POLL if polled else None)
import_panel()
