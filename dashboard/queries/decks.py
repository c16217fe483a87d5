"""Decks of this home: what is listed, and what a page does with them."""

from core.domain.errors import WrongInput
from core.storage.audience import decks
from core.storage.audience.decks import DamagedDeck, DamagedSlide, Deck, DeletedDeck, Slide, StoredSlide
from core.storage.runs import ResultStore
from dashboard.queries import catalogue
from dashboard.session import home


def rows() -> list[Deck | DamagedDeck]:
    """All decks, the newest first."""
    with ResultStore(home().database) as store:
        return decks.rows(store)


def slides(deck_id: str) -> list[StoredSlide | DamagedSlide]:
    """A deck's slides in order."""
    with ResultStore(home().database) as store:
        return decks.slides(store, deck_id)


def make(title: str, first: list[Slide] | None = None) -> str:
    """A new deck's id. Raises WrongInput."""
    with ResultStore(home().database) as store:
        return decks.make(store, title, first or [])


def make_of_run(run_id: str) -> str:
    """The id of a new deck of a finished run. Raises WrongInput."""
    from core.export.run_deck import run_deck  # noqa: PLC0415  # a second that pages need not wait for

    return make(*run_deck(home(), run_id, catalogue.current()))


def html(deck_id: str) -> tuple[str, str]:
    """A deck's title, and its file's text. Raises WrongInput."""
    from core.export.html_deck import deck_of  # noqa: PLC0415  # as above

    with ResultStore(home().database) as store:
        return deck_of(store, deck_id)


def add(deck_id: str, slide: Slide) -> None:
    """The slide comes last. Raises WrongInput."""
    with ResultStore(home().database) as store:
        decks.add(store, deck_id, slide)


def rename(deck_id: str, title: str) -> None:
    """Raises WrongInput."""
    with ResultStore(home().database) as store:
        decks.rename(store, deck_id, title)


def delete(deck_id: str) -> DeletedDeck | None:
    """With its slides; what puts it back."""
    with ResultStore(home().database) as store:
        return decks.delete(store, deck_id)


def put_back(deleted: DeletedDeck) -> None:
    """Undo a deletion. Raises WrongInput."""
    with ResultStore(home().database) as store:
        decks.put_back(store, deleted)


def edit(slide_id: str, *, title: str, text: str, notes: str) -> None:
    """Other words on a slide. Raises WrongInput."""
    with ResultStore(home().database) as store:
        decks.edit(store, slide_id, title=title, text=text, notes=notes)


def remove(deck_id: str, slide_id: str) -> None:
    """Take a slide out."""
    with ResultStore(home().database) as store:
        decks.remove(store, deck_id, slide_id)


def move(deck_id: str, slide_id: str, by: int) -> None:
    """One place earlier (-1) or later (1)."""
    with ResultStore(home().database) as store:
        decks.move(store, deck_id, slide_id, by)


def existing(deck_id: str) -> Deck | None:
    """None where there is no such deck, or it is damaged."""
    try:
        with ResultStore(home().database) as store:
            return decks.existing(store, deck_id)
    except WrongInput:
        return None
