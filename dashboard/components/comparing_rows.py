"""Runs as rows of a table: one a run, or one a method and its settings with the interval over seeds. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
import warnings

import numpy as np
import pandas as pd

from core.spread import FEW, spread
from core.verdict import Numbers

SUBJECT = ("dataset", "model", "request")  # what runs must share to be held side by side
GROUP = (*SUBJECT, "method", "settings", "reference", "engine")  # what runs share that differ by their seed alone


@dataclass(frozen=True)
class Rows:
    """`about`: the words of each row, with `id` (of the newest run in it), `ids` (all of them) and `n` (how many).

    values: the numbers (means where several runs are in a row). halves: half the width of their 95 % intervals, nan
    where there is none. gaps: mean distance to the run's own reference, nan where there is none.
    """

    about: pd.DataFrame
    values: pd.DataFrame
    halves: pd.DataFrame
    gaps: pd.DataFrame

    @property
    def few(self) -> int:
        """How many rows have too few runs in them for a claim."""
        return int((self.about["n"] < FEW).sum())


def several_seeds(frame: pd.DataFrame) -> bool:
    """Whether any two runs differ by their seed alone."""
    return bool(frame.duplicated(list(GROUP)).any())


def rows_of(frame: pd.DataFrame, columns: Sequence[str], over_seeds: bool) -> Rows:
    """frame: as `core.comparison.comparison` makes it. One row a run, or one a group of runs that differ by seed."""
    gaps = distances(frame, columns)
    if not over_seeds:
        about = frame[["id", *GROUP, "seed"]].assign(ids=frame["id"].map(lambda i: (i,)), n=1).reset_index(drop=True)
        values = frame[list(columns)].reset_index(drop=True)
        return Rows(about, values, values * nan, gaps.reset_index(drop=True))
    group = frame.groupby(list(GROUP), sort=False).ngroup().to_numpy()
    members = [np.flatnonzero(group == number) for number in range(group.max() + 1)]  # each in the frame's order
    numbers, far = frame[list(columns)].to_numpy(float), gaps.to_numpy(float)
    found = [[spread(numbers[here, column]) for column in range(len(columns))] for here in members]
    ids = frame["id"].to_numpy(object)
    about = frame[["id", *GROUP]].iloc[[here[0] for here in members]].reset_index(drop=True)
    about = about.assign(ids=pd.Series([tuple(ids[here]) for here in members], dtype=object), n=[len(here) for here in members])
    means = [[s.mean for s in row] for row in found]
    halves = [[nan if s.half_width is None else s.half_width for s in row] for row in found]
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # the mean of no gap at all is nan
        apart = [np.nanmean(far[here], axis=0) for here in members]
    return Rows(about, *(pd.DataFrame(part, columns=list(columns)) for part in (means, halves, apart)))


def distances(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """|value - the reference's own value| of each run; nan where the reference has none."""
    nothing = pd.Series(nan, frame.index)
    return pd.DataFrame(
        {name: (frame[name] - frame.get(f"reference.{name}", nothing)).abs() for name in columns}, index=frame.index
    )


def numbers_by_seed(frame: pd.DataFrame, chosen: "pd.Series[bool]") -> dict[int, Numbers]:
    """seed -> model -> metric -> value, of the chosen runs; what a run has no number of is left out."""
    found: dict[int, Numbers] = {}
    for row in frame[chosen.to_numpy()].to_dict("records"):
        numbers: Numbers = {"unlearned": {}, "original": {}, "reference": {}}
        for name, value in row.items():
            model, dot, metric = str(name).rpartition(".")
            if isinstance(value, float) and not isnan(value):
                numbers[model if dot else "unlearned"][metric] = value
        found.setdefault(int(row["seed"]), numbers)
    return found


def differing(frame: pd.DataFrame) -> dict[str, str]:
    """id -> those of a run's settings that not all runs of its method share."""
    parts = {i: dict.fromkeys(str(text).split(" · ")) for i, text in zip(frame["id"], frame["settings"], strict=True)}
    found: dict[str, str] = {}
    for _, ids in frame.groupby("method", sort=False)["id"]:
        shared = set.intersection(*(set(parts[i]) for i in ids))
        found |= {i: " · ".join(part for part in parts[i] if part not in shared) for i in ids}
    return found


def names_of(frame: pd.DataFrame) -> dict[str, str]:
    """id -> a short name that tells the run from every other in the frame."""
    told = differing(frame)
    more = [name for name in SUBJECT if frame[name].nunique() > 1]
    names = {}
    for row in frame[["id", *SUBJECT, "method", "seed"]].to_dict("records"):
        subject = (shortened(str(row[name])) for name in more)
        words = [row["method"], *subject, shortened(told[row["id"]], 40), f"seed {row['seed']}"]
        names[row["id"]] = " · ".join(filter(None, words))
    again = pd.Series(names).duplicated(keep=False)
    return {i: f"{name} · {i[:6]}" if again[i] else name for i, name in names.items()}


def shortened(text: str, limit: int = 24) -> str:
    """Long lists of samples are cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
