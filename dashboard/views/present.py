"""Decks for the stage: made of pins, or of a run in one click; put in order, presented, downloaded."""

import streamlit as st

from core.domain.run import RunStatus
from core.figures.markdown import plain
from core.storage.audience.decks import DamagedDeck, Deck
from core.storage.run_list import Wanted
from dashboard.components.common.examples_button import examples_button
from dashboard.components.present.deck_editor import act, put_back_deck, show_deck
from dashboard.components.present.new_deck import new_deck
from dashboard.queries import decks, run_list
from dashboard.session import link, linked, recall


def choose(key: str) -> None:
    """A callback: the address names the deck."""
    link("deck", str(recall(key)))


known = decks.rows()
titles = {deck.id: f"{deck.title} ({deck.count})" for deck in known if isinstance(deck, Deck)}
left, right = st.columns([1, 3], gap="large")
chosen = ""
with left:
    put_back_deck()
    new_deck(expanded=not titles)
    if titles:
        wanted, options = linked("deck"), list(titles)
        chosen = str(st.radio(
            "Decks", options, options.index(wanted) if wanted in options else 0, format_func=lambda one: plain(titles[one]),
            key=f"deck-{wanted}", on_change=choose, args=(f"deck-{wanted}",),
        ))  # fmt: skip
    for damaged in (deck for deck in known if isinstance(deck, DamagedDeck)):
        st.warning(plain(damaged.wrong), icon=":material/error:")
        st.button("Delete it", key=f"delete-{damaged.id}", on_click=act, args=(decks.delete, damaged.id))
with right:
    if deck := decks.existing(chosen) if chosen else None:
        show_deck(deck)
    elif run_list.listed(Wanted(status=(RunStatus.DONE,)), most=0).wanted:
        st.info(
            "No decks yet. Make one of a run on the left; or open any page, say Result, then *Pin to a deck* in the sidebar, and choose "
            "the figures and sentences to show.", icon=":material/info:",
        )  # fmt: skip
        st.page_link("views/result.py", label="Go to Result", icon=":material/monitoring:")
    else:
        st.info(
            "No runs yet, so there is nothing to show. When one is finished, a deck of it is made here in one click; or *Pin to a deck* in "
            "the sidebar of its pages.", icon=":material/info:",
        )  # fmt: skip
        st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
        examples_button()
