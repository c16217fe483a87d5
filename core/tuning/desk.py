"""Where several who make trials of one search at once ask for the next and tell what came of the last: it alone writes the journal.

Neither torch nor, until the first asks, Optuna.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
import threading
from typing import Any

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value
from core.storage.home import Home
from core.tuning import journal
from core.tuning.journal import FAILED, Search, Trial

PREPARED = 0.1  # of the progress, for what comes before the first trial
RANKED_EVERY = 25  # trials after which importances are computed anew; and at the end
MOST_LOST = 3  # makers of one trial that are lost, after which it has failed
LOST = f"The process that made it, or its machine, was gone without a word, {MOST_LOST} times."


@dataclass
class Given:
    """A trial that somebody makes, or that nobody makes any more. maker: '' where it was lost; losses: how often."""

    tried: dict[str, Value]
    maker: str
    losses: int = 0


class Desk:
    """Of one search, in one process; its calls may come from several threads. Numbers of trials are those in which they were asked for."""

    def __init__(self, home: Home, search_id: str) -> None:
        """Raises WrongInput where another process computes the search."""
        self._home, self._id = home, search_id
        self._lock = threading.Lock()
        self._given = dict[int, Given]()
        self._hold = journal.hold(home, search_id)

    def close(self) -> None:
        """Others may compute the search now."""
        self._hold.release()

    def ask(self, maker: str, seconds: float = 0.0, *, leave: bool = False) -> tuple[int, dict[str, Value]] | None:
        """Number and values of the trial that this maker makes next; None where there is none for it.

        seconds: that training its originals took. leave: whether it shall go unless nobody else makes trials. Asked again before it
        has told, the answer is the same.
        """
        from core.tuning.sampler import tried_by  # noqa: PLC0415  # late: it needs Optuna

        with self._lock:
            found = journal.read(self._home, self._id)
            if not found.prepared:
                journal.add(self._home, self._id, {"prepared": {"original": seconds}})
            for number, one in self._given.items():
                if one.maker == maker:
                    return number, one.tried
            if leave and any(one.maker for one in self._given.values()):
                return None
            if (next_one := self._next(found)) is None:
                return None
            if next_one in self._given:
                self._given[next_one].maker = maker
            else:
                running = [one.tried for one in self._given.values()]
                self._given[next_one] = Given(tried_by(found.plan, next_one, found.made, running), maker)
            return next_one, self._given[next_one].tried

    def _next(self, found: Search) -> int | None:
        lost = [number for number, one in self._given.items() if not one.maker]
        return min(lost) if lost else found.next_number(self._given)

    def tell(self, raw: Mapping[str, Any]) -> None:
        """Store a trial, from `journal.plain_trial`; nothing where its number is stored. Raises WrongInput where going on is useless."""
        with self._lock:
            before = journal.read(self._home, self._id)
            trial = self._checked(before, raw)
            self._given.pop(trial.number, None)
            if trial.number < len(before.trials) or trial.number in before.ahead:
                return
            found = self._store(before, trial)
        rank(self._home, found, len(before.trials), self._lock)
        found.check_hope()

    def gone(self, maker: str) -> None:
        """What it was making is made by another; a trial that so many were lost with has failed."""
        with self._lock:
            for number, one in list(self._given.items()):
                if one.maker != maker:
                    continue
                one.maker, one.losses = "", one.losses + 1
                if one.losses >= MOST_LOST:
                    del self._given[number]
                    self._store(journal.read(self._home, self._id), Trial(number, one.tried, FAILED, why=LOST))

    def standing(self) -> tuple[float, str]:
        """Progress, and what is being done, in words."""
        with self._lock:
            makers = sum(bool(one.maker) for one in self._given.values())
        found = journal.read(self._home, self._id)
        at_once = f", {makers} at once" if makers > 1 else ""
        return share_of(found), f"trial {len(found.made) + 1}, {found.plan.mode}{at_once}"

    def _checked(self, found: Search, raw: Mapping[str, Any]) -> Trial:
        try:
            return journal.checked(found, raw)
        except (ValueError, KeyError, TypeError) as wrong:
            raise WrongInput(f"A trial of search {self._id} came damaged ({wrong!s:.120}).") from None

    def _store(self, found: Search, trial: Trial) -> Search:
        journal.add_trial(self._home, self._id, trial, ahead=trial.number > len(found.trials))
        return journal.read(self._home, self._id)


def share_of(found: Search) -> float:
    """The progress of a search that is prepared."""
    return PREPARED + (1 - PREPARED) * found.plan.budget.share(len(found.made), found.took)


def rank(home: Home, found: Search, before: int, lock: AbstractContextManager[Any] | None = None) -> None:
    """Compute and store importances where they are due. before: trials that there were before the last. lock: of who else writes."""
    if not found.complete and len(found.trials) // RANKED_EVERY == before // RANKED_EVERY:
        return
    from core.tuning.sampler import importances  # noqa: PLC0415  # late: it needs Optuna

    if ranked := importances(found.plan, found.trials):
        with lock or nullcontext():
            journal.add(home, found.id, {"importances": ranked})
