"""Do it live: a run of the story's request on digits, followed while the story goes on, and its result when it is there."""

from html import escape

import streamlit as st

from core.domain.requests.classes import ClassRequest
from core.domain.run import ACTIVE, RunSpec, RunStatus
from core.figures import gauges as drawn
from core.figures import plotly_layout
from core.figures.markdown import plain
from core.jobs import submit
from core.jobs.validation import make_spec, preset_values
from core.storage.record_types import Run
from core.storage.runs import ResultStore
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.run_status import POLL, act_button, progress_text, state
from dashboard.login.may import Barred, barred
from dashboard.queries import catalogue, runs, stories
from dashboard.session import ask_to_open, home, link, linked

DATASET, MODEL, METHOD = "digits", "small_cnn", "ssd"
LIVE = "live"  # in the address: the run that was started here
MOST_SEEDS = 1000


def live_button(digit: int, dataset: str) -> None:
    """Asks for a run that is not stored yet: the examples have seed 0, so that a live one has the next that is free."""
    what = f"digit {digit}" if dataset == DATASET else f"digit {digit}, on handwritten digits"
    st.button(f"Now do it live: forget {what}", key="live", icon=":material/play_arrow:", type="primary", on_click=_start,
              args=(digit,), **(barred() or Barred(disabled=bool(home().unwritable))))  # fmt: skip


def _start(digit: int) -> None:
    """A callback."""
    with errors_shown(st.toast):
        link(LIVE, submit.submit(home(), _spec(digit)))


def _spec(digit: int) -> RunSpec:
    """By the preset, with the first seed from 1 of which no run is stored. Raises WrongInput."""
    available, request = catalogue.current(), ClassRequest((digit,))
    settings = preset_values(available.methods[METHOD], available.datasets[DATASET], MODEL, request)
    with ResultStore(home().database) as store:
        for seed in range(1, MOST_SEEDS):
            spec = make_spec(available, DATASET, MODEL, request, METHOD, settings, seed=seed)
            if store.row(spec.id) is None:
                break
    return spec


def live_panel() -> None:
    """Progress of the run that was started here, then its result; nothing where none was."""
    run = runs.run(linked(LIVE)) if linked(LIVE) else None
    if run is None:
        return
    with st.container(border=True, key="live_panel"):
        if run.status in ACTIVE:
            fragment(lambda: _follow(run.id), run_every=POLL)
        elif run.status == RunStatus.DONE:
            with errors_shown():
                _result(run)
        else:
            state(run)
            act_button("Retry", run, "live")


def _follow(run_id: str) -> None:
    """Polled; the page is drawn anew when it ends."""
    now = runs.run(run_id)
    if now is None or now.status not in ACTIVE:
        st.rerun()
    st.progress(now.share, f"Your run: {progress_text(now)}. Go on with the story; the result comes here.")


def _result(run: Run) -> None:
    told = stories.told(run)
    st.html(f"<h3 class='st-done'>Your run is done. {escape(plain(told.facts.what.capitalize()))}: {escape(told.screen.lead)}</h3>"
            f"<div class='st-term'>{escape(told.screen.sentence)}</div>")  # fmt: skip
    st.plotly_chart(drawn.gauge_figure(told.screen.gauges, row=84), key="live-gauges", config=plotly_layout.CONFIG,
                    alt=drawn.described(told.screen.gauges))  # fmt: skip
    with st.container(horizontal=True):
        st.button("Tell the story of this run", key="live-tell", icon=":material/auto_stories:", on_click=_tell, args=(run.id,))
        if st.button("Open its result", key="live-open", icon=":material/monitoring:"):
            ask_to_open(run.id, "views/result.py")


def _tell(run_id: str) -> None:
    """A callback."""
    link("of", run_id)
    link("scene", "")
    link(LIVE, "")
