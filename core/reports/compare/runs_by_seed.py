"""Runs as rows of a table: one a run, or one a method and its settings with the interval over its seeds.

The one place where numbers of several seeds are taken together, for the Compare and Studies pages and the command line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import TYPE_CHECKING
import warnings

import numpy as np
from numpy.typing import NDArray

from core.domain.code_version import shared_part
from core.domain.seed_lists import covers
from core.reports.intervals import FEW, Pair, Spread, spread
from core.reports.verdict import Numbers

if TYPE_CHECKING:
    import pandas as pd

SUBJECT = ("dataset", "model", "request")  # what runs must share to be compared
GROUP = (*SUBJECT, "method", "settings", "reference", "engine")  # what runs share that differ by their seed alone
ONCE = (*SUBJECT, "seed", "engine")  # what runs share that have one original and one reference


@dataclass(frozen=True)
class Rows:
    """`about`: the text columns, with `id` (of the newest run in the row), `ids` (all of them), `n` (how many), `seeds`, `draws`;
    `of`, whose numbers they are (unlearned, original or reference), and whether it is `unchanged`: see `comparison_table`.

    values: the numbers (means where several runs are in a row). halves: half the width of their 95 % intervals, nan
    where there is none. gaps: mean distance to the run's own reference, nan where there is none. counts: of how many of its runs a row
    has each number. seeds, draws: how many different
    seeds and draws of the forget set the runs of a row have; 0 draws where none is drawn. series: (2, columns, rows, pairs), values
    and gaps by seed and draw, nan where a row has no such run; None of single runs. variability: column -> how far two retrained
    networks lie apart.
    """

    about: "pd.DataFrame"
    values: "pd.DataFrame"
    halves: "pd.DataFrame"
    gaps: "pd.DataFrame"
    counts: "pd.DataFrame"
    series: NDArray[np.float64] | None = None
    variability: Mapping[str, float] = field(default_factory=dict)

    @property
    def ranked(self) -> NDArray[np.bool_]:
        """Which rows are compared with each other: methods that changed something."""
        return np.asarray((self.about["of"] == "unlearned") & ~self.about["unchanged"].astype(bool))

    @property
    def covers(self) -> list[str]:
        """What the rows' intervals cover, each once."""
        rows = self.about[self.about["n"] > 1]
        return list(dict.fromkeys(covers(seeds, draws) for seeds, draws in zip(rows["seeds"], rows["draws"], strict=True)))

    @property
    def few(self) -> int:
        """How many rows have too few runs in them for a claim."""
        return int(((self.about["n"] < FEW) & (self.about["of"] == "unlearned")).sum())


def of_model(frame: "pd.DataFrame", columns: Sequence[str], prefix: str) -> dict[str, Spread]:
    """Metric -> spread over the frame's rows, of those columns under the prefix ('' is the unlearned model's) that have values."""
    mine = [name for name in columns if (name.startswith(prefix) if prefix else "." not in name)]
    spreads = {name.removeprefix(prefix): spread(frame[name]) for name in mine}
    return {metric: over for metric, over in spreads.items() if over.n}


def once(frame: "pd.DataFrame", by: Sequence[str] = ONCE) -> "pd.DataFrame":
    """One row for each original and its reference, which all methods of a request and seed share."""
    ordered = frame.sort_values("reference", ascending=False, kind="stable")
    return ordered[~_shared(ordered[list(by)]).duplicated()]


def once_keys(frame: "pd.DataFrame", by: Sequence[str] = ONCE) -> list[tuple[object, ...]]:
    """Of each row the values that all runs of one original and reference share; of the engine, the part that all methods share."""
    shared = _shared(frame[list(by)])
    return list(zip(*(shared[name].tolist() for name in by), strict=True))


def _shared(frame: "pd.DataFrame") -> "pd.DataFrame":
    return frame.assign(engine=frame["engine"].map(shared_part)) if "engine" in frame else frame


def scenarios(frame: "pd.DataFrame") -> "pd.Series[str]":
    """Each run's request without its draw: `random:0.05` of `random:0.05@7`."""
    return frame["request"].where(frame["draw"] == "", frame["request"].map(lambda text: text.partition("@")[0]))


def designed(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The same runs, their `request` without its draw where it varies with the seed.

    Runs of one draw with several seeds stay runs of that draw; draws that have one run each are one row together.
    """
    exact = frame.groupby(list(GROUP), sort=False, dropna=False)["id"].transform("size")
    return frame.assign(request=frame["request"].where(exact > 1, scenarios(frame)))


def several_seeds(frame: "pd.DataFrame") -> bool:
    """Whether any two runs differ by their seed alone, or by their seed and the draw that goes with it."""
    return bool(designed(frame).duplicated(list(GROUP)).any())


def rows_of(frame: "pd.DataFrame", columns: Sequence[str], together: bool) -> Rows:
    """frame: as `comparison.comparison` makes it. One row a run, or (together) one a group of runs that differ by seed."""
    import pandas as pd  # noqa: PLC0415  # half a second that commands which compare nothing need not pay

    gaps = distances(frame, columns)
    if not together:
        about = frame[["id", *GROUP, "seed"]].assign(ids=frame["id"].map(lambda i: (i,)), n=1, seeds=1, draws=0).reset_index(drop=True)
        about = about.assign(of="unlearned", unchanged=False)
        values = frame[list(columns)].reset_index(drop=True)
        return Rows(about, values, values * nan, gaps.reset_index(drop=True), values.notna().astype(int))
    frame = designed(frame)
    members = groups_of(frame)
    numbers, far = frame[list(columns)].to_numpy(float), gaps.to_numpy(float)
    spreads = [[spread(numbers[here, column]) for column in range(len(columns))] for here in members]
    ids, seeds, draws = (frame[name].to_numpy(object) for name in ("id", "seed", "draw"))
    about = frame[["id", *GROUP]].iloc[[here[0] for here in members]].reset_index(drop=True)
    about = about.assign(
        ids=pd.Series([tuple(ids[here]) for here in members], dtype=object), n=[len(here) for here in members],
        seeds=[len(set(seeds[here])) for here in members], draws=[len(set(draws[here]) - {""}) for here in members],
        of="unlearned", unchanged=False,
    )  # fmt: skip
    means = [[s.mean for s in row] for row in spreads]
    halves = [[nan if s.half_width is None else s.half_width for s in row] for row in spreads]
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # the mean of no gap at all is nan
        apart = [np.nanmean(far[here], axis=0) for here in members]
    series = np.stack([_by_pair(frame, part, members) for part in (numbers, far)])
    counted = [[s.n for s in row] for row in spreads]
    values, widths, far_off, counts = (pd.DataFrame(part, columns=list(columns)) for part in (means, halves, apart, counted))
    return Rows(about, values, widths, far_off, counts, series)


def _by_pair(frame: "pd.DataFrame", values: NDArray[np.float64], members: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """(columns, rows, pairs) of the runs' values (runs, columns): see `Rows.series`."""
    pairs = list(zip(frame["seed"].tolist(), frame["draw"].tolist(), strict=True))
    place = {pair: index for index, pair in enumerate(sorted(set(pairs)))}
    table = np.full((len(members), len(place), values.shape[1]), nan)
    for row, here in enumerate(members):
        table[row, [place[pairs[run]] for run in here]] = values[here]
    return table.transpose(2, 0, 1)


def groups_of(frame: "pd.DataFrame") -> list[NDArray[np.int64]]:
    """Of a `designed` frame: the rows (positions) of each group of runs that differ by their seed alone, in the frame's order."""
    group = frame.groupby(list(GROUP), sort=False, dropna=False).ngroup().to_numpy()
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []


def distances(frame: "pd.DataFrame", columns: Sequence[str]) -> "pd.DataFrame":
    """|value - the reference's own value| of each run; nan where the reference has none."""
    import pandas as pd  # noqa: PLC0415  # as above

    nothing = pd.Series(nan, frame.index)
    return pd.DataFrame(
        {name: (frame[name] - frame.get(f"reference.{name}", nothing)).abs() for name in columns}, index=frame.index
    )


def numbers_by_seed(frame: "pd.DataFrame", chosen: "pd.Series[bool]") -> dict[Pair, Numbers]:
    """(seed, draw) -> model -> metric -> value, of the chosen runs; what a run has no number of is left out."""
    by_pair: dict[Pair, Numbers] = {}
    for row in frame[chosen.to_numpy()].to_dict("records"):
        numbers: Numbers = {"unlearned": {}, "original": {}, "reference": {}}
        for name, value in row.items():
            model, dot, metric = str(name).rpartition(".")
            if isinstance(value, float) and not isnan(value):
                numbers[model if dot else "unlearned"][metric] = value
        by_pair.setdefault((int(row["seed"]), str(row["draw"])), numbers)
    return by_pair
