"""The threshold that best tells an unlearned model's predictions on the forget set from a retrained model's.

After Unlearning Comparator's worst-case privacy score (gnueaj/Machine-Unlearning-Comparator), from one reference. That code
rounds each score of a prediction to two decimals before the thresholds, and the attack to three; here nothing is rounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.metrics.privacy.epsilon import epsilons

Array = NDArray[np.float64]
THRESHOLDS = 51  # evenly spaced over a feature's range, its ends included


@dataclass(frozen=True)
class Feature:
    """A score of one prediction; values beyond the range [low, high] are moved to its end."""

    key: str
    title: str
    low: float
    high: float


FEATURES = (
    Feature("entropy", "Entropy at temperature 2, in nats", 0.0, 2.5),
    Feature("gap", "Logit gap of the surest class, ln(p / (1 - p))", -2.5, 10.0),
)


@dataclass(frozen=True)
class WorstCase:
    """The strongest attack of all features, thresholds and directions."""

    score: float  # 1 - attack, in [0, 1]; 1: no threshold tells the two apart
    attack: float  # 1 - 2^-epsilon
    epsilon: float  # 0 to infinity


def features(probabilities: ArrayLike) -> dict[str, Array]:
    """Feature key -> (N,), not yet moved into the ranges: probabilities (N, C), rows that sum to 1.

    softmax(z / 2) is the root of softmax(z), normalised: probabilities are all that is needed.
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    cooled = np.sqrt(shares)
    cooled /= cooled.sum(1, keepdims=True)
    logs = np.log(cooled, where=cooled > 0, out=np.zeros_like(cooled))
    ranked = np.sort(shares, axis=1)
    with np.errstate(divide="ignore"):  # a certain prediction's gap is infinite, and then moved into the range
        gap = np.log(ranked[:, -1]) - np.log(ranked[:, :-1].sum(1))
    return {"entropy": -(cooled * logs).sum(1), "gap": gap}


def features_of_attributes(probabilities: ArrayLike) -> dict[str, Array]:
    """Feature key -> (N,): mean over attributes of each one's feature, yes or no, moved into the range: probabilities (N, A)."""
    shares = np.asarray(probabilities, dtype=np.float64)
    each = features(np.stack([1 - shares, shares], -1).reshape(-1, 2))
    return {f.key: each[f.key].clip(f.low, f.high).reshape(shares.shape).mean(1) for f in FEATURES}


def worst_case(unlearned_scores: Mapping[str, ArrayLike], reference_scores: Mapping[str, ArrayLike], form: str) -> WorstCase:
    """The greatest attack over features, 51 thresholds each and both directions; scores as from `features`, (N,) a key.

    form `min` or `max` says which of epsilon's two logarithms counts: see `core.metrics.privacy.epsilon`.
    """
    strongest = WorstCase(1.0, 0.0, 0.0)
    for feature in FEATURES:
        thresholds = np.linspace(feature.low, feature.high, THRESHOLDS)
        ours, theirs = (
            (np.clip(scores[feature.key], feature.low, feature.high)[:, None] >= thresholds).mean(0)
            for scores in (unlearned_scores, reference_scores)
        )
        for true_positive, false_positive in ((ours, theirs), (theirs, ours)):
            epsilon = float(epsilons(false_positive, 1 - true_positive, form).max())
            if epsilon > strongest.epsilon:
                attack = 1 - 2**-epsilon
                strongest = WorstCase(1 - attack, attack, epsilon)
    return strongest
