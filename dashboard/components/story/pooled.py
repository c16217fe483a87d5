"""Guesses of the class: what all who opened a teacher's link guessed of a run, on one screen that follows them."""

from functools import partial

import streamlit as st

from core.figures import gauges as drawn
from core.figures import guess_figures, plotly_layout
from core.reports.gauges import SECOND
from core.reports.teaching import prediction
from core.storage.audience.guesses import Pool
from core.storage.record_types import Run
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.login.may import Barred, barred
from dashboard.queries import guesses
from dashboard.queries.stories import Told
from dashboard.session import home, recall

POLL = 2.0  # seconds
TRUTH = "pooled-truth"
ROW = 92  # pixels of a gauge's height


def pooled(run: Run, told: Told, code: str) -> None:
    """code: of the class."""
    fragment(partial(_draw, run, told, code), run_every=POLL)


def _draw(run: Run, told: Told, code: str) -> None:
    pool = guesses.pool(code, run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f"<p class='st-score'>{pool.guesses} guess{'' if pool.guesses == 1 else 'es'} in {code}</p>", width="content")
        st.toggle("Show the truth", key=TRUTH)
        shut = barred() or Barred(disabled=not pool.guesses or bool(home().unwritable))
        with st.popover("Begin anew", type="tertiary", **shut):
            st.button(f"Remove all {pool.guesses}", key="clear-guesses", on_click=_clear, args=(code, run.id))
    _figures(told, pool, shown=bool(recall(TRUTH)))


def _clear(code: str, run_id: str) -> None:
    """A callback."""
    with errors_shown(st.toast):
        guesses.clear(code, run_id)


def _figures(told: Told, pool: Pool, *, shown: bool) -> None:
    gauges, bars = prediction.guessable(told.screen.gauges), prediction.bars(told.screen)
    marks = [mark for mark in ("original", "reference", SECOND, *(["unlearned"] if shown else []))
             if any(gauge.place(mark) is not None for gauge in gauges)]  # fmt: skip
    st.html(drawn.legend(marks, 15, band=False))
    left, right = st.columns([55, 45], gap="medium")
    with left:
        st.plotly_chart(guess_figures.gauge_guesses(gauges, pool.counts, marks, row=ROW), key="pooled-gauges", config=plotly_layout.CONFIG,
                        alt=f"How the {pool.guesses} guesses lie on each gauge")  # fmt: skip
    with right:
        if bars:
            st.plotly_chart(guess_figures.class_guesses(bars, pool.counts, marks), key="pooled-classes", config=plotly_layout.CONFIG,
                            alt="How the guesses of accuracy by class lie")  # fmt: skip
        found = pool.counts.get(prediction.VERDICT, {})
        truth = prediction.verdict_of(told.screen) if shown else ""
        st.plotly_chart(guess_figures.verdict_guesses(found, truth), key="pooled-verdicts", config=plotly_layout.CONFIG,
                        alt="; ".join(f"{verdict}: {found.get(at, 0)}" for at, verdict in enumerate(prediction.VERDICTS)))  # fmt: skip
