"""Before a duel: the rules in a minute, what it is played on, and how to join one."""

import streamlit as st

from core.domain.duel import BUDGETS, MOST_TOOLS, MOST_TRIES, SEATS
from core.domain.presets import not_offered
from core.reports.teaching.duel import FALSE_ALARM, NOTHING_FOUND, PROVEN
from dashboard.components.common.fragments import errors_shown
from dashboard.components.duel.seats import NAME, sit
from dashboard.login.may import Barred, barred
from dashboard.queries import catalogue, duels
from dashboard.session import home, recall

SCREENS = {"": "One screen, passed on", SEATS[0]: "Two browsers, I forget", SEATS[1]: "Two browsers, I attack"}
START = ("digits", "small_cnn")
RULES = f"""
<h2 class='du-title'>Two seats, one network</h2>
<p class='du-text'>One makes a network forget. The other tries to prove that something is left.</p>
<div class='du-rules'>
<div><b>1 · The Forgetter</b><br>chooses what goes and how. The network must keep nearly all of its accuracy on the rest: that is the
budget. After a few tries, one network is handed over.</div>
<div><b>2 · The Attacker</b><br>does not see how it was made, chooses some tools, reads what they measure, and calls each one:
<i>a trace is left</i>, or <i>no trace</i>.</div>
<div><b>3 · The judge</b><br>is a network retrained without the data. Two retrained ones differ a little as well. Only what lies beyond that
is a trace.</div>
<div><b>Points</b><br>A proven trace: {PROVEN} for the Attacker. A false alarm: {FALSE_ALARM} for the Forgetter. A tool that proves nothing:
{NOTHING_FOUND} for the Forgetter. Over budget: the Attacker wins.</div>
</div>
"""


def start() -> None:
    """The page without a duel."""
    st.html(RULES)
    begin, join = st.columns([66, 34], gap="large")
    with begin, st.container(border=True):
        _begin()
    with join, st.container(border=True):
        _join()


def _begin() -> None:
    available = catalogue.current()
    st.subheader("Begin a duel")
    left, right = st.columns(2)
    datasets, models = list(available.datasets), list(available.models)
    dataset = left.selectbox("Dataset", datasets, datasets.index(START[0]), key="duel-dataset")
    model = right.selectbox("Model", models, models.index(START[1]), key="duel-model")
    left.slider("Budget: retain accuracy to keep, of the original’s", round(100 * BUDGETS[0]), round(100 * BUDGETS[1]), 95, 1,
                format="%d %%", key="duel-budget")  # fmt: skip
    with right.container(horizontal=True):
        st.number_input("Tries", 1, MOST_TRIES, 3, 1, key="duel-tries", width="stretch", help="Finished runs of the Forgetter.")
        st.number_input("Tools", 1, MOST_TOOLS, 2, 1, key="duel-tools", width="stretch", help="How many the Attacker may use.")
    st.segmented_control("Played on", list(SCREENS), format_func=SCREENS.__getitem__, default="", required=True, key="duel-screens")
    if reason := not_offered(dataset, model):
        st.warning(reason, icon=":material/warning:")
    st.button("Begin", type="primary", icon=":material/swords:", key="duel-begin", on_click=_begun,
              **(barred() or Barred(disabled=bool(reason or home().unwritable))))  # fmt: skip
    st.caption("Digits take half a minute for the first try and seconds for the next. Each duel trains its own networks, so nobody knows "
               "their numbers.")  # fmt: skip


def _begun() -> None:
    """A callback."""
    dataset, model, budget, tries, tools = (recall(f"duel-{name}") for name in ("dataset", "model", "budget", "tries", "tools"))
    with errors_shown(st.toast):
        duel = duels.begin(str(dataset), str(model), int(budget) / 100, int(tries or 0), int(tools or 0))
        sit(duel.code, str(recall("duel-screens") or ""))


def _join() -> None:
    st.subheader("Join one")
    st.text_input("Its code", key="duel-code", max_chars=8, placeholder="k3f9")
    st.segmented_control("Your seat", SEATS, format_func=NAME.__getitem__, default=SEATS[1], required=True, key="duel-seat")
    st.button("Join", key="duel-join", icon=":material/login:", on_click=_joined)


def _joined() -> None:
    """A callback."""
    with errors_shown(st.toast):
        sit(duels.existing(str(recall("duel-code") or "")).code, str(recall("duel-seat") or SEATS[1]))
