"""Decks for the stage: slides in order, each a figure, a table, a text or pictures. Nothing that a slide holds is trusted as markup."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
import json
import sqlite3
from typing import Any
from uuid import uuid4

from core.domain.errors import WrongInput
from core.domain.json_checks import check_plain, is_readable, plain_object
from core.storage.access import actors
from core.storage.rows import check_id, key_of, owner_of, time_of
from core.storage.runs import ResultStore

DECKS, SLIDES, BYTES = 100, 60, 3_000_000  # the most: decks, slides of a deck, letters of a slide in JSON
WHOLE = 20_000_000  # letters of a deck's slides together: showing one reads them all
TITLE, TEXT, NOTES, SOURCE = 200, 2000, 4000, 1000  # letters
PICTURES = 8  # of a slide
ROWS, COLUMNS, CELL = 10, 8, 60  # of a table, its header a row; letters: more is not read from the last row
KINDS = ("figure", "text", "image", "table")


@dataclass(frozen=True)
class Slide:
    """One idea. text, notes: paragraphs, plain. figure: `data` and `layout`. pictures: (caption, data URI). source: address of its page.

    table: rows of as many cells each, the header first.
    """

    kind: str
    title: str
    text: str = ""
    notes: str = ""
    source: str = ""
    figure: dict[str, Any] | None = None
    pictures: tuple[tuple[str, str], ...] = ()
    table: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        """Raises WrongInput for a slide that is none, or too large."""
        if self.kind not in KINDS:
            raise WrongInput(f"A slide is one of {', '.join(KINDS)}; got {self.kind!r:.40}.")
        for name, most in (("title", TITLE), ("text", TEXT), ("notes", NOTES), ("source", SOURCE)):
            value = getattr(self, name)
            if type(value) is not str or len(value) > most or not is_readable(value.replace("\n", " ")):
                raise WrongInput(f"A slide's {name} is readable text of at most {most:,} letters.")
        if (self.kind == "figure") != (self.figure is not None) or (self.kind == "image") != bool(self.pictures) or (
            (self.kind == "table") != bool(self.table)
        ):
            raise WrongInput("A slide has a figure, or pictures, or a table, or text alone, as its kind says.")
        if len(self.pictures) > PICTURES:
            raise WrongInput(f"A slide has at most {PICTURES} pictures; got {len(self.pictures)}.")
        widths = {len(row) for row in self.table}
        if len(self.table) > ROWS or len(widths) > 1 or not widths <= {*range(1, COLUMNS + 1)}:
            raise WrongInput(f"A slide's table has at most {ROWS} rows of at most {COLUMNS} cells, in each row as many.")
        if not all(type(cell) is str and len(cell) <= CELL and is_readable(cell) for row in self.table for cell in row):
            raise WrongInput(f"A cell of a slide's table is readable text of at most {CELL} letters.")

    def to_json(self) -> str:
        """As the database has it. Raises WrongInput where it is too large."""
        text = json.dumps(asdict(self), separators=(",", ":"), allow_nan=False)
        if len(text) > BYTES:
            raise WrongInput(f"A slide has at most {BYTES / 1e6:g} MB; this one would have {len(text) / 1e6:.1f} MB.")
        return text


@dataclass(frozen=True)
class StoredSlide:
    """A slide and what names it."""

    id: str
    slide: Slide


@dataclass(frozen=True)
class DamagedSlide:
    """A row of the database that is no slide: what deletes it, and what is wrong, in a sentence."""

    id: str
    wrong: str


@dataclass(frozen=True)
class Deck:
    """A deck without its slides. count: how many it has."""

    id: str
    title: str
    created_at: datetime
    count: int
    owner: str = ""


@dataclass(frozen=True)
class DamagedDeck:
    """A row of the database that is no deck: what deletes it, and what is wrong, in a sentence."""

    id: str
    wrong: str


_DECKS = "select rowid as row, *, (select count(*) from slides where deck = decks.id) as count from decks"


def rows(store: ResultStore) -> list[Deck | DamagedDeck]:
    """All decks, the newest first."""
    return [_deck(row) for row in store.db.read(f"{_DECKS} order by created_at desc, rowid desc")]


def decks(store: ResultStore) -> list[Deck]:
    """The newest first; damaged rows are left out."""
    return [deck for deck in rows(store) if isinstance(deck, Deck)]


def existing(store: ResultStore, deck_id: str) -> Deck:
    """Raises WrongInput where there is no such deck, or its row is damaged."""
    found = store.db.read(f"{_DECKS} where id = ?", (deck_id,)) if deck_id.isprintable() else []
    if not found:
        raise WrongInput(f"There is no deck {deck_id[:64]!r}; the page Present lists those that are there.")
    deck = _deck(found[0])
    if isinstance(deck, DamagedDeck):
        raise WrongInput(deck.wrong)
    return deck


def slides(store: ResultStore, deck_id: str) -> list[StoredSlide | DamagedSlide]:
    """A deck's slides in order."""
    sql = "select rowid as row, id, content from slides where deck = ? order by place, rowid"
    return [_slide(row) for row in store.db.read(sql, (deck_id,))]


def make(store: ResultStore, title: str, first: Iterable[Slide] = ()) -> str:
    """A new deck with these slides; its id. Raises WrongInput where there are too many, or the title is none."""
    deck_id, title, contents = uuid4().hex[:12], _titled(title), [slide.to_json() for slide in first]
    _room(len(contents), sum(map(len, contents)))
    with store.db.transaction() as write:
        _check_count(write)
        write.execute("insert into decks (id, title, created_at, owner) values (?, ?, ?, ?)",
                      (deck_id, title, datetime.now(UTC).isoformat(), actors.owner()))  # fmt: skip
        for place, content in enumerate(contents):
            write.execute("insert into slides values (?, ?, ?, ?)", (uuid4().hex[:12], deck_id, place, content))
    return deck_id


def rename(store: ResultStore, deck_id: str, title: str) -> None:
    """Raises WrongInput where there is no such deck, or the title is none."""
    existing(store, deck_id)
    with store.db.transaction() as write:
        write.execute("update decks set title = ? where id = ?", (_titled(title), deck_id))


@dataclass(frozen=True)
class DeletedDeck:
    """The rows of the database that a deck was, as they stood there: what puts it back."""

    deck: tuple[Any, ...]
    slides: tuple[tuple[Any, ...], ...]

    @property
    def title(self) -> str:
        """For a sentence."""
        return str(self.deck[1])


def delete(store: ResultStore, deck_id: str) -> DeletedDeck | None:
    """With its slides; a damaged one too, which is not put back. One that is gone already is no error."""
    with store.db.transaction() as write:
        row = write.execute("select id, title, created_at, owner from decks where id = ?", (deck_id,)).fetchone()
        gone = write.execute("select id, deck, place, content from slides where deck = ? order by place, rowid", (deck_id,)).fetchall()
        write.execute("delete from slides where deck = ?", (deck_id,))
        write.execute("delete from decks where id = ? or 'deck-row-' || rowid = ?", (deck_id, deck_id))
    return None if row is None else DeletedDeck(tuple(row), tuple(map(tuple, gone)))


def put_back(store: ResultStore, deleted: DeletedDeck) -> None:
    """Undo a deletion: the same deck at the same address. Raises WrongInput where there is no room; one that is there is left alone."""
    with store.db.transaction() as write:
        if write.execute("select 1 from decks where id = ?", deleted.deck[:1]).fetchone():
            return
        _check_count(write)
        write.execute("insert into decks (id, title, created_at, owner) values (?, ?, ?, ?)", deleted.deck)
        write.executemany("insert into slides values (?, ?, ?, ?)", deleted.slides)


def _check_count(write: sqlite3.Connection) -> None:
    if write.execute("select count(*) from decks").fetchone()[0] >= DECKS:
        raise WrongInput(f"There are {DECKS} decks, which is the most; delete one first.")


def add(store: ResultStore, deck_id: str, slide: Slide) -> str:
    """The slide comes last; its id. Raises WrongInput where there is no such deck, or it is full."""
    existing(store, deck_id)
    slide_id, content = uuid4().hex[:12], slide.to_json()
    with store.db.transaction() as write:
        sql = "select count(*), coalesce(max(place), -1), coalesce(sum(length(content)), 0) from slides where deck = ?"
        count, last, letters = write.execute(sql, (deck_id,)).fetchone()
        _room(count + 1, letters + len(content))
        write.execute("insert into slides values (?, ?, ?, ?)", (slide_id, deck_id, last + 1, content))
    return slide_id


def edit(store: ResultStore, slide_id: str, *, title: str, text: str, notes: str) -> None:
    """Other words on a slide. Raises WrongInput where there is no such slide, it is damaged, or a text is too long."""
    with store.db.transaction() as write:
        row = write.execute("select rowid as row, id, content from slides where id = ?", (slide_id,)).fetchone()
        if row is None:
            raise WrongInput("This slide is no longer there.")
        found = _slide(row)
        if isinstance(found, DamagedSlide):
            raise WrongInput(found.wrong)
        changed = replace(found.slide, title=title.strip(), text=text.strip(), notes=notes.strip())
        write.execute("update slides set content = ? where id = ?", (changed.to_json(), slide_id))


def remove(store: ResultStore, deck_id: str, slide_id: str) -> None:
    """Take a slide out, a damaged one too. One that is gone already is no error."""
    with store.db.transaction() as write:
        write.execute("delete from slides where deck = ? and (id = ? or 'slide-row-' || rowid = ?)", (deck_id, slide_id, slide_id))


def move(store: ResultStore, deck_id: str, slide_id: str, by: int) -> None:
    """One place earlier (by = -1) or later (1); at an end it stays."""
    with store.db.transaction() as write:
        order = [row["row"] for row in write.execute("select rowid as row from slides where deck = ? order by place, rowid", (deck_id,))]
        mine = write.execute("select rowid from slides where deck = ? and id = ?", (deck_id, slide_id)).fetchone()
        if mine is None:
            return
        here = order.index(mine[0])
        there = min(len(order) - 1, max(0, here + by))
        order.insert(there, order.pop(here))
        write.executemany("update slides set place = ? where rowid = ?", list(enumerate(order)))


def _titled(title: str) -> str:
    title = title.strip()
    if not title or len(title) > TITLE or not is_readable(title):
        raise WrongInput(f"A deck's title is one readable line of 1 to {TITLE} letters; got {title!r:.60}.")
    return title


def _room(count: int, letters: int) -> None:
    if count > SLIDES:
        raise WrongInput(f"A deck has at most {SLIDES} slides; take one out first.")
    if letters > WHOLE:
        raise WrongInput(f"A deck has at most {WHOLE / 1e6:g} MB; take a slide with large figures out first.")


def _deck(row: sqlite3.Row) -> Deck | DamagedDeck:
    try:
        check_id(row["id"])
        check_plain("title", row["title"], str)
        return Deck(row["id"], row["title"], time_of("created_at", row["created_at"]), row["count"], owner_of(row["owner"]))
    except WrongInput as wrong:
        key = key_of(row, "deck-row-")
        return DamagedDeck(key, f"The database's row of deck {key} is damaged: {wrong}. It can only be deleted.")


def _slide(row: sqlite3.Row) -> StoredSlide | DamagedSlide:
    try:
        check_id(row["id"])
        return StoredSlide(row["id"], slide_from(plain_object(row["content"], "a slide")))
    except WrongInput as wrong:
        key = key_of(row, "slide-row-")
        return DamagedSlide(key, f"The database's row of slide {key} is damaged: {str(wrong).rstrip('.')}. It can only be taken out.")


def slide_from(raw: dict[str, Any]) -> Slide:
    """A slide from what JSON said. Raises WrongInput for what is none; the figure itself is judged where it is drawn."""
    figure, pictures = raw.get("figure"), raw.get("pictures") or []
    if not (figure is None or isinstance(figure, dict)) or not isinstance(pictures, list):
        raise WrongInput("a slide's figure is an object, its pictures a list")
    for one in pictures:
        if not isinstance(one, list | tuple) or len(one) != 2 or not all(type(part) is str for part in one):
            raise WrongInput("a picture of a slide is a caption and a data URI")
    table = raw.get("table") or []
    if not isinstance(table, list) or not all(isinstance(row, list) for row in table):
        raise WrongInput("a slide's table is a list of rows")
    words = {name: raw.get(name, "") for name in ("title", "text", "notes", "source")}
    for name, value in words.items():
        if type(value) is not str:
            raise WrongInput(f"a slide's {name} is text")
    shown = tuple((str(name), str(source)) for name, source in pictures)
    return Slide(str(raw.get("kind")), **words, figure=figure, pictures=shown, table=tuple(map(tuple, table)))
