"""The open run, or what to do when there is none."""

import streamlit as st

from core.domain import ACTIVE, RunStatus
from core.store.outcome import Run
from dashboard import queries
from dashboard.components.runs import act_button, follow, name_of, state
from dashboard.components.text import plain
from dashboard.session import open_run, opened_run

LISTED = 50  # recent runs in the picker


def finished_run() -> Run | None:
    """The open run if it is done; else its state, or how to get one, is shown and None comes back."""
    found = queries.runs()
    if not found:
        st.info("No runs yet. Start one on the Unlearn page.", icon=":material/info:")
        st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
        return None
    _picker(found)
    run = next((r for r in found if r.id == opened_run()), None) or queries.run(opened_run())
    if run is None:
        asked = opened_run()
        st.info(
            f"There is no run '{plain(asked[:64])}' here; choose one above." if asked else "Choose a run above.",
            icon=":material/info:",
        )
        return None
    if run.status == RunStatus.DONE:
        return run
    if run.status in ACTIVE:
        follow(run)
    else:
        state(run)
        with st.container(horizontal=True):
            act_button("Retry", run, "opened")
            act_button("Delete", run, "opened")
    return None


def _picker(found: list[Run]) -> None:
    """Recent runs by name; what is chosen becomes the open run."""
    # No label may change while the page is open, as a status does: the browser would send the old one, which is no run.
    shelves = queries.catalogue()
    recent = {r.id: f"{name_of(r, shelves)} · {r.id[:4]}" for r in found[:LISTED]}
    now = opened_run()
    options = list(recent) if now in recent else [now, *recent] if now else list(recent)
    st.selectbox(
        "Run", options, index=options.index(now) if now in options else None, format_func=lambda i: recent.get(i, i),
        key=f"picked-{now}", placeholder="Choose a run", on_change=_picked, args=(f"picked-{now}", options),
    )  # fmt: skip


def _picked(key: str, offered: list[str]) -> None:
    if st.session_state[key] in offered:
        open_run(st.session_state[key])
