"""The table of a comparison: the original and the reference first, then the methods, those `unchanged` marked."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.domain.code_version import shared_part
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.reports.compare.runs_by_seed import Rows, designed, distances, groups_of, once, once_keys, rows_of
from core.reports.compare.unchanged_methods import excess, unchanged
from core.reports.key_metrics import column

if TYPE_CHECKING:
    import pandas as pd

YARDSTICKS = ("original", "reference")


def table_of(
    frame: "pd.DataFrame", everything: "pd.DataFrame", columns: Sequence[str], together: bool, by: str = ""
) -> Rows:  # fmt: skip
    """The rows of original and reference, then the methods', `unchanged` ones last; everything: as in `unchanged_methods.excess`.

    by: the column, a distance to the reference, by which methods are in order; '' leaves the frame's order.
    """
    wanted = list(dict.fromkeys([*columns, *([by] if by else [])]))
    rows = marked(rows_of(frame, wanted, together), frame, everything, together)
    keys = [rows.values[by].to_numpy(float)] if by else []
    order = np.lexsort([*(np.where(np.isnan(key), np.inf, key) for key in keys), rows.about["unchanged"].to_numpy(bool)])
    parts = [_taken(rows, order)] + [yardstick(frame, wanted, together, model) for model in YARDSTICKS[::-1]]
    return replace(_stacked(parts[::-1], list(columns), wanted), variability=variability(frame, everything, columns))


def marked(rows: Rows, frame: "pd.DataFrame", everything: "pd.DataFrame", together: bool) -> Rows:
    """The rows of `rows_of`, each with whether it is unchanged."""
    members = groups_of(designed(frame)) if together else [np.array([index]) for index in range(len(frame))]
    marks = unchanged(excess(frame, everything), members, rows.about["method"].tolist())
    return replace(rows, about=rows.about.assign(unchanged=marks))


def yardstick(frame: "pd.DataFrame", columns: Sequence[str], together: bool, model: str) -> Rows:
    """The rows of the original or the reference, each seed's counted once, whichever method the run is of; none without such a number."""
    each = once(with_seconds(frame))
    theirs = {name: column(each, f"{model}.{name}") for name in columns}
    own = each.assign(**theirs, method=model, settings="", reference=True, id="", engine=each["engine"].map(shared_part))
    rows = rows_of(own, columns, together) if len(own) else rows_of(own, columns, False)
    filled = np.flatnonzero(rows.values.notna().any(axis=1).to_numpy(bool))
    rows = _taken(rows, filled)
    return replace(rows, about=rows.about.assign(of=model))


def with_seconds(frame: "pd.DataFrame") -> "pd.DataFrame":
    """With `reference.seconds`: the seconds of training the reference, computed from any of its runs' speed-up."""
    took = (frame["seconds"] * frame["speedup"]).groupby([_alike(frame)], dropna=False).transform("max")
    return frame.assign(**{"reference.seconds": took})


def _alike(frame: "pd.DataFrame") -> "np.ndarray":
    """(N,) whole numbers, equal where runs have one original and reference."""
    numbers: dict[tuple[object, ...], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in once_keys(frame)], int)


def variability(frame: "pd.DataFrame", everything: "pd.DataFrame", columns: Sequence[str]) -> dict[str, float]:
    """Column -> how far a second retrained network lies from the first, on average; of the frame's requests and seeds."""
    wanted = set(once_keys(frame))
    retrainings = everything[(everything["method"] == SECOND_REFERENCE_METHOD) & everything["reference"].astype(bool)]
    here = np.array([key in wanted for key in once_keys(retrainings)], bool)
    present = [name for name in columns if name in retrainings]
    means = distances(retrainings.loc[here], present).mean()
    return {name: float(means[name]) for name in present if not np.isnan(means[name])}


def _taken(rows: Rows, order: NDArray[np.int64]) -> Rows:
    about, values, halves, gaps, counts = (
        part.iloc[order].reset_index(drop=True) for part in (rows.about, rows.values, rows.halves, rows.gaps, rows.counts)
    )
    return Rows(about, values, halves, gaps, counts, None if rows.series is None else rows.series[:, :, order])


def _stacked(parts: Sequence[Rows], columns: list[str], wanted: list[str]) -> Rows:
    """All rows below each other, of those columns; original and reference have no series, since no differences to them are tested."""
    import pandas as pd  # noqa: PLC0415  # half a second that commands which compare nothing need not pay

    there = [part for part in parts if len(part.about)] or list(parts[-1:])
    about = pd.concat([part.about for part in there], ignore_index=True)
    values, halves, gaps, counts = (
        pd.concat([getattr(part, name)[columns] for part in there], ignore_index=True) for name in ("values", "halves", "gaps", "counts")
    )
    series = parts[-1].series
    if series is not None:
        chosen, above = series[:, [wanted.index(name) for name in columns]], len(about) - len(parts[-1].about)
        series = np.pad(chosen, ((0, 0), (0, 0), (above, 0), (0, 0)), constant_values=np.nan)
    return Rows(about, values, halves, gaps, counts, series)
