"""What classes guessed of finished runs: counts alone, by class code, run, quantity and bin. Neither names nor sessions are stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
import sqlite3
from uuid import uuid4

from core.domain.errors import WrongInput
from core.storage.access import actors
from core.storage.access.actors import Forbidden
from core.storage.runs import ResultStore

POOLS = 200  # of a class and a run; beyond that, those that were not guessed in for longest are removed
MOST = 1000  # guesses of a pool
QUANTITIES, BIN, NAME = 40, 99, 100  # the most: quantities of a guess, a bin's number, letters of a quantity


@dataclass(frozen=True)
class Counted:
    """A guess that is counted. round: of the pool, since when it was begun anew; a guess of an earlier round is in no count."""

    round: str
    bins: Mapping[str, int]


@dataclass(frozen=True)
class Pool:
    """guesses: how many. counts: quantity -> bin -> how many guesses lie there."""

    guesses: int
    counts: Mapping[str, Mapping[int, int]]


def count(store: ResultStore, code: str, run_id: str, bins: Mapping[str, int], earlier: Counted | None = None) -> Counted:
    """Adds a guess; earlier: the same reader's, which it replaces. Raises WrongInput where it is none, or the pool is full."""
    if not bins or len(bins) > QUANTITIES or not all(0 < len(name) <= NAME and 0 <= place <= BIN for name, place in bins.items()):
        raise WrongInput(f"A guess is 1 to {QUANTITIES} quantities, each with a bin from 0 to {BIN}.")
    now = datetime.now(UTC).isoformat()
    with store.db.transaction(readers=True) as write:  # a class that changes nothing may guess all the same
        row = write.execute("select round, guesses from guess_pools where code = ? and run_id = ?", (code, run_id)).fetchone()
        began = row["round"] if row else uuid4().hex[:12]
        replaces = earlier is not None and row is not None and earlier.round == began
        if row and row["guesses"] >= MOST and not replaces:
            raise WrongInput(f"Class {code} has {MOST:,} guesses of this run, which is the most; this one is not counted.")
        if row is None:
            _check_room(write)
            write.execute("insert into guess_pools values (?, ?, ?, 0, ?)", (code, run_id, began, now))
        write.execute("update guess_pools set guesses = guesses + ?, changed_at = ? where code = ? and run_id = ?",
                      (not replaces, now, code, run_id))  # fmt: skip
        if replaces and earlier is not None:
            write.executemany("update guess_counts set count = count - 1 where code = ? and run_id = ? and quantity = ? and bin = ?",
                              [(code, run_id, name, place) for name, place in earlier.bins.items()])  # fmt: skip
        write.executemany(
            "insert into guess_counts values (?, ?, ?, ?, 1) on conflict (code, run_id, quantity, bin) do update set count = count + 1",
            [(code, run_id, name, place) for name, place in bins.items()],
        )  # fmt: skip
        older = "select code, run_id from guess_pools order by changed_at desc, rowid desc limit -1 offset ?"
        old = [(one["code"], one["run_id"]) for one in write.execute(older, (POOLS,))]
        for table in ("guess_counts", "guess_pools"):
            write.executemany(f"delete from {table} where code = ? and run_id = ?", old)
    return Counted(began, dict(bins))


def _check_room(write: sqlite3.Connection) -> None:
    """Raises Forbidden where a reader's guess would push out that of another class."""
    acts = actors.current()
    if acts is not None and acts.member is None and write.execute("select count(*) from guess_pools").fetchone()[0] >= POOLS:
        raise Forbidden(f"{POOLS} classes have guessed, which is the most; a member of this server must begin another one.")


def pool(store: ResultStore, code: str, run_id: str) -> Pool:
    """All that a class guessed of a run so far."""
    found = store.db.read("select guesses from guess_pools where code = ? and run_id = ?", (code, run_id))
    counts: dict[str, dict[int, int]] = {}
    rows = store.db.read("select quantity, bin, count from guess_counts where code = ? and run_id = ? and count > 0", (code, run_id))
    for row in rows:
        counts.setdefault(row["quantity"], {})[row["bin"]] = row["count"]
    return Pool(found[0]["guesses"] if found else 0, counts)


def clear(store: ResultStore, code: str, run_id: str) -> None:
    """Begin anew."""
    with store.db.transaction() as write:
        for table in ("guess_counts", "guess_pools"):
            write.execute(f"delete from {table} where code = ? and run_id = ?", (code, run_id))
