"""Present: what to do without decks, a deck of a run in one click, and slides put in order."""

from core.storage.audience import decks
from core.storage.audience.decks import Slide
from core.storage.runs import ResultStore
from tests.dashboard.conftest import sound

PAGE = "views/present.py"


def titles(home, deck):
    with ResultStore(home.database) as store:
        return [one.slide.title for one in decks.slides(store, deck)]


def made(home, *slides):
    with ResultStore(home.database) as store:
        return decks.make(store, "Talk", slides or [Slide("text", "One"), Slide("text", "Two", "Text", "Notes"), Slide("text", "Three")])


def button(at, key):
    return at.button(key=key)


def test_without_decks_the_page_says_how_to_get_one(open_app, bare):
    at = open_app(bare.root, PAGE)
    assert "Pin to a deck" in at.info[0].value
    assert "there is none yet" in " ".join(one.value for one in at.caption)
    button(at, "make-empty").click()
    sound(at.run())
    with ResultStore(bare.database) as store:
        (deck,) = decks.decks(store)
    assert at.query_params["deck"] == deck.id
    assert "No slides yet" in at.info[0].value


def test_one_click_makes_a_deck_of_the_open_run(open_app, home_of, done):
    home = home_of()
    at = open_app(home.root, PAGE, run=done)
    button(at, "make-of-run").click()
    sound(at.run())
    with ResultStore(home.database) as store:
        (deck,) = decks.decks(store)
    assert deck.count == 5
    words = " ".join(one.value for one in at.markdown)
    assert "1. Forgotten" in words
    assert "What this run cannot show" in words


def test_slides_are_moved_taken_out_and_reworded(open_app, bare):
    deck = made(bare)
    with ResultStore(bare.database) as store:
        one, _, three = (slide.id for slide in decks.slides(store, deck))
    at = open_app(bare.root, PAGE, deck=deck)
    assert button(at, f"move--1-{one}").disabled
    assert button(at, f"move-1-{three}").disabled
    button(at, f"move--1-{three}").click()
    sound(at.run())
    assert titles(bare, deck) == ["One", "Three", "Two"]
    button(at, f"remove-{one}").click()
    sound(at.run())
    assert titles(bare, deck) == ["Three", "Two"]
    at.text_input(key=f"deck-title-{deck}").set_value("Lecture")
    button(at, f"save-title-{deck}").click()
    sound(at.run())
    assert "## Lecture" in [part.value for part in at.markdown]
    button(at, f"delete-{deck}").click()
    sound(at.run())
    with ResultStore(bare.database) as store:
        assert decks.rows(store) == []
    assert "Deleted: Lecture" in [part.value for part in at.caption]
    button(at, "put-back-deck").click()
    sound(at.run())
    assert titles(bare, deck) == ["Three", "Two"]
    assert "## Lecture" in [part.value for part in at.markdown]
    assert "put-back-deck" not in [one.key for one in at.button]


def test_damaged_rows_are_named_and_can_go(open_app, bare):
    deck, broken = made(bare), made(bare)
    with ResultStore(bare.database) as store, store.db.transaction() as write:
        write.execute("update slides set content = '{' where deck = ? and place = 0", (deck,))
        write.execute("update decks set title = x'00ff' where id = ?", (broken,))
    at = open_app(bare.root, PAGE, deck=deck)
    told = " ".join(one.value for one in at.warning)
    assert "row of slide" in told
    assert "row of deck" in told
    button(at, f"delete-{broken}").click()
    sound(at.run())
    assert not any("row of deck" in one.value for one in at.warning)
