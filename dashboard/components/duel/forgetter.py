"""The Forgetter's turn: a request and a method, real runs by the queue, and the one that is handed over."""

from functools import partial
from html import escape

import streamlit as st

from core.domain.duel import Duel
from core.domain.formatting import percent
from core.domain.requests.base import ForgetRequest
from core.domain.requests.classes import ClassRequest
from core.domain.run import ACTIVE
from core.domain.training.own_recipe import usual_recipe
from core.figures import gauges as drawn
from core.figures import plotly_layout
from core.figures.markdown import plain
from core.jobs.forecast import sentence
from core.jobs.validation import make_spec, preset_values
from core.reports.teaching.duel import BARRED, kept
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.level import guided, more_in_full
from dashboard.components.common.run_status import POLL, act_button, changed_settings, progress_text, state
from dashboard.components.duel.seats import invite
from dashboard.components.forms.forecast import show_forecast
from dashboard.components.forms.forget_request import ask_request
from dashboard.components.forms.method_card import card
from dashboard.components.forms.method_form import main_setting, method_form
from dashboard.login.may import Barred, barred
from dashboard.queries import catalogue, duels, forecasts
from dashboard.queries.duels import Try
from dashboard.session import stays


def forgetter(duel: Duel, seat: str) -> None:
    """The tries, and the form below them."""
    rules, tries = duel.rules, duels.tries(duel)
    left = duels.left(duel, tries)
    words, link = st.columns([60, 40], gap="large") if seat else (st.container(), st.container())
    words.html(f"<h2 class='du-title'>Make it forget</h2><div class='du-text'>So well that no tool tells it from a network that never saw "
               f"the data, and keep at least {percent(rules.budget)} of its accuracy on the rest. {left} of {rules.tries} tries left. You "
               "see of each what accuracy tells; what the Attacker’s tools measure, you see at the end.</div>")  # fmt: skip
    with link:
        invite(duel, seat)
    if any(one.active for one in tries):
        fragment(partial(_poll, duel, tries), run_every=POLL)
    grid = st.grid(3, min_column_width=300)
    for number, one in enumerate(tries, 1):
        with grid.cell(), st.container(border=True, height="stretch", key=f"duel_try_{number}"), errors_shown():
            _try(duel, number, one, again=left > 0)
    if left > 0:
        _form(duel)
    else:
        st.info("All tries are used. Hand one over.", icon=":material/info:")


def _poll(duel: Duel, before: list[Try]) -> None:
    """The page is drawn anew when a run ends."""
    now = duels.tries(duel)
    if [one.active for one in now] != [one.active for one in before]:
        st.rerun()
    for one in now:
        if one.active and (run := next((run for run in (one.run, one.floor) if run and run.status in ACTIVE), None)):
            what = "Your network" if run is one.run else "A second retrained network, for the floor"
            st.progress(run.share, f"{what}: {progress_text(run)}")


def _try(duel: Duel, number: int, one: Try, *, again: bool) -> None:
    """again: whether a run that stopped may be asked for once more."""
    if one.run is None:
        st.markdown(f"**Try {number}** was deleted meanwhile, so it costs nothing.")
        return
    run, available = one.run, catalogue.current()
    data = catalogue.dataset(run.spec.dataset)
    settings = changed_settings(run, available)
    st.markdown(f"**{number} · {plain(run.spec.request.words(data))}** · {plain(catalogue.method_title(run.spec.method))}"
                + (f" · {plain(settings)}" if settings else ""))  # fmt: skip
    if one.ready:
        _finished(duel, one)
    elif one.active:
        act_button("Cancel", run, "duel")
    else:
        state(run)
        st.caption("It gave no network, so it costs no try." + (" Run it again, or ask for another one." if again else ""))
        if again:
            act_button("Retry", run, "duel")


def _finished(duel: Duel, one: Try) -> None:
    assert one.run is not None  # it is ready
    case, found = duels.measured(one.run)
    held, gauge, marks = kept(case, duel.rules.budget), found["accuracy"], ("original", "unlearned", "reference")
    st.html(drawn.legend(marks, 13))
    st.plotly_chart(drawn.gauge_figure([gauge], marks, size=14, row=96), key=f"duel-try-{one.run_id}", config=plotly_layout.CONFIG,
                    alt=drawn.described([gauge]))  # fmt: skip
    mark = {True: "✓ Within the budget.", False: "⚠ Over the budget: with this one you lose.", None: ""}[held.met]
    st.html(f"<div class='du-small'><b>{mark}</b> {escape(held.sentence).replace(' %', '&nbsp;%')}</div>")
    st.button("Hand this one over", key=f"duel-hand-{one.run_id}", icon=":material/handshake:", on_click=_hand_over,
              args=(duel, one.run_id))  # fmt: skip


def _hand_over(duel: Duel, run_id: str) -> None:
    """A callback."""
    with errors_shown(st.toast):
        duels.change(duel, duel.handed_over(run_id))


def _form(duel: Duel) -> None:
    data = catalogue.dataset(duel.rules.dataset)
    ask, how = st.columns([1, 1], gap="large")
    with ask:
        st.subheader("1 · What to forget")
        request = ask_request(data)
    with how:
        fragment(lambda: _how(duel, request))


def _how(duel: Duel, request: ForgetRequest | None) -> None:
    """The method; a click in here does not redraw the images."""
    available, rules = catalogue.current(), duel.rules
    data = catalogue.dataset(rules.dataset)
    before = (one.run.spec.recipe for one in duels.tries(duel) if one.run)  # all tries are about the same networks
    recipe = next(before, usual_recipe(data, rules.model))
    st.subheader("2 · How")
    offered = [key for key, method in available.methods.items() if key != BARRED and not (method.unfit(data) or method.needs_shards)]
    stays("method", offered, offered[0])
    key = st.selectbox("Method", offered, key="method", help="All but retraining, which is the yardstick itself.")
    method = available.methods[key]
    card(method)
    button = st.container()  # above the settings: most play the preset, and some forms are long
    preset = preset_values(method, data, rules.model, request or ClassRequest((0,)))
    settings = method_form(method, preset, main_setting(method, preset) if guided() else None)
    if guided():
        more_in_full("all settings")
    with button, errors_shown():
        spec = make_spec(available, rules.dataset, rules.model, request, key, settings, seed=rules.seed,
                         recipe=recipe) if request else None  # fmt: skip
        refused = spec is not None and not show_forecast(lambda: forecasts.of_run(spec), sentence)
        shut = barred() or Barred(disabled=spec is None or refused)
        run = st.button("Run this try", type="primary", icon=":material/play_arrow:", key="duel-run", **shut)
        if run and spec:
            duels.ask(duel, spec)
            st.rerun()  # of the page: the tries stand outside of this fragment
