"""Every run, newest first: its state and its actions."""

import streamlit as st

from core.domain.run import RunStatus
from core.figures.markdown import plain
from core.figures.metric_tables import one_line_summary
from core.storage.record_types import DamagedRun
from dashboard.components.common.fragments import fragment
from dashboard.components.common.run_filters import ask_filters, clear_filters, counted, damaged_row
from dashboard.components.common.run_status import (
    POLL,
    act_button,
    delete_damaged_button,
    name_of,
    put_back_rows,
    settings_of,
    state,
)
from dashboard.queries import catalogue, run_list, runs
from dashboard.session import ask_to_open

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
    available = catalogue.current()
    for run in listed.rows:
        with st.container(border=True, key=f"run-{run.id}"):
            what, buttons = st.columns([3, 2], vertical_alignment="center")
            if isinstance(run, DamagedRun):
                with what:
                    damaged_row(run)
                with buttons, st.container(horizontal=True, horizontal_alignment="right"):
                    delete_damaged_button(run, "runs")
                continue
            with what:
                st.markdown(f"**{plain(name_of(run, available))}**  \n`{run.id}`")
                state(run)
                if run.status == RunStatus.DONE:
                    st.caption(one_line_summary(runs.handle(run).numbers(), run.spec.request))
                if run.spec.params:
                    st.caption(plain(settings_of(run)))
            with buttons, st.container(horizontal=True, horizontal_alignment="right"):
                if st.button("Open", key=f"open-{run.id}", type="primary" if run.status == "done" else "secondary"):
                    ask_to_open(run.id, "views/result.py")
                for action in ("Cancel", "Retry", "Delete"):
                    act_button(action, run, "runs")


everything = run_list.listed(most=0)
if not everything.everything:
    put_back_rows(studies=False)
    st.info(
        "No runs yet. Choose what to forget on the Unlearn page; the run appears here at once.", icon=":material/info:"
    )
    st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
else:
    wanted, polled = ask_filters(), everything.moving
    fragment(rows, run_every=POLL if polled else None)
