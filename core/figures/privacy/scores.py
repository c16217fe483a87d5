"""Scores of a membership attack by set, and the thresholds to choose from; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from core.domain.run import MODELS

SECOND = "second"  # the second reference, in addition to MODELS
SMALLEST = 1e-13  # nats; stored probabilities are not precise enough below
LARGEST = 1e3  # the score of a network that diverged: the worst
STEP = 0.1  # between thresholds, in drawn units; a whole multiple of it where there would be more than MOST
MOST = 200  # thresholds on a grid
TAIL = 0.005  # share of the smallest and of the largest scores that an axis clips to its ends
SHOWN = "{:.3g}".format  # a slider identifies its values by this text, so texts must be unique
NATS_TICKS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0)


@dataclass(frozen=True)
class Score:
    """A score that an attacker can compute. above: members are expected to score high.

    nats: from 0, and drawn as ln(e^x - 1): logarithmic where it is small, linear where it is large, so that both certain and
    misclassified images are resolved. Of a loss this is minus the confidence.
    """

    key: str
    title: str
    unit: str
    nats: bool
    above: bool
    about: str

    def drawn(self, values: np.ndarray | float) -> np.ndarray:
        """Values in axis units."""
        x = np.asarray(values, dtype=np.float64)
        if not self.nats:
            return x
        x = np.maximum(x, SMALLEST)
        return np.asarray(x + np.log(-np.expm1(-x)))

    def of(self, place: float) -> float:
        """The inverse of `drawn`."""
        return float(np.logaddexp(0, place)) if self.nats else place

    def ticks(self, between: tuple[float, float]) -> list[float]:
        """Tick values on that part of the axis, not too close together; empty where the axis is linear."""
        marks: list[float] = []
        room = (between[1] - between[0]) / 9
        for value in reversed(NATS_TICKS if self.nats else ()):
            place = float(self.drawn(value))
            if between[0] <= place <= between[1] and (not marks or float(self.drawn(marks[0])) - place >= room):
                marks.insert(0, value)
        return marks


SCORES = {
    score.key: score
    for score in (
        Score("loss", "loss", "nats", True, False, "how surprised the network is by the true label"),
        Score("entropy", "entropy", "nats", True, False, "how undecided its answer is; needs no label"),
        Score("confidence", "confidence", "log odds", False, True, "ln p / (1 - p) of the true label"),
    )
}


@dataclass(frozen=True)
class Sides:
    """Rows (n,) of a run's examples: `forget` are the members, `unseen` (test images) the non-members."""

    forget: np.ndarray
    retain: np.ndarray
    unseen: np.ndarray

    def each(self) -> dict[str, np.ndarray]:
        """Set -> rows."""
        return {"forget": self.forget, "retain": self.retain, "unseen": self.unseen}


def sides_of(examples: pd.DataFrame, alike: bool, all_test: bool) -> Sides:
    """alike: non-members are the test images of the forget request, or all test images with `all_test`; else all test images."""
    names = examples["set"].to_numpy()
    unseen = ["test_forget"] if alike and not all_test else ["test_forget", "test_retain"]
    return Sides(*(np.flatnonzero(np.isin(names, wanted)) for wanted in (["forget"], ["retain"], unseen)))


def halves(sides: Sides) -> tuple[Sides, Sides]:
    """A fixed random split of each set: one half to fit a threshold on, the other to evaluate it."""
    draw = np.random.default_rng(0)
    mixed = [draw.permutation(rows) for rows in sides.each().values()]
    return Sides(*(rows[: (len(rows) + 1) // 2] for rows in mixed)), Sides(*(rows[(len(rows) + 1) // 2 :] for rows in mixed))


def models_of(examples: pd.DataFrame) -> list[str]:
    """The networks whose scores the examples hold."""
    return [model for model in MODELS if f"{model}_loss" in examples]


def scores_of(examples: pd.DataFrame, model: str, score: Score) -> np.ndarray:
    """(N,) float64, finite, one per row."""
    values = examples[f"{model}_{score.key}"].to_numpy(dtype=np.float64)
    worst = LARGEST if score.nats else -LARGEST
    return np.where(np.isnan(values), worst, values.clip(-LARGEST, LARGEST))


def axis_range(values: Iterable[np.ndarray], score: Score) -> tuple[float, float]:
    """The axis range, in drawn units, of nearly all values; shared by all networks, so that figures are comparable."""
    drawn = np.concatenate([score.drawn(some) for some in values] or [np.zeros(1)])
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL]) if len(drawn) else (0.0, 1.0)
    low, high = np.floor(low / STEP) * STEP, np.ceil(high / STEP) * STEP
    return (float(low), float(high)) if high - low > 1 else (float(low) - 0.5, float(high) + 0.5)


def thresholds(between: tuple[float, float], score: Score, also: Iterable[float]) -> list[float]:
    """Ascending thresholds that cover the axis, with unique texts; also: values that must be among them."""
    ends = round(between[0] / STEP), round(between[1] / STEP)
    places = [*range(*ends, ceil((ends[1] - ends[0]) / MOST)), ends[1]]
    grid = (score.of(round(k * STEP, 1)) for k in places)
    by_text = {SHOWN(value): value for value in grid} | {SHOWN(value): value for value in also}
    return sorted(by_text.values())


def nearest(options: list[float], value: float) -> float:
    """The option closest to a value."""
    return min(options, key=lambda option: abs(option - value))


def predicted_members(values: np.ndarray, threshold: float, above: bool) -> np.ndarray:
    """bool (N,): predicted members, as in `core.metrics.privacy.threshold_attack.rates`."""
    return np.asarray(values >= threshold if above else values <= threshold)
