"""Attacks that need the same request unlearned and retrained from several seeds. Seeds come first: arrays are (S, N).

Seed s of an unlearned array and seed s of a reference array belong together: the attack on seed t uses neither of the two.
Each function raises TooFewSeeds, and ValueError where shapes do not fit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.metrics.privacy.epsilon import epsilon_of_example
from core.metrics.privacy.threshold_attack import auc

Array = NDArray[np.float64]
OWN_VARIANCE = 16  # shadow seeds from which each example has a variance of its own; with fewer it would be noise
LEAST_VARIANCE = 1e-4  # of phi: a hundredth of a logit; models that agree to the last digit must not be infinitely sure
BIN = 0.5  # width of epsilon's bins
BINS, EMPTY = 20, 1e-5  # of margins; share that stands for a bin of the retrained models' that is empty


class TooFewSeeds(ValueError):
    """The attack needs more seeds; the message is one sentence that says how many, and how many there are."""


@dataclass(frozen=True)
class SeedMetric:
    """A metric of several seeds together; `needs`: at least how many.

    `ideal`: its mean where the unlearned cannot be told from the retrained; its value with references in place of the
    unlearned models shows the variation by chance.
    """

    key: str
    title: str
    unit: str
    goal: str
    definition: str
    needs: int  # seeds
    ideal: float


U_LIRA = SeedMetric(
    "u_lira", "U-LiRA", "share", "match",
    "For each image, Gaussians over the other seeds' confidences tell whether a model unlearned it or never saw it; share of "
    "right guesses over all seeds. 50 %: nobody can tell (arXiv:2403.01218, there with shadow models of random halves of the data).",
    needs=3, ideal=0.5,
)  # fmt: skip
RMIA = SeedMetric(
    "rmia", "RMIA", "share", "match",
    "How often a forgotten image's probability, relative to what retrained models of other seeds give it, is higher than a test "
    "image's (area under the ROC of Lambda; offline, a = 0.3, gamma = 1). 50 %: nobody can tell (arXiv:2312.03262). By the public "
    "code's score the area is up to 1 / (2 Z) higher, Z the number of test images.",
    needs=2, ideal=0.5,
)  # fmt: skip
FORGETTING_QUALITY = SeedMetric(
    "forgetting_quality", "Forgetting quality (NeurIPS 2023)", "share", "high",
    "For each forgotten image, how far the unlearned models' confidences lie from the retrained models' (epsilon): 1 point below "
    "0.5, half a point below 1, and so on; mean, times the accuracy on the retain set and on test images. 100 % is out "
    "of reach: two sets of retrained models are at about 18 %.",
    needs=8, ideal=0.18,
)  # fmt: skip
KLOM = SeedMetric(
    "klom", "KLoM (95th percentile)", "nats", "low",
    "For each forgotten image, the divergence between the unlearned models' margins and the retrained models' (20 bins); the value "
    "that 95 % of images do not exceed. Two sets of retrained models differ by chance, too: 1.7 with 50 seeds, 0.7 with 100. "
    "Its most is 11.5 (arXiv:2410.23232).",
    needs=50, ideal=1.7,
)  # fmt: skip
OVER_SEEDS = (U_LIRA, RMIA, FORGETTING_QUALITY, KLOM)


def u_lira(unlearned: ArrayLike, reference: ArrayLike) -> float:
    """Share of right guesses, over examples and targets, of the likelihood-ratio attack on unlearning; 0.5 cannot tell.

    phi = ln(p_y / (1 - p_y)) of N forgotten examples under S unlearned and S reference models, (S, N) each. Both models of
    every seed are targets; the Gaussians come from the other seeds, with one variance for all examples below 16 of them
    (the mean of the examples' own, so that easy and hard examples keep their means). J. Hayes et al., arXiv:2403.01218, whose
    shadow models are trained on random halves of the data; here all seeds have one request. The public code of Deep Unlearn
    (xcadet/deepunlearn) takes 0 or 1, whether the answer is right, for phi, and scores the models that its Gaussians come from.
    """
    ours, theirs = _seeds(U_LIRA, unlearned, reference)
    _same(ours.shape, theirs.shape)
    right = 0.0
    for target in range(len(ours)):
        gaussians = [_gaussian(np.delete(models, target, axis=0)) for models in (ours, theirs)]
        for phi, unlearned_it in ((ours[target], True), (theirs[target], False)):
            as_unlearned, as_retrained = (-((phi - mean) ** 2) / (2 * v) - np.log(v) / 2 for mean, v in gaussians)
            right += float(np.mean((as_unlearned > as_retrained) == unlearned_it))  # p(member) > 1/2
    return right / (2 * len(ours))


def rmia(
    unlearned_forget: ArrayLike,
    unlearned_population: ArrayLike,
    reference_forget: ArrayLike,
    reference_population: ArrayLike,
    a: float = 0.3,
) -> float:
    """Area under the ROC of RMIA's scores, forgotten against test examples, mean over S targets; 0.5 cannot tell.

    ln p_y: of N forgotten examples (S, N), and of the population, Z test examples like them (S, Z), under the unlearned
    and the reference models. Lambda(x) = p(x) / (((1 + a) p_out(x) + (1 - a)) / 2), p_out the mean over the other seeds'
    references (offline form; a = 0.3 is ML Privacy Meter's, there also tuned). This is the area of Lambda itself. The published
    score is the share of the population z with Lambda(x) / Lambda(z) > gamma = 1, a rank among the test examples; it ties x with
    the next higher test example, so that its area is higher: by 1 / (2 Z) where no x lies above all z, less where some do.
    With the references as targets it gives their own value, the retraining variability. S. Zarifzadeh et al., arXiv:2312.03262.
    """
    arrays = _seeds(RMIA, unlearned_forget, unlearned_population, reference_forget, reference_population)
    forget, population, out_forget, out_population = arrays
    _same(forget.shape, out_forget.shape)
    _same(population.shape, out_population.shape)
    pairs = ((forget, out_forget), (population, out_population))
    sides = [[_log_lambda(own[t], np.delete(out, t, axis=0), a) for own, out in pairs] for t in range(len(forget))]
    return float(np.mean([auc(ours, theirs) for ours, theirs in sides]))


def forgetting_quality(
    unlearned: ArrayLike,
    reference: ArrayLike,
    retain_accuracies: tuple[ArrayLike, ArrayLike],
    test_accuracies: tuple[ArrayLike, ArrayLike],
) -> float:
    """F x RA_u / RA_r x TA_u / TA_r, as the NeurIPS 2023 challenge's evaluation.

    phi (S, N) as for `u_lira`; accuracies are shares, (unlearned (S,), reference (S,)), whose means count. F is
    `forgetting_score`. Eight seeds at least: no finite epsilon lies above ln(S - 1), so that fewer fill less than four bins.
    The challenge took 512, and phi as far as +-103, where runs store it up to +-30. F of two sets of normal numbers is 0.18, with
    8 as with 128 seeds, since some threshold in the tails always parts them: compare it with the value of references against
    references.
    """
    score = forgetting_score(unlearned, reference)
    ratios = [np.asarray(ours).mean() / np.asarray(theirs).mean() for ours, theirs in (retain_accuracies, test_accuracies)]
    return float(score * ratios[0] * ratios[1])


def forgetting_score(unlearned: ArrayLike, reference: ArrayLike) -> float:
    """F in [0, 1]: mean over examples of 2^-b, b the bin of epsilon (0.5 wide, from 0); 0 beyond ln(S - 1)."""
    ours, theirs = _seeds(FORGETTING_QUALITY, unlearned, reference)
    _same(ours.shape, theirs.shape)
    epsilon = np.array([epsilon_of_example(ours[:, n], theirs[:, n]) for n in range(ours.shape[1])])
    return float(np.where(epsilon <= np.log(len(ours) - 1), 0.5 ** (epsilon // BIN), 0.0).mean())


def klom(unlearned: ArrayLike, reference: ArrayLike, percentile: float = 95.0) -> float:
    """A percentile over examples of the KL divergence, in nats, between two samples of margins: KL(unlearned || retrained).

    phi (S, N) as for `u_lira`, which is the margin z_y - logsumexp of the others, here as far as +-30 (the public code: +-100). For each
    example 20 equal bins between the least and the greatest of both samples, shares of each, empty bins of the retrained set to 1e-5,
    and their shares to a sum of 1 again. arXiv:2410.23232. The public code (RoyRin/data-unlearning-bench) leaves
    the greatest margin out of its last bin, and calls its function with the arguments exchanged.
    """
    ours, theirs = _seeds(KLOM, unlearned, reference)
    _same(ours.shape[1], theirs.shape[1])
    return float(np.percentile([margin_divergence(ours[:, n], theirs[:, n]) for n in range(ours.shape[1])], percentile))


def margin_divergence(ours: Array, theirs: Array) -> float:
    """KL in nats of one example's margins, (S,) and (R,), as `klom` says; 0 where all are the same."""
    ends = min(ours.min(), theirs.min()), max(ours.max(), theirs.max())
    if ends[0] == ends[1]:
        return 0.0
    p, q = (np.histogram(side, BINS, ends)[0] / len(side) for side in (ours, theirs))
    q = np.where(q > 0, q, EMPTY)
    q /= q.sum()
    filled = p > 0
    return float((p[filled] * np.log(p[filled] / q[filled])).sum())


def _gaussian(phi: Array) -> tuple[Array, Array]:
    """Mean (N,) and variance, (N,) or the same for all: phi (S - 1, N)."""
    own = phi.var(axis=0, ddof=1)
    variance = own if len(phi) >= OWN_VARIANCE else np.full_like(own, own.mean())
    return phi.mean(axis=0), np.maximum(variance, LEAST_VARIANCE)


def _log_lambda(log_p: Array, log_out: Array, a: float) -> Array:
    """ln Lambda (n,): ln p under the target (n,), and under the other seeds' references (S - 1, n)."""
    return np.asarray(log_p - np.log(((1 + a) * np.exp(log_out).mean(axis=0) + (1 - a)) / 2))


def _seeds(metric: SeedMetric, *arrays: ArrayLike) -> list[Array]:
    values = [np.asarray(array, dtype=np.float64) for array in arrays]
    seeds = {len(array) for array in values}
    _same(*seeds)
    if min(seeds) < metric.needs:
        there = "there is 1" if min(seeds) == 1 else f"there are {min(seeds)}"
        raise TooFewSeeds(f"{metric.title} needs {metric.needs} seeds; {there}.")
    if any(array.ndim != 2 or not array.size for array in values):
        raise ValueError(f"Wanted arrays of seeds by examples; got shapes {[array.shape for array in values]}.")
    return values


def _same(*shapes: object) -> None:
    if len(set(shapes)) > 1:
        raise ValueError(f"Unlearned and reference models must be as many, and have seen the same examples; got {shapes}.")
