"""Decks: slides in order, bounded, and a damaged row never hides the others."""

from dataclasses import replace

import pytest

from core.domain.errors import WrongInput
from core.storage.audience import decks
from core.storage.audience.decks import (
    BYTES,
    CELL,
    COLUMNS,
    PICTURES,
    ROWS,
    SLIDES,
    TEXT,
    TITLE,
    DamagedDeck,
    DamagedSlide,
    Slide,
)

PIXEL = "data:image/png;base64,iVBORw0KGgo="
ONE = Slide("text", "One", "First line\nsecond", "Say hello", "/result?run=1")
TWO = Slide("figure", "Two", figure={"data": [{"y": [1, 2]}], "layout": {}})
THREE = Slide("image", "Three", pictures=(("an eight", PIXEL),))
FOUR = Slide("table", "Four", table=(("Method", "AUC"), ("ssd", "0.58"), ("finetune", "0.55 ± 0.04")))


def titles(store, deck):
    return [one.slide.title for one in decks.slides(store, deck)]


def test_slides_come_back_as_they_were_and_in_order(store):
    deck = decks.make(store, "  Talk  ", [ONE, TWO])
    decks.add(store, deck, THREE)
    stored = decks.slides(store, deck)
    assert [one.slide for one in stored] == [ONE, TWO, THREE]
    decks.add(store, deck, FOUR)
    assert decks.slides(store, deck)[3].slide == FOUR
    decks.remove(store, deck, decks.slides(store, deck)[3].id)
    assert [(one.title, one.count) for one in decks.decks(store)] == [("Talk", 3)]
    decks.move(store, deck, stored[2].id, -1)
    assert titles(store, deck) == ["One", "Three", "Two"]
    decks.move(store, deck, stored[0].id, 1)
    decks.move(store, deck, stored[1].id, 1)  # at the end already
    assert titles(store, deck) == ["Three", "One", "Two"]
    decks.remove(store, deck, stored[0].id)
    decks.add(store, deck, ONE)
    assert titles(store, deck) == ["Three", "Two", "One"]


def test_words_of_a_slide_and_of_a_deck_change_and_the_rest_stays(store):
    deck = decks.make(store, "Talk", [TWO])
    (stored,) = decks.slides(store, deck)
    decks.edit(store, stored.id, title="Better ", text="Read it so.", notes="Slowly")
    (changed,) = decks.slides(store, deck)
    assert changed.slide == replace(TWO, title="Better", text="Read it so.", notes="Slowly")
    decks.rename(store, deck, "Lecture")
    assert decks.existing(store, deck).title == "Lecture"
    decks.delete(store, deck)
    assert decks.rows(store) == []
    assert store.db.read("select * from slides") == []
    with pytest.raises(WrongInput, match="no deck"):
        decks.existing(store, deck)


def test_a_deleted_deck_is_put_back_as_it_was_at_its_address(store, monkeypatch):
    deck, other = decks.make(store, "Talk", [ONE, FOUR]), decks.make(store, "Other", [TWO])
    before = (decks.rows(store), decks.slides(store, deck))
    deleted = decks.delete(store, deck)
    assert [one.id for one in decks.decks(store)] == [other]
    assert deleted.title == "Talk"
    decks.put_back(store, deleted)
    decks.put_back(store, deleted)  # a second click
    assert (sorted(decks.rows(store), key=lambda one: one.title), decks.slides(store, deck)) == (
        sorted(before[0], key=lambda one: one.title), before[1],
    )  # fmt: skip
    assert decks.delete(store, "gone") is None
    deleted = decks.delete(store, deck)
    monkeypatch.setattr(decks, "DECKS", 1)
    with pytest.raises(WrongInput, match="which is the most"):
        decks.put_back(store, deleted)
    assert [one.id for one in decks.decks(store)] == [other]


def test_every_bound_is_a_sentence_and_nothing_is_written_beyond_it(store, monkeypatch):
    deck = decks.make(store, "Talk", [ONE] * SLIDES)
    with pytest.raises(WrongInput, match="at most 60 slides"):
        decks.add(store, deck, ONE)
    assert decks.existing(store, deck).count == SLIDES
    with pytest.raises(WrongInput, match="3 MB"):
        decks.make(store, "Large", [Slide("image", "x", pictures=(("", "data:image/png;base64," + "A" * BYTES),))])
    monkeypatch.setattr(decks, "DECKS", 1)
    with pytest.raises(WrongInput, match="which is the most"):
        decks.make(store, "One more")
    assert len(decks.rows(store)) == 1
    for title in ("", "a" * (TITLE + 1), "a\nb", "\u202e\x00"):
        with pytest.raises(WrongInput, match="one readable line"):
            decks.rename(store, deck, title)


@pytest.mark.parametrize(
    "wrong", [{"kind": "html"}, {"title": "a" * (TITLE + 1)}, {"text": "a" * (TEXT + 1)}, {"notes": "\x00"}, {"figure": {"data": []}},
              {"kind": "figure"}, {"kind": "image"}, {"pictures": (("", PIXEL),) * (PICTURES + 1), "kind": "image"},
              {"kind": "table"}, {"table": (("a",),)}, {"kind": "table", "table": (("a",), ("b", "c"))}, {"kind": "table", "table": ((),)},
              {"kind": "table", "table": (("a",),) * (ROWS + 1)}, {"kind": "table", "table": (("a",) * (COLUMNS + 1),)},
              {"kind": "table", "table": (("a" * (CELL + 1),),)}, {"kind": "table", "table": ((7,),)}]
)  # fmt: skip
def test_a_slide_that_is_none_is_refused(wrong):
    with pytest.raises(WrongInput):
        Slide(**{"kind": "text", "title": "One", **wrong})


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"kind": "image", "title": "x", "pictures": [1]}', '{"kind": "figure", "title": "x", "figure": 7}',
                '{"kind": "text", "title": 3}',
                '{"kind": "table", "title": "x", "table": [["a"], 3]}', '{"kind": "table", "title": "x", "table": [[{}]]}', b"\xff\x00"]
)  # fmt: skip
def test_a_damaged_slide_is_named_and_can_be_taken_out(store, content):
    deck = decks.make(store, "Talk", [ONE, TWO])
    (first, _) = decks.slides(store, deck)
    with store.db.transaction() as write:
        write.execute("update slides set content = ? where id = ?", (content, first.id))
    damaged, whole = decks.slides(store, deck)
    assert isinstance(damaged, DamagedSlide)
    assert damaged.wrong.startswith(f"The database's row of slide {first.id} is damaged: ")
    assert whole.slide == TWO
    with pytest.raises(WrongInput, match="damaged"):
        decks.edit(store, first.id, title="x", text="", notes="")
    decks.remove(store, deck, damaged.id)
    assert titles(store, deck) == ["Two"]


def test_a_damaged_deck_is_named_and_can_be_deleted(store):
    decks.make(store, "Talk")
    broken = decks.make(store, "Broken")
    with store.db.transaction() as write:
        write.execute("update decks set id = x'00ff', title = 7 where id = ?", (broken,))
    (damaged,) = (one for one in decks.rows(store) if isinstance(one, DamagedDeck))
    assert [deck.title for deck in decks.decks(store)] == ["Talk"]
    decks.delete(store, damaged.id)
    assert [deck.title for deck in decks.rows(store)] == ["Talk"]


def test_a_deck_as_a_whole_has_a_bound(store):
    large = Slide("text", "Large", text="x" * 100, notes="n")
    deck = decks.make(store, "Talk", [large])
    with store.db.transaction() as write:  # as six figures of three megabytes would have made it
        write.execute("update slides set content = ? where deck = ?", ("x" * (decks.WHOLE - 50), deck))
    with pytest.raises(WrongInput, match=r"A deck has at most 20 MB; take a slide with large figures out first\."):
        decks.add(store, deck, large)
    other = decks.make(store, "Other", [large])
    decks.add(store, other, large)
    assert len(decks.slides(store, other)) == 2
