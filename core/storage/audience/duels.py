"""Duels of this home: a bounded number, each under a short code; two browsers that act at once cannot both change one."""

from datetime import UTC, datetime
import re
import secrets
import sqlite3

from core.domain.duel import Duel, Rules
from core.domain.errors import WrongInput
from core.domain.json_checks import check_plain
from core.storage.runs import ResultStore

MOST = 200  # duels; the oldest makes room
LETTERS = "bcdfghjkmnpqrstvwxz23456789"  # no vowel makes a word of them, and none is taken for another
LENGTH = 4
_CODE = re.compile(f"[{LETTERS}]{{{LENGTH}}}")


def begin(store: ResultStore, rules: Rules) -> Duel:
    """A new duel, with a code that no other has."""
    with store.db.transaction() as write:
        return _added(write, rules)


def existing(store: ResultStore, code: str) -> Duel:
    """Raises WrongInput where there is no such duel, or its row is damaged."""
    code = code.strip().lower()
    if not _CODE.fullmatch(code):
        raise WrongInput(f"A duel's code is {LENGTH} letters and digits, such as k3f9; got {code[:40]!r}.")
    row = next(iter(store.db.read("select code, version, content from duels where code = ?", (code,))), None)
    if row is None:
        raise WrongInput(f"There is no duel {code} here: ask the other seat for its code, or begin another one.")
    return _read(row)


def change(store: ResultStore, before: Duel, after: Duel) -> Duel:
    """Store what follows the standing that was seen. Raises WrongInput where another browser has stored another one meanwhile."""
    with store.db.transaction() as write:
        _write(write, before, after)
    return after


def go_on(store: ResultStore, over: Duel, rules: Rules) -> Duel:
    """The duel that follows one that is over, begun now where neither seat has begun it; both or nothing is stored."""
    with store.db.transaction() as write:
        row = write.execute("select code, version, content from duels where code = ?", (over.code,)).fetchone()
        now = _read(row) if row else over
        if now.successor:
            found = write.execute("select code, version, content from duels where code = ?", (now.successor,)).fetchone()
            if found:
                return _read(found)
        begun = _added(write, rules)
        if row:
            _write(write, now, now.followed_by(begun.code))
    return begun


def _added(write: sqlite3.Connection, rules: Rules) -> Duel:
    taken = {row["code"] for row in write.execute("select code from duels")}
    code = next(one for one in iter(_drawn, "") if one not in taken)
    duel = Duel(code, rules)
    write.execute("insert into duels (code, version, content, created_at) values (?, ?, ?, ?)",
                  (code, duel.version, duel.to_json(), datetime.now(UTC).isoformat()))  # fmt: skip
    write.execute("delete from duels where rowid not in (select rowid from duels order by rowid desc limit ?)", (MOST,))
    return duel


def _write(write: sqlite3.Connection, before: Duel, after: Duel) -> None:
    values = (after.version, after.to_json(), before.code, before.version)
    if not write.execute("update duels set version = ?, content = ? where code = ? and version = ?", values).rowcount:
        raise WrongInput(f"Duel {after.code} has moved on in another browser, or is gone; here is how it stands now.")


def _read(row: sqlite3.Row) -> Duel:
    try:
        check_plain("version", row["version"], int)
        return Duel.from_json(row["code"], row["version"], row["content"])
    except WrongInput as wrong:
        raise WrongInput(f"The database's row of duel {row['code']} is damaged: {str(wrong).rstrip('.')}. Begin another one.") from None


def _drawn() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
