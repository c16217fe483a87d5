"""The list in the sidebar from which figures, tables, pictures and sentences of a page are pinned to a deck."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

from core.domain.errors import WrongInput
from core.figures.stage_figure import is_picture, safe_figure
from core.storage.audience.decks import CELL, NOTES, SOURCE, TEXT, TITLE, Deck, Slide
from dashboard.queries import decks
from dashboard.session import recall, remember

HERE = Path(__file__).parent
KEY, CURRENT, SAID = "pins", "_deck_for_pins", "_pinned"
_list = component(
    "forgetscope_pins", isolate_styles=False, css=(HERE / "pins.css").read_text(encoding="utf-8"),
    js=(HERE / "pins.js").read_text(encoding="utf-8"),
)  # fmt: skip


def offer_pins() -> None:
    """Call in the sidebar."""
    known = {deck.id: deck for deck in decks.rows() if isinstance(deck, Deck)}
    current = known.get(str(recall(CURRENT) or "")) or next(iter(known.values()), None)  # else the newest
    data = {
        "decks": [{"id": deck.id, "title": deck.title} for deck in known.values()], "current": current.id if current else "",
        "count": current.count if current else 0, "fresh": fresh_title(), "said": str(recall(SAID) or ""),
    }  # fmt: skip
    remember(SAID, "")
    _list(key=KEY, data=data, on_pin_change=_pin)


def fresh_title() -> str:
    """Of a deck that nobody has named."""
    return f"Deck of {datetime.now(UTC):%d %B %Y}"


def _pin() -> None:
    """A callback, once for each click: what is wrong is said in the list, and nothing is stored then."""
    sent = (recall(KEY) or {}).get("pin")
    try:
        if not isinstance(sent, Mapping):
            raise WrongInput("Nothing came to be pinned; open the list again.")
        slide = slide_of(sent)
        deck_id = str(sent.get("deck") or "")
        if not deck_id:
            deck_id = decks.make(str(sent.get("new_title") or "").strip() or fresh_title(), [slide])
        else:
            decks.add(deck_id, slide)
        remember(CURRENT, deck_id)
        remember(SAID, f"Pinned “{slide.title[:60]}”.")
    except WrongInput as wrong:
        remember(SAID, str(wrong))


def slide_of(sent: Mapping[str, Any]) -> Slide:
    """A slide from what a browser sent, which is judged as any input. Raises WrongInput."""
    title, text, notes, source = (_readable(str(sent.get(name) or "")) for name in ("title", "text", "notes", "source"))
    kind = str(sent.get("kind"))
    figure = safe_figure(sent.get("figure")) if kind == "figure" else None
    pictures = sent.get("pictures") if kind == "image" else []
    if not isinstance(pictures, list) or not all(isinstance(one, list) and len(one) == 2 and is_picture(one[1]) for one in pictures):
        raise WrongInput("A picture on a slide is a PNG or an SVG inside the slide itself.")
    table = sent.get("table") if kind == "table" else []
    if not isinstance(table, list) or not all(isinstance(row, list) for row in table):
        raise WrongInput("A table on a slide is a list of rows.")
    return Slide(
        kind, title.replace("\n", " ")[:TITLE] or "Untitled", text[:TEXT], notes[:NOTES], source[:SOURCE], figure,
        tuple((_readable(str(caption))[:300], picture) for caption, picture in pictures),
        tuple(tuple(_readable(str(cell)).replace("\n", " ")[:CELL] for cell in row) for row in table),
    )  # fmt: skip


def _readable(text: str) -> str:
    """Line by line, without what no line can show."""
    return "\n".join("".join(letter for letter in line if letter.isprintable()) for line in text.splitlines()).strip()
