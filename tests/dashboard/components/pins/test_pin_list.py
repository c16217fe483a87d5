"""What a browser sends to be pinned is judged as any input; what passes is a slide of the chosen deck, or of a new one."""

from typing import Any

import pytest
import streamlit as st

from core.domain.errors import WrongInput
from core.storage.home import open_home
from dashboard.components.pins import pin_list
from dashboard.components.pins.pin_list import CURRENT, KEY, SAID, fresh_title, slide_of
from dashboard.queries import decks

PIXEL = "data:image/png;base64,iVBORw0KGgo="
PLOT = {"data": [{"type": "bar", "y": {"dtype": "i1", "bdata": "AQID"}}], "layout": {"width": 300}}


@pytest.fixture
def state(tmp_path, monkeypatch) -> dict[str, Any]:
    """A session of its own, on a new home."""
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "home"))
    open_home()
    found: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", found)
    return found


def pinned(state: dict[str, Any], **sent: Any) -> str:
    """What is said after a click."""
    state[KEY] = {"pin": {"kind": "text", "title": "Verdict", "deck": "", **sent}}
    pin_list._pin()
    return str(state[SAID])


def test_a_figure_is_plain_data_and_a_picture_a_data_uri():
    slide = slide_of({"kind": "figure", "title": "Bars\nby class", "figure": PLOT, "source": "/result?run=1", "notes": "slowly"})
    assert (slide.title, slide.source, slide.notes) == ("Bars by class", "/result?run=1", "slowly")
    assert slide.figure == {"data": [{"type": "bar", "y": [1, 2, 3]}], "layout": {}}
    assert slide_of({"kind": "image", "title": "", "pictures": [["a", PIXEL]]}).pictures == (("a", PIXEL),)
    table = slide_of({"kind": "table", "title": "Rows", "table": [["a\nb", 1], ["c" * 99, "\u202ed"]]}).table
    assert table == (("a b", "1"), ("c" * 60, "d"))
    assert slide_of({"kind": "text", "title": "a\x00b\u2028c", "text": "one\r\n two\x07"}).text == "one\n two"


@pytest.mark.parametrize(
    "sent", [{}, {"kind": "html", "title": "x"}, {"kind": "figure", "title": "x"}, {"kind": "image", "title": "x", "pictures": "abc"},
             {"kind": "image", "title": "x", "pictures": [["a", "https://elsewhere.example/a.png"]]},
             {"kind": "image", "title": "x", "pictures": [["a", "data:text/html;base64,PGI+"]]},
             {"kind": "table", "title": "x"}, {"kind": "table", "title": "x", "table": "ab"}, {"kind": "table", "table": [["a"], "b"]},
             {"kind": "table", "title": "x", "table": [["a"]] * 1000}]
)  # fmt: skip
def test_what_is_no_slide_is_refused(sent):
    with pytest.raises(WrongInput):
        slide_of(sent)


def test_the_first_pin_makes_a_deck_and_the_next_goes_to_the_same(state):
    assert pinned(state) == "Pinned “Verdict”."
    (deck,) = decks.rows()
    assert (deck.title, deck.count, state[CURRENT]) == (fresh_title(), 1, deck.id)
    pinned(state, title="Second", deck=state[CURRENT])
    assert [one.slide.title for one in decks.slides(deck.id)] == ["Verdict", "Second"]
    pinned(state, new_title="Lecture 4")
    assert [one.title for one in decks.rows()] == ["Lecture 4", fresh_title()]


def test_what_goes_wrong_is_said_and_stores_nothing(state):
    assert pinned(state, deck="gone").startswith("There is no deck 'gone'")
    assert pinned(state, kind="figure").startswith("A figure has a list of traces")
    state[KEY] = {}
    pin_list._pin()
    assert state[SAID].startswith("Nothing came")
    assert decks.rows() == []
