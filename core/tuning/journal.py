"""Searches of settings as they are stored: one file each in the home, a line for the plan and one for each trial, only ever added to.

Whoever stops a search, or ends its process, loses at most the trial that was being made. Neither torch nor Optuna.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
import json
from math import isfinite
import os
from pathlib import Path
import re
from typing import Any

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value
from core.storage import permissions
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home
from core.tuning.objectives import Values, closest, front
from core.tuning.plan import Budget, SearchPlan, budget_from

DONE, DIVERGED, FAILED = "done", "diverged", "failed"
STATES = (DONE, DIVERGED, FAILED)
LARGEST = 16 * 2**20  # bytes of a journal that is read
ID = re.compile(r"[0-9a-f]{12}")


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


def file_of(home: Home, search_id: str) -> Path:
    """Where a search is stored. Raises WrongInput for what is no id."""
    if not ID.fullmatch(search_id):
        raise no_such(search_id)
    return home.tuning_folder / f"{search_id}.jsonl"


def no_such(search_id: str) -> WrongInput:
    """The one sentence for a search that is not there."""
    return WrongInput(f"There is no search {search_id!r:.40}; `python -m core tune list` lists those that there are.")


def begin(home: Home, plan: SearchPlan) -> None:
    """Store a plan; of a search that is there, its budget alone."""
    path = file_of(home, plan.id)
    with told(path):
        path.parent.mkdir(exist_ok=True, mode=permissions.FOLDER)
    if not path.is_file():
        add(home, plan.id, {"search": plan.to_plain(), "created": datetime.now(UTC).isoformat()})
    elif read(home, plan.id).plan.budget != plan.budget:
        add(home, plan.id, {"budget": plan.to_plain()["budget"]})


def add(home: Home, search_id: str, line: Mapping[str, Any]) -> None:
    """One more line, on the disk when this returns; what a process that was ended has half written before it is cut off."""
    path = file_of(home, search_id)
    with told(path), open(path, "a+b", opener=permissions.opener) as stream:
        if torn := _torn(stream.read() if stream.seek(0) == 0 else b""):
            stream.truncate(stream.seek(0, os.SEEK_END) - torn)
        stream.write(json.dumps(line, allow_nan=False).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def _torn(content: bytes) -> int:
    """Bytes behind the last whole line."""
    return len(content) - (content.rfind(b"\n") + 1)


def add_trial(home: Home, search_id: str, trial: Trial) -> None:
    """`add` of a trial."""
    add(home, search_id, {"trial": {**vars(trial), "tried": dict(trial.tried), "values": dict(trial.values), "told": dict(trial.told)}})


def remove(home: Home, search_id: str) -> None:
    """Forget a search. Raises WrongInput where there is none."""
    path = file_of(home, search_id)
    if not path.is_file():
        raise no_such(search_id)
    with told(path):
        path.unlink()
        path.with_suffix(".lock").unlink(missing_ok=True)


def ids(home: Home) -> list[str]:
    """Of every stored search, the one that changed last first."""
    found = dict[str, float]()
    for path in home.tuning_folder.glob("*.jsonl"):
        if ID.fullmatch(path.stem):
            with suppress(FileNotFoundError):
                found[path.stem] = path.stat().st_mtime
    return sorted(found, key=lambda one: -found[one])


def stamp(home: Home, search_id: str) -> tuple[int, int]:
    """Changes whenever the search does. Raises WrongInput where there is none."""
    try:
        about = file_of(home, search_id).stat()
    except FileNotFoundError:
        raise no_such(search_id) from None
    return about.st_mtime_ns, about.st_size


def read(home: Home, search_id: str) -> Search:
    """Raises WrongInput where there is none, or its plan is damaged; a trial that is damaged, and those behind it, are made anew."""
    path = file_of(home, search_id)
    if not path.is_file():
        raise no_such(search_id)
    with told(path), open(path, "rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise WrongInput(f"{path.name} is larger than {LARGEST // 2**20} MB, which no search becomes; remove it.")
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    try:
        first = json.loads(lines[0]) if lines else {}
        plan, created = SearchPlan.from_plain(first["search"]), datetime.fromisoformat(first["created"])
    except (ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise WrongInput(f"The search in {path.name} is damaged ({str(wrong)[:120]}); remove it and start it anew.") from None
    found = Search(plan, created)
    for line in lines[1:]:
        try:
            found = _with_line(found, json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


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
