"""What a membership attack looks at: a run's examples as scores by set, and the thresholds to choose from; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from core.domain.run import MODELS

SECOND = "second"  # beside the models: the second retrained network, the floor
SMALLEST = 1e-13  # nats; below, probabilities stored to seven digits say nothing
LARGEST = 1e3  # a network that diverged gives no number: it counts as the worst
STEP = 0.1  # between thresholds, in drawn units; a whole multiple of it where there would be more than MOST
MOST = 200  # thresholds on a grid
TAIL = 0.005  # share of the smallest and of the greatest scores that an axis may gather at its ends
SHOWN = "{:.3g}".format  # a slider knows its values by this text, so no two may look alike
NATS_TICKS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0)


@dataclass(frozen=True)
class Score:
    """A number that an attacker can see. `above`: members are expected to score high.

    nats: from 0, and drawn as ln(e^x - 1): logarithmic where it is small, linear where it is large, so that both sure and
    lost images are told apart. Of a loss this is minus the confidence.
    """

    key: str
    title: str
    unit: str
    nats: bool
    above: bool
    about: str

    def drawn(self, values: np.ndarray | float) -> np.ndarray:
        """Where values stand on the axis."""
        x = np.asarray(values, dtype=np.float64)
        if not self.nats:
            return x
        x = np.maximum(x, SMALLEST)
        return np.asarray(x + np.log(-np.expm1(-x)))

    def of(self, place: float) -> float:
        """The inverse of `drawn`."""
        return float(np.logaddexp(0, place)) if self.nats else place

    def ticks(self, between: tuple[float, float]) -> list[float]:
        """Values worth a mark on that part of the axis, not too close to each other; empty where the axis is linear."""
        kept: list[float] = []
        room = (between[1] - between[0]) / 9
        for value in reversed(NATS_TICKS if self.nats else ()):
            place = float(self.drawn(value))
            if between[0] <= place <= between[1] and (not kept or float(self.drawn(kept[0])) - place >= room):
                kept.insert(0, value)
        return kept


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
    """Rows (n,) of a run's examples by what they are to the attack: `forget` are the members, `unseen` the others."""

    forget: np.ndarray
    retain: np.ndarray
    unseen: np.ndarray

    def each(self) -> dict[str, np.ndarray]:
        """Set -> rows."""
        return {"forget": self.forget, "retain": self.retain, "unseen": self.unseen}


def sides_of(examples: pd.DataFrame, alike: bool, kept_too: bool) -> Sides:
    """Unseen: where there are such, test images of the forget request (with all others where wished), else all."""
    names = examples["set"].to_numpy()
    unseen = ["test_forget"] if alike and not kept_too else ["test_forget", "test_retain"]
    return Sides(*(np.flatnonzero(np.isin(names, wanted)) for wanted in (["forget"], ["retain"], unseen)))


def halves(sides: Sides) -> tuple[Sides, Sides]:
    """Each set's rows parted by chance, the same parts every time: one half to choose a threshold on, the other to count on."""
    draw = np.random.default_rng(0)
    mixed = [draw.permutation(rows) for rows in sides.each().values()]
    return Sides(*(rows[: (len(rows) + 1) // 2] for rows in mixed)), Sides(*(rows[(len(rows) + 1) // 2 :] for rows in mixed))


def models_of(examples: pd.DataFrame) -> list[str]:
    """The networks whose answers the examples tell."""
    return [model for model in MODELS if f"{model}_loss" in examples]


def scores_of(examples: pd.DataFrame, model: str, score: Score) -> np.ndarray:
    """(N,) float64, finite, one a row."""
    values = examples[f"{model}_{score.key}"].to_numpy(dtype=np.float64)
    worst = LARGEST if score.nats else -LARGEST
    return np.where(np.isnan(values), worst, values.clip(-LARGEST, LARGEST))


def reach(values: Iterable[np.ndarray], score: Score) -> tuple[float, float]:
    """The axis, in drawn units, that holds nearly all values; one for all networks, so that their figures compare."""
    drawn = np.concatenate([score.drawn(some) for some in values] or [np.zeros(1)])
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL]) if len(drawn) else (0.0, 1.0)
    low, high = np.floor(low / STEP) * STEP, np.ceil(high / STEP) * STEP
    return (float(low), float(high)) if high - low > 1 else (float(low) - 0.5, float(high) + 0.5)


def steps(between: tuple[float, float], score: Score, also: Iterable[float]) -> list[float]:
    """Rising thresholds that cover the axis, each with a text of its own; `also`: values that must be among them."""
    ends = round(between[0] / STEP), round(between[1] / STEP)
    places = [*range(*ends, ceil((ends[1] - ends[0]) / MOST)), ends[1]]
    grid = (score.of(round(k * STEP, 1)) for k in places)
    by_text = {SHOWN(value): value for value in grid} | {SHOWN(value): value for value in also}
    return sorted(by_text.values())


def nearest(options: list[float], value: float) -> float:
    """The option closest to a value."""
    return min(options, key=lambda option: abs(option - value))


def called(values: np.ndarray, threshold: float, above: bool) -> np.ndarray:
    """bool (N,): who is called a member, as in `core.metrics.privacy.threshold_attack.rates`."""
    return np.asarray(values >= threshold if above else values <= threshold)
