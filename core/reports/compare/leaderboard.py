"""A leaderboard: methods by tasks, each cell a rank by the gap to the reference, as far as 95 % intervals tell methods apart.

A task is what runs must share to be ranked against each other: dataset, model, request (without its draw), and the part of the engine's
version that all methods share, which the training recipe is part of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from core.domain.code_version import shared_part
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.reports.compare.comparison import other_metrics
from core.reports.compare.paired_differences import aligned, each_from_each, significantly_more
from core.reports.compare.runs_by_seed import scenarios
from core.reports.compare.unchanged_methods import excess, unchanged
from core.reports.intervals import Pair, Spread, spread

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("average_gap", "js_to_reference", "activation_distance")  # distances to each run's own reference: lower is better
COLUMNS = (
    *("method", "dataset", "model", "request", "engine", "rank", "rank_to", "gap", "half_width", "n", "unchanged", "second_reference"),
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Task:
    """What runs are about that can be ranked."""

    dataset: str
    model: str
    request: str
    engine: str

    @property
    def title(self) -> str:
        """Without the engine."""
        return f"{self.request} · {self.dataset} · {self.model}"


@dataclass(frozen=True)
class Cell:
    """A method on a task. gap: over its seeds and draws.

    rank: one more than the methods that are surely nearer to the reference; rank_to: the last that it may have, those being behind that
    are surely farther from it. None of a method that is not ranked, since it left the network unchanged.
    """

    gap: Spread
    rank: int | None = None
    rank_to: int | None = None

    @property
    def middle(self) -> float | None:
        """Of its ranks, for a mean over tasks; None where it has none, or of fewer than two runs, which tell it from nobody."""
        return None if self.rank is None or self.rank_to is None or self.gap.n < 2 else (self.rank + self.rank_to) / 2

    @property
    def rank_text(self) -> str:
        """`2`, `2-4`; `unchanged`."""
        if self.rank is None:
            return "unchanged"
        return str(self.rank) if self.rank == self.rank_to else f"{self.rank}-{self.rank_to}"


@dataclass(frozen=True)
class Row:
    """A method with the settings that were asked for. mean_rank: of the middle of its ranks, over the tasks on which it has one."""

    method: str
    cells: Mapping[Task, Cell]
    mean_rank: Spread


@dataclass(frozen=True)
class Leaderboard:
    """tasks: those with the most methods first. rows: those with a mean rank of the most tasks first, of them the best. second: how far a
    second retraining lies from the reference, where a task has one: no method can be expected to come nearer. several: a sentence where
    metrics of extensions were measured by several versions in one task; '' else."""

    measure: str
    tasks: tuple[Task, ...]
    rows: tuple[Row, ...]
    second: Mapping[Task, Spread]
    several: str = ""

    @property
    def caution(self) -> str:
        """What must be said where mean ranks are of different tasks; '' where they are not."""
        some = [row.method for row in self.rows if row.mean_rank.n < len(self.tasks)]
        if not some:
            return ""
        lacking = f"{len(some)} of {len(self.rows)} methods are not ranked by two runs on all {len(self.tasks)}"
        return f"Mean ranks are comparable only over the same tasks; {lacking}."

    def table(self) -> list[dict[str, Any]]:
        """One record a method and task, by COLUMNS; what is not there is None."""
        return [
            {
                "method": row.method, "dataset": task.dataset, "model": task.model, "request": task.request, "engine": task.engine,
                "rank": cell.rank, "rank_to": cell.rank_to, "gap": cell.gap.mean if isfinite(cell.gap.mean) else None,
                "half_width": cell.gap.half_width, "n": cell.gap.n, "unchanged": cell.rank is None,
                "second_reference": self.second[task].mean if task in self.second else None,
            }
            for task in self.tasks for row in self.rows if (cell := row.cells.get(task))
        ]  # fmt: skip


def leaderboard(frame: "pd.DataFrame", names: Mapping[str, str], measure: str = MEASURES[0]) -> Leaderboard:
    """frame: as `comparison.comparison`, newest runs first; names: run -> what its method is called here, others are left out.

    A task needs two methods that are ranked. Of a method's runs on one task those of its newest version count, one for each seed and draw.
    """
    own = frame[frame["id"].isin(names)] if measure in frame else frame.iloc[:0]
    own = own[own[measure].notna()] if len(own) else own
    keys = _tasks(own)
    cells: dict[Task, dict[str, Cell]] = {}
    second: dict[Task, Spread] = {}
    several = ""
    for task in dict.fromkeys(keys):
        here = own[[key == task for key in keys]]
        floor = here[here["method"] == SECOND_REFERENCE_METHOD]
        ranked = _cells(here[here["method"] != SECOND_REFERENCE_METHOD], here, names, measure)
        if sum(cell.rank is not None for cell in ranked.values()) > 1:
            cells[task] = ranked
            several = several or other_metrics(here)
            if len(floor):
                second[task] = spread(floor[measure])
    tasks = sorted(cells, key=lambda task: (-len(cells[task]), task))
    return Leaderboard(measure, tuple(tasks), tuple(_rows(tasks, cells)), second, several)


def _tasks(frame: "pd.DataFrame") -> list[Task]:
    if not len(frame):
        return []
    parts = zip(frame["dataset"], frame["model"], scenarios(frame), map(shared_part, frame["engine"]), strict=True)
    return [Task(*map(str, part)) for part in parts]


def _cells(runs: "pd.DataFrame", task: "pd.DataFrame", names: Mapping[str, str], measure: str) -> dict[str, Cell]:
    """Of the runs of one task: what a method is called -> its cell. task: the same with second retrainings."""
    called = runs["id"].map(names)
    newest = runs.assign(called=called).drop_duplicates("called").set_index("called")["engine"]
    runs = runs[runs["engine"].to_numpy() == called.map(newest).to_numpy()]
    runs = runs.assign(called=runs["id"].map(names)).drop_duplicates(["called", "seed", "draw"])
    methods = list(dict.fromkeys(runs["called"]))
    members = [np.flatnonzero(runs["called"] == name) for name in methods]
    heads = [str(runs["method"].iloc[here[0]]) for here in members]
    marks = unchanged(excess(runs.drop(columns="called"), task), members, heads)
    gaps = {name: _by_pair(runs.iloc[here], measure) for name, here in zip(methods, members, strict=True)}
    ranked = [name for name, mark in zip(methods, marks, strict=True) if not mark]
    places = dict(zip(ranked, ranks(aligned([gaps[name] for name in ranked])), strict=True))
    return {name: Cell(spread(gaps[name].values()), *places.get(name, (None, None))) for name in methods}


def _by_pair(runs: "pd.DataFrame", measure: str) -> dict[Pair, float]:
    pairs = zip(runs["seed"].tolist(), runs["draw"].tolist(), strict=True)
    return dict(zip(pairs, map(float, runs[measure]), strict=True))


def ranks(costs: ArrayLike) -> list[tuple[int, int]]:
    """Of each of G methods the best and the last rank that its differences from the others leave; costs: (G, S), lower is better.

    A difference counts where its 95 % interval, paired by seed and draw, does not contain zero: methods of which none can be told from
    another all have the first rank, and all may have the last.
    """
    array = np.asarray(costs, float)
    if len(array) < 2:
        return [(1, 1)] * len(array)
    beats = significantly_more(*each_from_each(array))
    ahead, behind = beats.sum(0), beats.sum(1)
    return [(1 + int(better), len(array) - int(worse)) for better, worse in zip(ahead, behind, strict=True)]


def _rows(tasks: Sequence[Task], cells: Mapping[Task, Mapping[str, Cell]]) -> list[Row]:
    methods = dict.fromkeys(name for task in tasks for name in cells[task])
    rows = []
    for name in methods:
        own = {task: cells[task][name] for task in tasks if name in cells[task]}
        rows.append(Row(name, own, spread(cell.middle for cell in own.values() if cell.middle is not None)))
    return sorted(rows, key=lambda row: (-row.mean_rank.n, row.mean_rank.mean if row.mean_rank.n else 0.0, row.method))
