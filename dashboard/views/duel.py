"""A duel over one network: one seat makes it forget, the other looks for traces, and the engine's numbers decide."""

from pathlib import Path

import streamlit as st

from core.domain.duel import FORGET, OVER, TURN, Duel
from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from dashboard.components.common.fragments import errors_shown
from dashboard.components.duel import seats
from dashboard.components.duel.attacker import attacker
from dashboard.components.duel.ending import ending
from dashboard.components.duel.forgetter import forgetter
from dashboard.components.duel.seats import DUEL, covered, leave, my_seat, waiting, watch, way
from dashboard.components.duel.start import start
from dashboard.queries import duels, runs
from dashboard.session import linked

STYLE = Path(seats.__file__).with_name("duel.css").read_text(encoding="utf-8")


def duel_page() -> None:
    """The page."""
    st.html(f"<style>{STYLE}</style>")
    duel, seat = None, ""
    if linked(DUEL):
        with errors_shown():
            duel = duels.existing(linked(DUEL))
    if duel is None:
        start()
        return
    with errors_shown():
        seat = my_seat()
    way(duel, seat)
    with errors_shown():
        _play(duel, seat)


def _play(duel: Duel, seat: str) -> None:
    if duel.stage != OVER:
        if seat and seat != TURN[duel.stage]:
            waiting(duel, seat)
            watch(duel)
            return
        if not seat and covered(duel):
            return
    if duel.stage == FORGET:
        forgetter(duel, seat)
        return
    run = runs.standing(duel.handed)
    if run is None or run.status != RunStatus.DONE:
        st.button("Begin another duel", key="duel-new", on_click=leave)
        raise WrongInput("The run that was handed over in this duel is no longer stored with its numbers, so it cannot be judged.")
    if duel.stage == OVER:
        ending(duel, run, seat)
    else:
        attacker(duel, run)


duel_page()
