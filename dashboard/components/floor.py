"""The retraining variability under a run's numbers: a second reference; asked for, watched while it is made, then a column."""

import streamlit as st

from core.asking import floor_spec
from core.catalogue import Catalogue
from core.domain import ACTIVE, RunStatus
from core.jobs import runner
from core.store.beside import FLOOR
from core.store.outcome import Run
from core.version import ENGINE, code_version
from dashboard import queries
from dashboard.components.runs import watch
from dashboard.components.text import plain
from dashboard.session import home

WHY = "how far two retrained networks differ is the retraining variability, and no method can come nearer"


def floor_line(run: Run, shelves: Catalogue) -> None:
    """What there is to say or to do while a run has no floor; nothing where it has one, or where there can be none."""
    if not run.spec.reference or run.spec.method == FLOOR:
        return
    floor = queries.beside(run).floor
    if floor is None or floor.status not in (*ACTIVE, RunStatus.DONE):
        _offer(run, floor, shelves)
    elif floor.status in ACTIVE:
        watch(floor, "Training the second reference")


def _offer(run: Run, stopped: Run | None, shelves: Catalogue) -> None:
    """A sentence and the button that queues it."""
    with st.container(horizontal=True, vertical_alignment="center", key="floor_line"):
        if run.spec.engine != code_version(ENGINE):
            st.caption(f"There is no second reference: {WHY}. Another version of Forgetscope computed this run; run it again to train one.")
            return
        why = f"The second reference was {stopped.status}. " if stopped else ""
        st.markdown(plain(f"{why}No second reference yet: {WHY}."), width="content")
        st.button("Train a second reference", icon=":material/straighten:", key="measure_floor", on_click=_measure, args=(run, shelves))


def _measure(run: Run, shelves: Catalogue) -> None:
    """A callback: once per click."""
    runner.submit(home(), floor_spec(run.spec, shelves))
