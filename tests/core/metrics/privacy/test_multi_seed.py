"""What only several seeds can say: planted cases, hand-worked ones, and each attack against its own definition in SciPy."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from core.domain.formatting import percent
from core.metrics.privacy.multi_seed import (
    FORGETTING_QUALITY,
    KLOM,
    OVER_SEEDS,
    RMIA,
    U_LIRA,
    TooFewSeeds,
    forgetting_quality,
    forgetting_score,
    klom,
    margin_divergence,
    rmia,
    u_lira,
)


def models(seed, shape, shift=0.0, spread=1.0):
    """phi of examples that differ from each other more than models do."""
    draw = np.random.default_rng(seed)
    return 4 * np.random.default_rng(99).normal(size=shape[1]) + shift + spread * draw.normal(size=shape)


# --- U-LiRA


def lira_by_hand(unlearned, reference):
    """Target by target and example by example."""
    seeds, count = unlearned.shape
    right = []
    for target in range(seeds):
        others = [s for s in range(seeds) if s != target]
        pooled = [np.mean([m[others, i].var(ddof=1) for i in range(count)]) for m in (unlearned, reference)]
        for i in range(count):
            own = [m[others, i].var(ddof=1) for m in (unlearned, reference)]
            deviations = np.sqrt(pooled if len(others) < 16 else own)
            of_unlearned = norm(unlearned[others, i].mean(), deviations[0])
            of_reference = norm(reference[others, i].mean(), deviations[1])
            for phi, truth in ((unlearned[target, i], True), (reference[target, i], False)):
                p = of_unlearned.pdf(phi) / (of_unlearned.pdf(phi) + of_reference.pdf(phi))
                right.append((p > 0.5) == truth)
    return np.mean(right)


@pytest.mark.parametrize("seeds", [3, 5, 17, 18])
def test_lira_is_the_likelihood_ratio_of_scipys_gaussians(seeds):
    unlearned, reference = models(1, (seeds, 12), 0.8, 1.5), models(2, (seeds, 12))
    assert u_lira(unlearned, reference) == pytest.approx(lira_by_hand(unlearned, reference), abs=1e-12)


@pytest.mark.parametrize("seeds", [3, 20])
def test_lira_is_at_chance_where_unlearning_is_retraining(seeds):
    assert u_lira(models(1, (seeds, 2000)), models(2, (seeds, 2000))) == pytest.approx(0.5, abs=0.03)


def test_lira_is_always_right_where_the_two_never_meet():
    assert u_lira(models(1, (4, 50), shift=60), models(2, (4, 50))) == 1


def test_lira_by_hand():
    assert u_lira([[10.0], [10], [10.5]], [[0.0], [0], [0.5]]) == 1
    # Seed 1: u in N(10.25, 0.125), h in N(0.25, 0.125); 10 is nearer to the first, 9 as well: right, wrong.
    # Seed 2: u in N(10.25, 0.125), h in N(4.75, 36.1); 10 lies in the first, 0 in the second: right, right.
    # Seed 3: u are both 10, so that their deviation is the floor's 0.01; h in N(4.5, 40.5): 10.5 and 0.5 are called unseen: wrong, right.
    assert u_lira([[10.0], [10], [10.5]], [[9.0], [0], [0.5]]) == pytest.approx(4 / 6)


def test_lira_cannot_tell_models_that_are_the_same_number_for_number():
    same = models(1, (4, 30))
    assert u_lira(same, same) == 0.5
    assert u_lira(np.full((3, 5), 30.0), np.full((3, 5), 30.0)) == 0.5  # sure of everything: no variance at all


# --- RMIA


def rmia_by_hand(forget, population, out_forget, out_population, a=0.3):
    """Scores as shares of the population, one pair at a time; and the area under their ROC."""
    scores, areas = [], []
    for t in range(len(forget)):
        others = [s for s in range(len(forget)) if s != t]

        def ratio(own, out, t=t, others=others):
            p_out = np.mean([np.exp(out[s]) for s in others], axis=0)
            return np.exp(own[t]) / (0.5 * ((1 + a) * p_out + (1 - a)))

        of_x, of_z = ratio(forget, out_forget), ratio(population, out_population)
        score_x, score_z = ([np.mean([x / z > 1 for z in of_z]) for x in side] for side in (of_x, of_z))
        scores.append(np.mean(score_x))
        areas.append(roc_auc_score(np.repeat([1, 0], [len(of_x), len(of_z)]), [*score_x, *score_z]))
    return np.mean(scores), np.mean(areas)


def log_p(seed, shape, phi=1.0):
    return -np.log1p(np.exp(-np.random.default_rng(seed).normal(phi, 1, shape)))


@pytest.mark.parametrize("a", [0.0, 0.3, 1.0])
def test_rmia_is_the_mean_of_its_scores_and_their_area_but_for_ties_with_oneself(a):
    """At gamma = 1 a score ranks among the unseen, so the area is the mean score; a test example never beats itself."""
    sides = log_p(1, (3, 20), 2), log_p(2, (3, 40)), log_p(3, (3, 20)), log_p(4, (3, 40))
    mean_score, area = rmia_by_hand(*sides, a)
    assert rmia(*sides, a=a) == pytest.approx(mean_score, abs=1e-12)
    assert rmia(*sides, a=a) == pytest.approx(area, abs=0.5 / 40 + 1e-9)


def test_rmia_is_at_chance_where_forgotten_examples_are_like_unseen_ones():
    sides = log_p(1, (4, 800)), log_p(2, (4, 800)), log_p(3, (4, 800)), log_p(4, (4, 800))
    assert rmia(*sides) == pytest.approx(0.5, abs=0.03)


def test_rmia_always_knows_what_was_learned_by_heart():
    known, hard = np.full((2, 30), np.log(0.99)), np.log(np.random.default_rng(0).uniform(0.01, 0.3, (2, 30)))
    assert rmia(known, hard, hard, hard) == 1
    assert rmia(hard, known, known, hard) == 0  # and below chance where forgetting went too far


def test_rmia_weighs_an_example_by_what_others_make_of_it():
    """Both are given 0.5; retrained models give the forgotten one 0.1 and the unseen one 0.9, so the former stands out."""
    half, rare, usual = (np.full((2, 1), np.log(p)) for p in (0.5, 0.1, 0.9))
    assert rmia(half, half, rare, usual) == 1
    assert rmia(half, half, usual, rare) == 0
    assert rmia(half, half, rare, rare) == 0.5


# --- Forgetting quality

EVEN = ([0.9] * 8, [0.9] * 8)


def test_forgetting_quality_by_hand():
    """Three examples: the same values (1 point), one misfit a side (ln 7 = 1.95, the fourth bin: 1/8), disjoint (none)."""
    values = np.linspace(-3, 3, 8)
    misfit = np.array([0.0, 1, 2, 3, 4, 5, 6, 20]), np.array([5.5, 14.0, 15, 16, 17, 18, 19, 21])
    unlearned = np.stack([values, misfit[0], values], axis=1)
    reference = np.stack([values, misfit[1], values + 50], axis=1)
    assert forgetting_score(unlearned, reference) == pytest.approx((1 + 1 / 8) / 3)
    kept = ([0.8, 0.6] * 4, [1.0] * 8), ([0.5] * 8, [1.0, 0.6] * 4)
    assert forgetting_quality(unlearned, reference, *kept) == pytest.approx((1 + 1 / 8) / 3 * 0.7 * 0.625)


def test_forgetting_quality_is_best_for_the_same_models_and_nothing_for_disjoint_ones():
    same = models(1, (8, 20))
    assert forgetting_quality(same, same, EVEN, EVEN) == 1
    assert forgetting_quality(same + 99, same, EVEN, EVEN) == 0
    assert forgetting_quality(np.full((8, 20), 3.0), same, EVEN, EVEN) == 0  # a peak


@pytest.mark.parametrize("seeds", [8, 32, 128])
def test_even_retraining_is_far_from_one_whatever_the_seeds_and_a_shift_lies_below_it(seeds):
    """Why the floor stands beside it: the best of many thresholds always finds some tail that parts two samples."""
    floor, shifted = (forgetting_score(models(1, (seeds, 150), shift), models(2, (seeds, 150))) for shift in (0, 2))
    assert floor == pytest.approx(FORGETTING_QUALITY.ideal, abs=0.03)
    assert shifted < floor - 0.05


# --- What they need


def ask(metric, seeds):
    array = models(1, (seeds, 5))
    if metric is U_LIRA:
        return u_lira(array, array)
    return rmia(*[-np.abs(array)] * 4) if metric is RMIA else forgetting_quality(array, array, EVEN, EVEN)


@pytest.mark.parametrize("metric, fewest", [(U_LIRA, 3), (RMIA, 2), (FORGETTING_QUALITY, 8)])
def test_too_few_seeds_are_said_in_one_sentence(metric, fewest):
    assert metric.needs == fewest
    assert isinstance(ask(metric, fewest), float)
    there = "there is 1" if fewest == 2 else f"there are {fewest - 1}"
    with pytest.raises(TooFewSeeds) as told:
        ask(metric, fewest - 1)
    assert str(told.value) == f"{metric.title} needs {fewest} seeds; {there}."
    assert isinstance(told.value, ValueError)


@pytest.mark.parametrize("ours, theirs", [((3, 5), (4, 5)), ((3, 5), (3, 6)), ((3,), (3,)), ((3, 0), (3, 0))])
def test_arrays_that_do_not_fit_are_refused(ours, theirs):
    with pytest.raises(ValueError, match=r"same examples; got|seeds by examples; got"):
        u_lira(np.zeros(ours), np.zeros(theirs))


@pytest.mark.parametrize("metric", OVER_SEEDS, ids=lambda m: m.key)
def test_each_is_described(metric):
    assert (metric.unit, metric.goal) in {("share", "high"), ("share", "match"), ("nats", "low")}
    assert metric.definition.endswith(".")
    assert (percent(metric.ideal) if metric.unit == "share" else f"{metric.ideal:g}") in metric.definition  # as its value is shown


# --- KLoM


def test_the_divergence_of_margins_is_that_of_twenty_bins_worked_by_hand():
    """Bins of 0.5 from 0 to 10. Ours: half in the first, half in the last; theirs: a quarter in the first, three quarters in the second."""
    ours, theirs = np.array([0.0, 0.1, 9.9, 10.0]), np.array([0.2, 0.6, 0.7, 0.9])
    total = 1 + 18 * 1e-5
    wanted = 0.5 * np.log(0.5 / (0.25 / total)) + 0.5 * np.log(0.5 / (1e-5 / total))
    assert margin_divergence(ours, theirs) == pytest.approx(wanted, abs=1e-12)
    other = 0.25 * np.log(0.25 / (0.5 / total)) + 0.75 * np.log(0.75 / (1e-5 / total))  # the other way round is another number
    assert margin_divergence(theirs, ours) == pytest.approx(other, abs=1e-12)
    assert margin_divergence(np.full(5, 30.0), np.full(7, 30.0)) == 0.0


def test_klom_is_a_percentile_over_images_and_at_its_floor_where_unlearning_is_retraining():
    unlearned, reference = models(1, (100, 400)), models(2, (100, 400))
    each = [margin_divergence(unlearned[:, n], reference[:, n]) for n in range(400)]
    assert klom(unlearned, reference) == pytest.approx(np.percentile(each, 95))
    assert klom(unlearned, reference, 50.0) == pytest.approx(np.median(each))
    assert np.mean(each) == pytest.approx(0.35, abs=0.05)
    shifted = models(1, (100, 400), shift=1.0)
    assert np.mean([margin_divergence(shifted[:, n], reference[:, n]) for n in range(400)]) == pytest.approx(1.19, abs=0.1)
    fifty = [klom(models(s, (50, 400)), models(s + 50, (50, 400))) for s in range(3)]
    assert np.mean(fifty) == pytest.approx(KLOM.ideal, abs=0.2)
    assert klom(models(1, (60, 30), shift=100.0), models(2, (60, 30))) == pytest.approx(np.log(1e5), abs=0.01)


def test_klom_asks_for_fifty_seeds_of_the_same_images():
    with pytest.raises(TooFewSeeds, match="needs 50 seeds; there are 49"):
        klom(models(1, (49, 3)), models(2, (49, 3)))
    with pytest.raises(ValueError, match="same examples"):
        klom(models(1, (50, 3)), models(2, (50, 4)))
