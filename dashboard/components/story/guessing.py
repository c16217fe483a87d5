"""Predict, then see: sliders for a run's numbers, bars by class and a verdict; then the truth over them, with points."""

from html import escape
from typing import NamedTuple

import streamlit as st

from core.domain.errors import WrongInput
from core.figures import gauges as drawn
from core.figures import plotly_layout
from core.figures.gauges import GUESS
from core.reports.gauges import ATTACK, MARKS, SECOND, STEPS, Gauge
from core.reports.teaching import prediction
from core.storage.record_types import Run
from dashboard.components.classroom.in_class import group
from dashboard.components.story.class_bars.component import class_bars, guess_of
from dashboard.queries import guesses
from dashboard.queries.stories import Told
from dashboard.session import home, recall, remember

BEFORE = ("original", "reference", SECOND)  # what may be known before the guess
ROW = 80  # pixels of a gauge's height
CLASSES, SAID = "classes", "said"  # what the guesses by class, and a sentence about the count, are remembered under


class Guess(NamedTuple):
    """numbers: metric or bar -> number. verdict: None for none."""

    numbers: dict[str, float]
    verdict: str | None


def guessing(run: Run, told: Told) -> None:
    """A fragment: a slider redraws this alone. Nothing of it is stored, but counts where the address names a class."""
    shown, gauges, bars = bool(recall(f"truth-{run.id}")), prediction.guessable(told.screen.gauges), prediction.bars(told.screen)
    top, (left, right), below = st.container(), st.columns([30, 70], gap="medium"), st.container()
    with left:
        if shown:
            _put_back(run)
        for gauge in gauges:
            _slider(run, gauge, shown)
        st.selectbox("Verdict", prediction.VERDICTS, index=None, key=_key(run, prediction.VERDICT), disabled=shown,
                     placeholder="Choose one")  # fmt: skip
    guess = _guess(run, told)
    score = prediction.score(told.screen, *guess)
    with right:
        marks = [mark for mark in (MARKS if shown else BEFORE) if any(gauge.place(mark) is not None for gauge in gauges)]
        st.html(drawn.legend([*marks, GUESS], 15))
        alt = drawn.described(gauges) if shown else "Your guess, the original and the retrained network on each gauge"
        figure = drawn.gauge_figure(gauges, marks, guess.numbers, size=16, row=ROW)
        st.plotly_chart(figure, key="story-guess", config=plotly_layout.CONFIG, alt=alt)
    if bars:
        with below:
            what = "attribute" if told.screen.multi else "class"
            then = f"{score.by_class} of {prediction.FULL} points" if shown else "drag each bar to your guess, or use the arrow keys"
            st.html(f"<div class='st-bars'><b>Accuracy by {what}, %</b>: {then}</div>")
            class_bars(bars, guess.numbers, marks, score.bars if shown else None, _key(run, CLASSES))
    with top.container(horizontal=True, vertical_alignment="center"):
        if not shown:
            st.button("Show the truth", type="primary", key="truth", on_click=_look, args=(run, told))
            st.html("<div class='st-note'>Move the sliders, drag the bars, choose a verdict, then look.</div>", width="stretch")
        else:
            st.button("Guess again", type="primary", key="truth", on_click=remember, args=(f"truth-{run.id}", False))
            said = escape(str(recall(_key(run, SAID), "")))
            st.html(f"<p class='st-score'>{score.total} of {score.most} points</p>{said}", width="content")
            st.html(f"<div class='st-note'>{_surprise(told, score, guess)}</div>", width="stretch")


def _key(run: Run, name: str) -> str:
    return f"guess-{run.id}-{name}"


def _guess(run: Run, told: Told) -> Guess:
    """As the widgets stand."""
    numbers = {gauge.key: _number(gauge, recall(_key(run, gauge.key))) for gauge in prediction.guessable(told.screen.gauges)}
    by_class = guess_of(prediction.bars(told.screen), recall(_key(run, CLASSES)))
    return Guess(numbers | by_class, recall(_key(run, prediction.VERDICT)))


def _look(run: Run, told: Told) -> None:
    """A callback: the truth is shown, and the guess counted where there is a class."""
    remember(f"truth-{run.id}", True)
    keys = [_key(run, name) for name in (*(gauge.key for gauge in told.screen.gauges), prediction.VERDICT)]
    remember(f"guessed-{run.id}", {key: recall(key) for key in keys})
    if not (code := group()) or home().unwritable:
        return
    earlier, said = f"_counted-{code}-{run.id}", f"Counted for {code}."
    try:
        remember(earlier, guesses.count(code, run.id, prediction.binned(told.screen, *_guess(run, told)), recall(earlier)))
    except WrongInput as wrong:
        said = str(wrong)
    remember(_key(run, SAID), said)  # not a toast, which would take the place of the page's style


def _put_back(run: Run) -> None:
    """What the widgets stood at when the truth was shown: another scene lets go of their values."""
    for key, value in (recall(f"guessed-{run.id}") or {}).items():
        if recall(key) is None and value is not None:
            remember(key, value)


def _surprise(told: Told, score: prediction.Score, guess: Guess) -> str:
    """HTML."""
    verdict = guess.verdict
    right = "right" if score.verdict else f"you said {verdict[0].lower() + verdict[1:]}" if verdict else "you chose none"
    words = [f"<b>Verdict:</b> {escape(told.screen.lead)} ({escape(right)})."]
    if score.surprise is not None:
        gauge = score.surprise
        said, truth, wanted = gauge.text_of(guess.numbers[gauge.key]), gauge.text("unlearned"), gauge.text("reference")
        words.append(f"<b>The largest surprise:</b> {escape(gauge.title.lower())}. "
                     f"{escape(f'You said {said}, it is {truth}; retrained: {wanted}.')}")  # fmt: skip
    return " ".join(words)


def _slider(run: Run, gauge: Gauge, done: bool) -> None:
    """With the gauge's own ends; it begins at the original's number, so that an untouched one is a guess too."""
    key, begin = _key(run, gauge.key), _begin(gauge)
    if gauge.key == STEPS:
        st.select_slider("Relearning, steps", prediction.step_choices(gauge), begin, key=key, disabled=done)
    elif gauge.key == ATTACK:
        st.slider(f"{gauge.title}, AUC", 0.0, 1.0, begin, 0.01, key=key, disabled=done)
    else:
        st.slider(gauge.title, 0, 100, int(begin), 1, format="%d %%", key=key, disabled=done)


def _begin(gauge: Gauge) -> float:
    """As its slider has it: steps, an AUC, or per cent."""
    begin = prediction.start(gauge)
    return round(begin, 2) if gauge.key == ATTACK else round(begin if gauge.key == STEPS else 100 * begin)


def _number(gauge: Gauge, at: float | None) -> float:
    """Of a slider's value; None where it was not drawn yet."""
    value = _begin(gauge) if at is None else at
    return float(value) if gauge.key in (STEPS, ATTACK) else value / 100
