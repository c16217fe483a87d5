"""A look into a run that takes longer than a click: offered, followed while it is computed, then drawn."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from core.analysis.stored_results import Analysis
from core.domain.errors import WrongInput
from core.figures.markdown import plain
from core.jobs.background import Progress, cancel, start
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.run_status import POLL
from dashboard.login.may import barred
from dashboard.queries import background
from dashboard.session import home


def look(asked: Analysis, what: str, draw: Callable[[dict[str, np.ndarray]], None], *, cost: str = "", key: str = "") -> None:
    """Draw what is kept; else offer to compute it, or show how far it is, with Cancel.

    what: as a sentence has it ("the joint map"). cost: what is known of how long it takes. key: tells two looks of one kind
    on one page apart.
    """
    name = f"{asked.kind}{key}"
    now = background.analysis_progress(asked)
    if now.status == "done":
        try:
            found = background.analysis_arrays(asked)
        except WrongInput as damaged:
            st.error(plain(str(damaged)), icon=":material/error:")
            _offer(asked, name, f"Compute {what} again")
            return
        draw(found)
    elif now.status == "running":
        watch(lambda: background.analysis_progress(asked), cancel, asked, name, f"Computing {what}")
    else:
        if now.error:
            st.error(plain(f"Computing {what} failed: {now.error}"), icon=":material/error:")
        _offer(asked, name, f"Compute {what}" + (" again" if now.error else ""), cost)


def _offer(asked: Analysis, name: str, label: str, cost: str = "") -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(label, key=f"look_{name}", icon=":material/visibility:", on_click=_act, args=(start, asked), **barred())
        if cost:
            st.caption(cost)


def watch(progress: Callable[[], Progress], stop: Callable[..., None], about: Analysis | str, name: str, label: str) -> None:
    """A job's progress; the page is drawn anew when it ends. stop(home, about) cancels it."""

    def panel() -> None:
        now = progress()
        if now.status != "running":
            st.rerun()
        st.progress(now.share, f"{label}: {plain(now.note)}")
        st.button("Cancel", key=f"cancel_{name}", on_click=_act, args=(stop, about), **barred())

    fragment(panel, run_every=POLL)


def _act(action: Callable[..., None], about: Analysis | str) -> None:
    """A callback: once a click, and says what went wrong."""
    with errors_shown(st.toast):
        action(home(), about)
