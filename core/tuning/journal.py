"""Searches of settings as they are stored: one file each in the home, a line for the plan and one for each trial, only ever added to.

Whoever stops a search, or ends its process, loses at most the trial that was being made. Neither torch nor Optuna.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from math import isfinite
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value
from core.storage.home import Home
from core.storage.queues.line_files import LineFiles
from core.tuning.objectives import Values, closest, front
from core.tuning.plan import MOST_TRIALS, Budget, SearchPlan, budget_from

DONE, DIVERGED, FAILED = "done", "diverged", "failed"
STATES = (DONE, DIVERGED, FAILED)
HOPELESS = 10  # trials, all of them failed, after which a search ends
HELD = 5.0  # seconds that whoever computes a search waits for another who does


@dataclass(frozen=True)
class Trial:
    """tried: the values of the tuned parameters; empty of trial 0 where the preset has one that no range holds.

    values: of the objectives, by key, empty unless it is done; told: accuracies and the attack's AUC behind them, by name; seconds: of the
    method alone; took: of the whole trial, its measurement included; why: a sentence, unless it is done.
    """

    number: int
    tried: Mapping[str, Value]
    state: str = DONE
    values: Values = field(default_factory=dict)
    told: Values = field(default_factory=dict)
    seconds: float = 0.0
    took: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Search:
    """A stored search. importances: objective -> parameter -> share of the variance, after so many trials; prepared: stage -> seconds.

    ahead: by number, trials that were made before one of a lower number was, where several are made at once; they join `trials` then.
    """

    plan: SearchPlan
    created: datetime
    trials: tuple[Trial, ...] = ()
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    prepared: Mapping[str, float] = field(default_factory=dict)
    ahead: Mapping[int, Trial] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The plan's."""
        return self.plan.id

    @property
    def done(self) -> dict[int, Values]:
        """Number -> objectives, of the trials that are done."""
        return {trial.number: trial.values for trial in self.trials if trial.state == DONE}

    @property
    def front(self) -> set[int]:
        """Numbers of the trials that no other beats."""
        return front(self.done, self.plan.measured)

    @property
    def closest(self) -> int | None:
        """The trial that is closest to the best that there could be."""
        return closest(self.done, self.plan.measured)

    @property
    def made(self) -> list[Trial]:
        """All trials, those ahead at the end."""
        return [*self.trials, *(self.ahead[number] for number in sorted(self.ahead))]

    @property
    def took(self) -> float:
        """Seconds of all trials."""
        return sum(trial.took for trial in self.made)

    @property
    def complete(self) -> bool:
        """Whether its budget is spent, and no trial is missing below another."""
        return not self.ahead and self.plan.budget.spent(len(self.trials), self.took)

    @property
    def left(self) -> int:
        """How many trials are still to be made, at most `MOST_TRIALS`: those that the budget leaves, or are missing below others."""
        made, budget = len(self.made), self.plan.budget
        missing = max(self.ahead, default=-1) + 1 - made
        allowed = MOST_TRIALS if budget.trials is None else budget.trials - made
        return max(0, missing, 0 if budget.spent(0, self.took) else allowed)

    def next_number(self, given: Collection[int] = ()) -> int | None:
        """The lowest that is neither made nor given to somebody who makes it; None where the budget leaves none."""
        number = next(one for one in count(len(self.trials)) if one not in self.ahead and one not in given)
        missing = any(number < one for one in (*self.ahead, *given))
        return None if not missing and self.plan.budget.spent(number, self.took) else number

    def check_hope(self) -> None:
        """Raises WrongInput where there were many trials and all of them failed."""
        if len(self.trials) >= HOPELESS and all(one.state == FAILED for one in self.trials):
            raise WrongInput(f"The first {len(self.trials)} trials all failed, the last of them so: {self.trials[-1].why}")

    def trial(self, number: int) -> Trial:
        """Raises WrongInput."""
        if not 0 <= number < len(self.trials):
            raise WrongInput(f"Search {self.id} has {len(self.trials)} trials, from 0 on; there is no trial {number}.")
        return self.trials[number]


def files(home: Home) -> LineFiles:
    """Where searches are stored."""
    return LineFiles(home.tuning_folder, "search", "tune list")


def file_of(home: Home, search_id: str) -> Path:
    """Where a search is stored. Raises WrongInput for what is no id."""
    return files(home).file_of(search_id)


def begin(home: Home, plan: SearchPlan) -> None:
    """Store a plan; of a search that is there, its budget alone."""
    if not files(home).begin(plan.id, plan.to_plain()) and read(home, plan.id).plan.budget != plan.budget:
        add(home, plan.id, {"budget": plan.to_plain()["budget"]})


def add(home: Home, search_id: str, line: Mapping[str, Any]) -> None:
    """One more line, on the disk when this returns."""
    files(home).add(search_id, line)


def add_trial(home: Home, search_id: str, trial: Trial, *, ahead: bool = False) -> None:
    """`add` of a trial. ahead: of one whose number is not the next."""
    add(home, search_id, {"ahead" if ahead else "trial": plain_trial(trial)})


def plain_trial(trial: Trial) -> dict[str, Any]:
    """What `Trial` takes, as plain data."""
    return {**vars(trial), "tried": dict(trial.tried), "values": dict(trial.values), "told": dict(trial.told)}


def hold(home: Home, search_id: str) -> FileLock:
    """The lock of whoever computes a search, held until it is released. Raises WrongInput where another has it for more than a moment."""
    lock = FileLock(file_of(home, search_id).with_suffix(".lock"), thread_local=False)
    try:
        lock.acquire(timeout=HELD)
    except Timeout:
        raise WrongInput(f"Search {search_id} is being computed by another process.") from None
    return lock


def remove(home: Home, search_id: str) -> None:
    """Forget a search. Raises WrongInput where there is none."""
    files(home).remove(search_id)


def ids(home: Home) -> list[str]:
    """Of every stored search, the one that changed last first."""
    return files(home).ids()


def stamp(home: Home, search_id: str) -> tuple[int, int]:
    """Changes whenever the search does. Raises WrongInput where there is none."""
    return files(home).stamp(search_id)


def read(home: Home, search_id: str) -> Search:
    """Raises WrongInput where there is none, or its plan is damaged; a trial that is damaged, and those behind it, are made anew."""
    return files(home).read(search_id, lambda plan, created: Search(SearchPlan.from_plain(plan), created), _with_line)


def checked(found: Search, raw: Mapping[str, Any]) -> Trial:
    """A trial of the search, from `plain_trial`. Raises ValueError, KeyError or TypeError where it is none."""
    trial = Trial(**raw)
    whole = type(trial.number) is int and trial.number >= 0 and trial.state in STATES
    if not whole or (trial.state == DONE and not all(isfinite(trial.values[key]) for key in found.plan.objectives)):
        raise ValueError("no trial")
    return trial


def _with_line(found: Search, line: dict[str, Any]) -> Search:
    """The search with one more line. Raises ValueError, KeyError or TypeError where it is damaged."""
    if "trial" in line:
        trial = checked(found, line["trial"])
        if trial.number != len(found.trials):
            raise ValueError("no trial that could follow")
        trials, ahead = [*found.trials, trial], dict(found.ahead)
        while len(trials) in ahead:
            trials.append(ahead.pop(len(trials)))
        return replace(found, trials=tuple(trials), ahead=ahead)
    if "ahead" in line:
        trial = checked(found, line["ahead"])
        if trial.number <= len(found.trials) or trial.number in found.ahead:
            raise ValueError("no trial that could be ahead")
        return replace(found, ahead={**found.ahead, trial.number: trial})
    if "budget" in line:
        budget: Budget = budget_from(line["budget"])
        return replace(found, plan=found.plan.with_budget(budget))
    if "importances" in line:
        return replace(found, importances={key: {n: float(v) for n, v in of.items()} for key, of in line["importances"].items()})
    return replace(found, prepared={stage: float(seconds) for stage, seconds in line["prepared"].items()})
