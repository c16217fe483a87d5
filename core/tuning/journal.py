"""Searches of settings as they are stored: one file each in the home, a line for the plan and one for each trial, only ever added to.

Whoever stops a search, or ends its process, loses at most the trial that was being made. Neither torch nor Optuna.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value
from core.storage.home import Home
from core.storage.queues.line_files import LineFiles
from core.tuning.objectives import Values, closest, front
from core.tuning.plan import Budget, SearchPlan, budget_from

DONE, DIVERGED, FAILED = "done", "diverged", "failed"
STATES = (DONE, DIVERGED, FAILED)


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
    """A stored search. importances: objective -> parameter -> share of the variance, after so many trials; prepared: stage -> seconds."""

    plan: SearchPlan
    created: datetime
    trials: tuple[Trial, ...] = ()
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    prepared: Mapping[str, float] = field(default_factory=dict)

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
    def took(self) -> float:
        """Seconds of all trials."""
        return sum(trial.took for trial in self.trials)

    @property
    def complete(self) -> bool:
        """Whether its budget is spent."""
        return self.plan.budget.spent(len(self.trials), self.took)

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


def add_trial(home: Home, search_id: str, trial: Trial) -> None:
    """`add` of a trial."""
    add(home, search_id, {"trial": {**vars(trial), "tried": dict(trial.tried), "values": dict(trial.values), "told": dict(trial.told)}})


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


def _with_line(found: Search, line: dict[str, Any]) -> Search:
    """The search with one more line. Raises ValueError, KeyError or TypeError where it is damaged."""
    if "trial" in line:
        trial = Trial(**line["trial"])
        wrong = trial.number != len(found.trials) or trial.state not in STATES
        if wrong or (trial.state == DONE and not all(isfinite(trial.values[key]) for key in found.plan.objectives)):
            raise ValueError("no trial that could follow")
        return replace(found, trials=(*found.trials, trial))
    if "budget" in line:
        budget: Budget = budget_from(line["budget"])
        return replace(found, plan=found.plan.with_budget(budget))
    if "importances" in line:
        return replace(found, importances={key: {n: float(v) for n, v in of.items()} for key, of in line["importances"].items()})
    return replace(found, prepared={stage: float(seconds) for stage, seconds in line["prepared"].items()})
