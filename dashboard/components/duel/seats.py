"""Who sits where: the address of each seat, how far the duel is, the cover between two turns on one screen, and waiting for the other."""

from html import escape

import streamlit as st

from core.domain.duel import ATTACKER, FORGETTER, OVER, SEATS, TURN, Duel
from core.domain.errors import WrongInput
from dashboard.components.common.fragments import fragment
from dashboard.queries import duels
from dashboard.session import link, linked, recall, remember

DUEL, SEAT = "duel", "seat"  # in the address; without a seat both play on this screen
LOOK = 2.0  # seconds between looks at what the other seat has done
NAME = {FORGETTER: "Forgetter", ATTACKER: "Attacker"}
STEPS = {"forget": "Forget", "attack": "Choose tools", "call": "Trace or not?", "over": "Who won"}
AWAY = {
    FORGETTER: "Attacker, look away: you must not see which method is used.",
    ATTACKER: "Forgetter, pass it on. The tools are ready; which method was used stays hidden.",
}


def my_seat() -> str:
    """What the address says; '' on one screen. Raises WrongInput for what is no seat."""
    seat = linked(SEAT).strip().lower()
    if seat and seat not in SEATS:
        link(SEAT, "")
        raise WrongInput(f"The seats of a duel are {' and '.join(SEATS)}; the address says {seat[:40]!r}. You see it as on one screen.")
    return seat


def other(seat: str) -> str:
    """The seat across the table."""
    return ATTACKER if seat == FORGETTER else FORGETTER


def sit(code: str, seat: str) -> None:
    """Open a duel from a seat; a callback."""
    link(DUEL, code)
    link(SEAT, seat)


def leave() -> None:
    """A callback."""
    sit("", "")


def way(duel: Duel, seat: str) -> None:
    """Code, steps, seat, and the way out."""
    steps = "".join(f"<b>{n} {title}</b>" if stage == duel.stage else f"<span>{n} {title}</span>"
                    for n, (stage, title) in enumerate(STEPS.items(), 1))  # fmt: skip
    where = f"you are the {NAME[seat]}" if seat else "both on this screen"
    with st.container(horizontal=True, vertical_alignment="center", key="duel_way"):
        st.html(f"<div class='du-way'><span>Duel {escape(duel.code)} · {where}</span>{steps}</div>")
        st.button("Leave this duel", key="duel-leave", type="tertiary", icon=":material/logout:", on_click=leave)


def covered(duel: Duel) -> bool:
    """Whether the screen waits for the seat whose turn it is; then the cover is drawn."""
    turn = TURN[duel.stage]
    key = f"duel-here-{duel.code}-{turn}"
    if recall(key):
        return False
    with st.container(key="duel_cover"):
        st.html(f"<div class='du-cover'><h2 class='du-title'>{NAME[turn]}, your turn</h2><div class='du-text'>{AWAY[turn]}</div></div>")
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button(f"I am the {NAME[turn]}", key="duel-here", type="primary", icon=":material/visibility:", on_click=remember,
                      args=(key, True))  # fmt: skip
    return True


def watch(duel: Duel) -> None:
    """The page is drawn anew when the other seat has moved."""

    def look() -> None:
        if duels.existing(duel.code).version != duel.version:
            st.rerun()

    fragment(look, run_every=LOOK)


def waiting(duel: Duel, seat: str) -> None:
    """For who has to wait until the other has moved."""
    turn = TURN[duel.stage]
    doing = {"forget": f"has {duel.rules.tries} tries; this page goes on when one is handed over", "attack": "is choosing tools",
             "call": "has the measurements and is deciding"}  # fmt: skip
    st.html(f"<div class='du-cover'><h2 class='du-title'>Wait for the {NAME[turn]}</h2>"
            f"<div class='du-text'>The {NAME[turn]} {doing[duel.stage]}. Nothing needs to be clicked here.</div></div>")  # fmt: skip
    if seat == ATTACKER:
        st.html("<p class='du-small'>No peeking: Runs and Result show the method.</p>")
    invite(duel, seat)


def invite(duel: Duel, seat: str) -> None:
    """The address of the other seat, in two browsers, until both have played."""
    if not seat or duel.stage == OVER:
        return
    st.caption(f"The {NAME[other(seat)]} joins by this address in another browser, or by the page Duel with the code **{duel.code}**:")
    st.code(address(duel.code, other(seat)), language=None, wrap_lines=True)


def address(code: str, seat: str) -> str:
    """Of a seat."""
    return f"{(st.context.url or '').partition('?')[0]}?{DUEL}={code}&{SEAT}={seat}"
