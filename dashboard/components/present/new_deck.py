"""Making a deck: an empty one, or of a finished run."""

import streamlit as st

from core.domain.run import RunStatus
from core.storage.audience.decks import TITLE
from core.storage.run_list import Wanted
from dashboard.components.common.fragments import errors_shown
from dashboard.components.common.run_status import name_of
from dashboard.components.pins.pin_list import fresh_title
from dashboard.login.may import barred
from dashboard.queries import catalogue, decks, run_list
from dashboard.session import link, opened_run, recall

LISTED = 50  # finished runs that are offered


def new_deck(*, expanded: bool) -> None:
    """expanded: where there is no deck yet."""
    with st.expander("New deck", expanded=expanded, icon=":material/add:"):
        available = catalogue.current()
        listed = run_list.listed(Wanted(status=(RunStatus.DONE,)), most=LISTED)
        names = {run.id: f"{name_of(run, available)} · {run.id[:4]}" for run in listed.runs}
        if names:
            start = list(names).index(opened_run()) if opened_run() in names else 0
            run = st.selectbox("Run", list(names), index=start, format_func=names.__getitem__, key="run-of-deck")
            st.button("Make a deck of this run", key="make-of-run", type="primary", on_click=_of_run, args=(run,), **barred())
        else:
            st.caption("A deck can be made of a finished run; there is none yet.")
        with st.form("empty-deck", border=False):
            st.text_input("Title", key="new-deck-title", max_chars=TITLE, placeholder=fresh_title())
            st.form_submit_button("Make an empty deck", key="make-empty", on_click=_empty, **barred())


def _of_run(run_id: str) -> None:
    """A callback."""
    with errors_shown(st.toast):
        link("deck", decks.make_of_run(run_id))


def _empty() -> None:
    """A callback."""
    with errors_shown(st.toast):
        link("deck", decks.make(str(recall("new-deck-title") or "").strip() or fresh_title()))
