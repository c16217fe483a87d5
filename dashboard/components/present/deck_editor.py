"""One deck on its page: presented, downloaded, renamed, deleted; its slides with what they show, moved, edited, taken out."""

from collections.abc import Callable
from functools import partial
from html import escape
import re

import streamlit as st

from core.figures.markdown import plain
from core.storage.audience.decks import NOTES, TEXT, TITLE, DamagedSlide, Deck, DeletedDeck, StoredSlide
from dashboard.components.common.fragments import errors_shown
from dashboard.login.may import Barred, barred, whose
from dashboard.login.sessions import later
from dashboard.queries import decks
from dashboard.session import link, recall, remember

ICON = {"figure": ":material/bar_chart:", "text": ":material/notes:", "image": ":material/image:", "table": ":material/table:"}
DELETED = "_deleted_deck"  # the last one, for as long as the page is open


def show_deck(deck: Deck) -> None:
    """Everything of one deck."""
    slides, shut = decks.slides(deck.id), barred(deck.owner, what="this deck")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button(
            "Present", f"./stage/{deck.id}", type="primary", icon=":material/co_present:", disabled=not slides,
            help="A tab of its own. → and ← turn slides, F fills the screen, N shows notes, D turns dark or light, Esc lists the slides.",
        )  # fmt: skip
        st.link_button("With notes", f"./stage/{deck.id}?notes", icon=":material/speaker_notes:", disabled=not slides,
                       help="For the speaker's own screen: it follows the other window, and the other way round.")  # fmt: skip
        st.download_button(
            "Download", later(partial(_file, deck.id)), f"{_plain_name(deck.title)}.html", "text/html", key=f"download-{deck.id}",
            icon=":material/download:", on_click="ignore", disabled=not slides,
            help="The same in one HTML file that needs no network. Printed, it has one slide on a page.",
        )  # fmt: skip
        with st.popover("Rename", type="tertiary", key=f"ask-rename-{deck.id}", **shut), st.form(f"rename-{deck.id}", border=False):
            st.text_input("Title", deck.title, max_chars=TITLE, key=f"deck-title-{deck.id}")
            st.form_submit_button("Save", key=f"save-title-{deck.id}", type="primary", on_click=_rename, args=(deck.id,))
        with st.popover("Delete", type="tertiary", key=f"ask-delete-{deck.id}", **shut):
            st.caption("The deck goes with its slides; what they were pinned from stays. It can be put back while this page is open.")
            st.button("Delete it", key=f"delete-{deck.id}", type="primary", on_click=_delete, args=(deck.id,))
    st.markdown(f"## {plain(deck.title)}")
    if owner := whose(deck.owner):
        st.caption(f"Owner: {plain(owner)}")
    if not slides:
        st.info("No slides yet. Open any page, then *Pin to a deck* in the sidebar.", icon=":material/info:")
    for place, stored in enumerate(slides):
        with st.container(border=True, key=f"slide-{stored.id}"):
            if isinstance(stored, DamagedSlide):
                st.warning(plain(stored.wrong), icon=":material/error:")
                st.button("Take out", key=f"remove-{stored.id}", on_click=act, args=(decks.remove, deck.id, stored.id))
            else:
                _row(deck, stored, place, len(slides))


def put_back_deck() -> None:
    """Offers the deck that was deleted last on this page."""
    deleted: DeletedDeck | None = recall(DELETED)
    if deleted is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Deleted: {plain(deleted.title)}")
            st.button("Put it back", key="put-back-deck", icon=":material/undo:", type="tertiary", on_click=_put_back, args=(deleted,))


def _delete(deck_id: str) -> None:
    """A callback."""
    with errors_shown(st.toast):
        remember(DELETED, decks.delete(deck_id))


def _put_back(deleted: DeletedDeck) -> None:
    """A callback: it is there again, and open."""
    with errors_shown(st.toast):
        decks.put_back(deleted)
        remember(DELETED, None)
        link("deck", str(deleted.deck[0]))


def act(change: Callable[..., None], *about: object) -> None:
    """A callback: what is wrong, as a full disk, is shown."""
    with errors_shown(st.toast):
        change(*about)


def _rename(deck_id: str) -> None:
    """A callback."""
    with errors_shown(st.toast):
        decks.rename(deck_id, str(recall(f"deck-title-{deck_id}") or ""))


def _file(deck_id: str) -> bytes:
    return decks.html(deck_id)[1].encode()


def _plain_name(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", title).strip("-.") or "deck"


def _row(deck: Deck, stored: StoredSlide, place: int, count: int) -> None:
    slide, shut = stored.slide, barred(deck.owner, what="this deck")
    what, buttons = st.columns([5, 3], vertical_alignment="center")
    with what:
        st.markdown(f"{ICON[slide.kind]} **{place + 1}. {plain(slide.title)}**")
        if slide.pictures:
            st.html("<div style='display:flex;gap:8px'>" + "".join(map(_thumbnail, slide.pictures)) + "</div>")
        if slide.text:
            st.caption(plain(slide.text.replace("\n", " "), 180))
    with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        for label, by, icon, end in (("Earlier", -1, "arrow_upward", 0), ("Later", 1, "arrow_downward", count - 1)):
            st.button(label, key=f"move-{by}-{stored.id}", icon=f":material/{icon}:", type="tertiary", on_click=act,
                      args=(decks.move, deck.id, stored.id, by), **(shut or Barred(disabled=place == end)))  # fmt: skip
        box = st.popover("Edit", key=f"edit-{stored.id}", type="tertiary", on_change="rerun", **shut)
        if box.open:
            with box:
                _fields(stored)
        st.button("Take out", key=f"remove-{stored.id}", type="tertiary", on_click=act, args=(decks.remove, deck.id, stored.id), **shut)


def _thumbnail(picture: tuple[str, str]) -> str:
    caption, source = picture
    return f"<img src='{escape(source)}' alt='{escape(caption)}' style='height:64px;image-rendering:pixelated'>"


def _fields(stored: StoredSlide) -> None:
    slide = stored.slide
    with st.form(f"words-{stored.id}", border=False):
        st.text_input("Title", slide.title, max_chars=TITLE, key=f"title-{stored.id}")
        st.text_area("Text", slide.text, max_chars=TEXT, key=f"text-{stored.id}", help="One or two sentences; a line is a paragraph.")
        st.text_area("Notes", slide.notes, max_chars=NOTES, key=f"notes-{stored.id}", help="Only where N is pressed.")
        st.form_submit_button("Save", key=f"save-{stored.id}", type="primary", on_click=_save, args=(stored.id,))
    if slide.source:
        st.caption(f"From {plain(slide.source)}")


def _save(slide_id: str) -> None:
    """A callback."""
    title, text, notes = (str(recall(f"{name}-{slide_id}") or "") for name in ("title", "text", "notes"))
    with errors_shown(st.toast):
        decks.edit(slide_id, title=title, text=text, notes=notes)
