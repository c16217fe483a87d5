"""Every run, newest first: where it stands, and what can be done with it."""

import streamlit as st

from core.domain import ACTIVE, RunStatus
from dashboard import queries
from dashboard.components.fragments import fragment
from dashboard.components.numbers import gist
from dashboard.components.runs import POLL, act_button, name_of, put_back_rows, settings_of, state
from dashboard.components.text import plain
from dashboard.session import ask_to_open

PAGE = 10  # runs shown at once


def rows() -> None:
    """One bordered row a run; drawn anew while anything moves."""
    found = queries.runs()
    moving = any(run.status in ACTIVE for run in found)
    if polled != moving or not found:
        st.rerun()  # the whole page once more: with a timer, without one, or with the word that there are no runs
    pages = max(1, -(-len(found) // PAGE))
    number = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    shelves = queries.catalogue()
    for run in found[(number - 1) * PAGE : number * PAGE]:
        with st.container(border=True, key=f"run-{run.id}"):
            what, buttons = st.columns([3, 2], vertical_alignment="center")
            with what:
                st.markdown(f"**{plain(name_of(run, shelves))}**  \n`{run.id}`")
                state(run)
                if run.status == RunStatus.DONE:
                    st.caption(gist(queries.numbers(run.id, *queries.edition(run)), run.spec.request))
                if run.spec.params:
                    st.caption(plain(settings_of(run)))
            with buttons, st.container(horizontal=True, horizontal_alignment="right"):
                if st.button("Open", key=f"open-{run.id}", type="primary" if run.status == "done" else "secondary"):
                    ask_to_open(run.id, "views/result.py")
                for action in ("Cancel", "Retry", "Delete"):
                    act_button(action, run, "runs")


put_back_rows(studies=False)
everything = queries.runs()
if not everything:
    st.info(
        "No runs yet. Choose what to forget on the Unlearn page; the run appears here at once.", icon=":material/info:"
    )
    st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
else:
    polled = any(run.status in ACTIVE for run in everything)
    fragment(rows, run_every=POLL if polled else None)
