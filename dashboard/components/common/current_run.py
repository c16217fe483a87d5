"""The open run, or what to do when there is none."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.domain.run import ACTIVE, RunStatus
from core.figures.markdown import plain
from core.storage.record_types import Run
from core.storage.run_list import LONGEST, Wanted
from dashboard.components.common.examples_button import examples_button
from dashboard.components.common.run_status import act_button, follow, imported_line, name_of, state
from dashboard.queries import catalogue, run_list, runs
from dashboard.queries.run_list import Listed
from dashboard.session import open_run, opened_run, recall

LISTED = 50  # recent runs in the picker
FIND = "find-run"
FOLDED = 560  # pixels of the picker where it is folded: names of runs are long


def finished_run(folded_in: DeltaGenerator | None = None, *, meanwhile: bool = False) -> Run | None:
    """The open run if it is done; else None, after showing its state or how to get one.

    Of a finished run the choice of another is one click away, since pages need the height.
    folded_in: the row for it, on a page that says there itself which run this is.
    meanwhile: one that is done and is computed once more, too, below how far that is: as it was.
    """
    find = str(recall(FIND) or "")
    listed = run_list.listed(Wanted(text=find), most=LISTED)
    if not listed.everything:
        st.info("No runs yet. Start one on the Unlearn page.", icon=":material/info:")
        st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
        examples_button()
        return None
    run = next((r for r in listed.runs if r.id == opened_run()), None) or runs.run(opened_run())
    if run is None or run.status != RunStatus.DONE:
        _picker(listed)
    else:
        if folded_in is None:
            folded_in = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="crumbs")
            folded_in.caption(plain(f"{name_of(run, catalogue.current())} · run {run.id[:4]}"))
        with folded_in.popover("Other runs", type="tertiary"), st.container(width=FOLDED):
            _picker(listed)
    if run is None:
        wanted = opened_run()
        st.info(
            f"There is no run '{plain(wanted[:64])}' here; choose one above." if wanted else "Choose a run above.",
            icon=":material/info:",
        )
        return None
    if run.status == RunStatus.DONE:
        if run.imported:
            st.markdown(imported_line(run))
        if run.anew:  # its files are missing, and recomputing them failed
            st.warning(plain(run.error_line), icon=":material/error:")
        return run
    if run.status in ACTIVE:
        follow(run)
        if meanwhile and (was := runs.standing(run.id)):
            st.caption("Below is what was computed before; it stays until this is done, and where it fails or is cancelled.")
            return was
    else:
        state(run)
        with st.container(horizontal=True):
            act_button("Retry", run, "opened")
            act_button("Delete", run, "opened")
    return None


def _picker(listed: Listed) -> None:
    """Recent runs by name; the chosen one becomes the open run. Where there are more, they can be searched."""
    # No label may change while the page is open, as a status does: the browser would send the old one, which is no run.
    available = catalogue.current()
    recent = {r.id: f"{name_of(r, available)} · {r.id[:4]}" for r in listed.runs}
    now = opened_run()
    options = list(recent) if now in recent else [now, *recent] if now else list(recent)
    many = listed.everything > LISTED
    left, right = st.columns([3, 1]) if many else (st, None)
    left.selectbox(
        "Run", options, index=options.index(now) if now in options else None, format_func=lambda i: recent.get(i, i),
        key=f"picked-{now}", placeholder="Choose a run", on_change=_picked, args=(f"picked-{now}", options),
    )  # fmt: skip
    if right is None:
        return
    right.text_input("Find a run", key=FIND, max_chars=LONGEST, placeholder="ssd class:3 seed=1")
    if listed.wanted > len(listed.rows):
        st.caption(f"The newest {len(listed.rows)} of {listed.wanted:,} runs are offered; search for the others.")
    elif listed.wanted < listed.everything:
        st.caption(f"{listed.wanted:,} of {listed.everything:,} runs {'is' if listed.wanted == 1 else 'are'} as searched for.")


def _picked(key: str, offered: list[str]) -> None:
    if st.session_state[key] in offered:
        open_run(st.session_state[key])
