"""Which methods left the network unchanged: no farther from the original than two retrained networks lie apart."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.reports.compare.paired_differences import ZERO
from core.reports.compare.runs_by_seed import ONCE, once, once_keys
from core.reports.intervals import FEW, spread
from core.reports.key_metrics import Aim, aims_of, column

if TYPE_CHECKING:
    import pandas as pd

UNCHANGED = "unchanged"  # how a table marks it
UNCHANGED_SAYS = (
    "cannot be told to lie farther from the original than a second retraining lies from the first, in any measure that matters; of few "
    "seeds only a large change can."
)
Array = NDArray[np.float64]


def excess(frame: "pd.DataFrame", everything: "pd.DataFrame") -> Array:
    """(runs, aims): how much farther each run lies from its original than a second retraining lies from its reference.

    everything: a frame that may also hold the second retrainings (method `retrain`) of the same requests and seeds; the frame's own
    come first. Where there is none, the references of several seeds on one forget set stand in for it; where there are not two,
    the variability counts as 0. nan where a run lacks the number.
    """
    aims = aims_of(frame)
    if not aims:
        return np.full((len(frame), 0), np.nan)
    moved = np.stack([(column(frame, aim.key) - column(frame, f"original.{aim.key}")).abs().to_numpy(float) for aim in aims], 1)
    return moved - _allowed(frame, everything, aims)


def _allowed(frame: "pd.DataFrame", everything: "pd.DataFrame", aims: Sequence[Aim]) -> Array:
    """(runs, aims): how far two retrained networks lie apart; nan where only the other aims can tell."""
    second: dict[tuple[object, ...], Array] = {}
    for retrainings in (_seconds(everything), _seconds(frame)):  # the frame's own take precedence
        second |= zip(_keys(retrainings, ONCE), _apart_from_reference(retrainings, aims), strict=True)
    alike = ONCE[:-2] + ONCE[-1:]  # the same but for their seeds
    each = once(frame)
    references = np.stack([column(each, f"reference.{aim.key}").to_numpy(float) for aim in aims], 1)
    several: dict[tuple[object, ...], list[Array]] = {}
    for key, values in zip(_keys(each, alike), references, strict=True):
        if not np.isnan(values).all():
            several.setdefault(key, []).append(values)
    spreads = {key: _mean_distance(np.stack(values)) for key, values in several.items() if len(values) > 1}
    nothing = np.zeros(len(aims))
    allowed = [
        second[run] if run in second else spreads.get(others, nothing)
        for run, others in zip(_keys(frame, ONCE), _keys(frame, alike), strict=True)
    ]
    return np.stack(allowed) if allowed else np.zeros((0, len(aims)))


def _seconds(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The frame's second retrainings, one for each request and seed."""
    return frame[(frame["method"] == SECOND_REFERENCE_METHOD) & frame["reference"].astype(bool)].drop_duplicates(list(ONCE))


def judged_by(frame: "pd.DataFrame", everything: "pd.DataFrame") -> str:
    """What the mark `unchanged` is based on, in a sentence."""
    wanted, own = set(_keys(frame, ONCE)), set(_keys(_seconds(frame), ONCE))
    if wanted <= own:
        return "Held against the second references among these runs."
    other = wanted & set(_keys(_seconds(everything), ONCE)) - own
    if other:
        return f"Held against second references {'among these runs and ' if wanted & own else ''}elsewhere in this home."
    return "Held against the references of several seeds where no second reference was trained."


def _apart_from_reference(retrainings: "pd.DataFrame", aims: Sequence[Aim]) -> list[Array]:
    """Each second retraining's distance to its reference; a measure that is a distance itself is its own."""
    parts = []
    for aim in aims:
        theirs = column(retrainings, f"reference.{aim.key}")
        parts.append((column(retrainings, aim.key) - (theirs.fillna(0.0) if aim.goal == "low" else theirs)).abs().to_numpy(float))
    return list(np.stack(parts, 1)) if len(retrainings) else []


def _mean_distance(values: Array) -> Array:
    """(aims,): mean distance between two of the (n, aims) values."""
    first, second = np.triu_indices(len(values), 1)
    return np.asarray(np.abs(values[first] - values[second]).mean(0))


def _keys(frame: "pd.DataFrame", names: Iterable[str]) -> list[tuple[object, ...]]:
    return once_keys(frame, tuple(names))


def unchanged(excess_of: Array, members: Sequence[Sequence[int] | NDArray[np.int64]], methods: Sequence[str]) -> list[bool]:
    """Of each row of runs: whether in no key metric it lies significantly farther from the original than retraining variability.

    excess_of: as `excess`; members: which runs stand in each row; methods: each row's. The second retraining itself is never
    marked. Of FEW seeds or more the whole interval must lie beyond what is allowed.
    """
    marks = []
    for here, method in zip(members, methods, strict=True):
        own = excess_of[here]
        marks.append(method != SECOND_REFERENCE_METHOD and not np.isnan(own).all() and not any(_farther(over) for over in own.T))
    return marks


def _farther(excess_of: Array) -> bool:
    over = spread(excess_of)
    if not over.n or over.mean <= ZERO:
        return False
    return over.n < FEW or over.half_width is None or over.mean - over.half_width > ZERO
