"""What SQLite itself refuses to who is logged in: temporary triggers on every table, of one connection, that pass a person's own rows.

They are the guard behind all code that writes; whatever calls it, a row that is somebody else's cannot be changed. The rest of the
code only says so earlier, in a better sentence.
"""

import sqlite3

from core.storage.access import actors
from core.storage.access.actors import ADMIN, CHANGES_NOTHING, Actor, Forbidden

COUNTERS = ("revision", "finished_revision", "queue_revision")  # grow by themselves with what else is changed
_ME = "forgetscope_member()"  # id of who acts; null for a reader
_OWN = f"{{row}}.owner = {_ME}"
_OF_RUN = f"exists (select 1 from main.runs where id = {{row}}.run_id and owner = {_ME})"
_OF_STUDY = f"exists (select 1 from main.studies where id = {{row}}.study_id and owner = {_ME})"
_OF_DECK = f"exists (select 1 from main.decks where id = {{row}}.deck and owner = {_ME})"
_ANY_MEMBER = f"{_ME} is not null"
_ANYBODY, _NOBODY = "1", "0"
INSERT, UPDATE, DELETE = "insert", "update", "delete"
# Table -> what must hold of a row that is written: of a new one, of a changed one before and after, of one that goes.
RULES: dict[str, dict[str, str]] = {
    **{table: dict.fromkeys((INSERT, UPDATE, DELETE), _OWN) for table in ("runs", "studies", "jobs", "decks", "trash")},
    **{table: dict.fromkeys((INSERT, UPDATE, DELETE), _OF_RUN) for table in ("measurements", "artifacts", "stands", "companions")},
    "study_runs": {INSERT: _OF_STUDY, UPDATE: _OF_STUDY, DELETE: f"{_OF_STUDY} or {_OF_RUN}"},  # a run that is deleted leaves studies
    "slides": dict.fromkeys((INSERT, UPDATE, DELETE), _OF_DECK),
    "duels": dict.fromkeys((INSERT, UPDATE, DELETE), _ANY_MEMBER),  # whoever has the code plays
    "guess_pools": {INSERT: _ANYBODY, UPDATE: _ANYBODY, DELETE: _ANY_MEMBER},  # guesses of a class, by whoever has its code
    "guess_counts": {INSERT: _ANYBODY, UPDATE: _ANYBODY, DELETE: _ANY_MEMBER},
    "kept": dict.fromkeys((INSERT, UPDATE, DELETE), _NOBODY),  # what computing leaves
}
NOUNS = {
    "runs": "run", "measurements": "run", "artifacts": "run", "stands": "run", "companions": "run", "studies": "study",
    "study_runs": "study", "jobs": "job", "decks": "deck", "slides": "deck", "trash": "deleted run or study", "kept": "stored result",
}  # fmt: skip
_MARK = "forgetscope: not yours: "
_ROWS = {INSERT: ("new",), UPDATE: ("old", "new"), DELETE: ("old",)}


class Guard:
    """Of one connection of a person's: it reads, but in a transaction, before which the guard is told who acts."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._actor: Actor | None = None
        self._db = db
        self._set = False
        self.close()

    def admit(self, actor: Actor | None, *, readers: bool = False) -> None:
        """Before a transaction of this person's; None: the system's. readers: it is one that readers may begin. Raises Forbidden."""
        self._actor = actor
        if actor is not None and actor.member is None and not readers:
            raise Forbidden(CHANGES_NOTHING)
        self._db.execute("pragma query_only = off")
        if not self._set and actor is not None and actor.role != ADMIN:
            self._arm()

    def close(self) -> None:
        """Outside a transaction nothing is written, whatever SQL is read with."""
        self._db.execute("pragma query_only = on")

    def _arm(self) -> None:
        self._db.create_function("forgetscope_free", 0, self._free)
        self._db.create_function("forgetscope_member", 0, lambda: self._actor.member if self._actor else None)
        for sql in triggers():
            self._db.execute(sql)
        self._set = True

    def _free(self) -> int:
        return int(self._actor is None or self._actor.role == ADMIN or actors.is_system())


def triggers() -> list[str]:
    """SQL of all; what holds of no row for certain (null) is refused too."""
    found = []
    for table, rules in RULES.items():
        for event, rule in rules.items():
            if rule != _ANYBODY:
                holds = " and ".join(f"({rule.format(row=row)})" for row in _ROWS[event])
                found.append(
                    f"create temp trigger guard_{table}_{event} before {event} on main.{table} "
                    f"when not forgetscope_free() and ({holds}) is not true begin select raise(abort, '{_MARK}{table}'); end"
                )
    return found


def forbidden(error: sqlite3.Error) -> Forbidden | None:
    """What the guard refused, as a sentence; None for every other error."""
    text = str(error)
    if not text.startswith(_MARK):
        return None
    noun = NOUNS.get(text.removeprefix(_MARK), "entry")
    return Forbidden(f"This {noun} is somebody else's: only its owner or an admin of this server may change it.")
