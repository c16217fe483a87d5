"""Guesses of a class, in this home's store."""

from collections.abc import Mapping

from core.storage.audience import guesses
from core.storage.audience.guesses import Counted, Pool
from core.storage.runs import ResultStore
from dashboard.session import home


def count(code: str, run_id: str, bins: Mapping[str, int], earlier: Counted | None) -> Counted:
    """Adds one, in place of this reader's earlier one. Raises WrongInput."""
    with ResultStore(home().database) as store:
        return guesses.count(store, code, run_id, bins, earlier)


def pool(code: str, run_id: str) -> Pool:
    """All of a run so far."""
    with ResultStore(home().database) as store:
        return guesses.pool(store, code, run_id)


def clear(code: str, run_id: str) -> None:
    """Begin anew."""
    with ResultStore(home().database) as store:
        guesses.clear(store, code, run_id)
