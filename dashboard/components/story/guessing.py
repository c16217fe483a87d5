"""Predict, then see: sliders for a run's numbers and a verdict; then the truth over them, with points."""

from html import escape

import streamlit as st

from core.figures import gauges as drawn
from core.figures import plotly_layout
from core.figures.gauges import GUESS
from core.reports import prediction
from core.reports.gauges import ATTACK, MARKS, SECOND, STEPS, Gauge
from core.storage.record_types import Run
from dashboard.queries.stories import Told
from dashboard.session import recall, remember

BEFORE = ("original", "reference", SECOND)  # what may be known before the guess


def guessing(run: Run, told: Told) -> None:
    """A fragment: a slider redraws this alone. Nothing of it is stored."""
    shown, gauges = bool(recall(f"truth-{run.id}")), prediction.guessable(told.screen.gauges)
    top, left, right = st.container(), *st.columns([30, 70], gap="medium")
    with left:
        guess = {gauge.key: _slider(run, gauge, shown) for gauge in gauges}
        verdict = st.selectbox("Verdict", prediction.VERDICTS, index=None, key=f"guess-{run.id}-verdict", disabled=shown,
                               placeholder="Choose one")  # fmt: skip
    score = prediction.score(told.screen, guess, verdict)
    with right:
        marks = [mark for mark in (MARKS if shown else BEFORE) if any(gauge.place(mark) is not None for gauge in gauges)]
        st.html(drawn.legend([*marks, GUESS], 15))
        alt = drawn.described(gauges) if shown else "Your guess, the original and the retrained network on each gauge"
        st.plotly_chart(drawn.gauge_figure(gauges, marks, guess, size=16, row=96), key="story-guess", config=plotly_layout.CONFIG, alt=alt)
    with top.container(horizontal=True, vertical_alignment="center"):
        st.button("Guess again" if shown else "Show the truth", type="primary", key="truth", on_click=remember,
                  args=(f"truth-{run.id}", not shown))  # fmt: skip
        if shown:
            st.html(f"<p class='st-score'>{score.total} of {score.most} points</p>", width="content")
    if shown:
        with right:
            st.html(f"<div class='st-note'>{_surprise(told, score, guess, verdict)}</div>")


def _surprise(told: Told, score: prediction.Score, guess: dict[str, float], verdict: str | None) -> str:
    """HTML."""
    right = "right" if score.verdict else f"you said {verdict[0].lower() + verdict[1:]}" if verdict else "you chose none"
    words = [f"<b>Verdict:</b> {escape(told.screen.lead)} ({escape(right)})."]
    if score.surprise is not None:
        gauge = score.surprise
        said, truth, wanted = gauge.text_of(guess[gauge.key]), gauge.text("unlearned"), gauge.text("reference")
        words.append(f"<b>The largest surprise:</b> {escape(gauge.title.lower())}. "
                     f"{escape(f'You said {said}, it is {truth}; retrained: {wanted}.')}")  # fmt: skip
    return " ".join(words)


def _slider(run: Run, gauge: Gauge, done: bool) -> float:
    """With the gauge's own ends; it begins at the original's number, so that an untouched one is a guess too."""
    key, begin = f"guess-{run.id}-{gauge.key}", prediction.start(gauge)
    if gauge.key == STEPS:
        return float(st.select_slider("Relearning, steps", prediction.step_choices(gauge), round(begin), key=key, disabled=done))
    if gauge.key == ATTACK:
        return float(st.slider(f"{gauge.title}, AUC", 0.0, 1.0, round(begin, 2), 0.01, key=key, disabled=done))
    return st.slider(gauge.title, 0, 100, round(100 * begin), 1, format="%d %%", key=key, disabled=done) / 100
