"""Metrics as their publications and the public code define them, written out once more here; no foreign code is needed.

Each test writes a formula from its publication, or works a value by hand. Planted values, and where they come from:

- Attack by the loss: 607 of 1,000 members and 393 of 1,000 others have the loss 0.0001, the rest 0.0003. By the code of the NeurIPS 2023
  starting kit (unlearning-challenge/starting-kit, `simple_mia`; the same in ndb796/MachineUnlearning, MUFAC and MUCAC) 0.500, for the
  solver stops where it starts (scikit-learn 1.9.1; 1.2.2 of 2023 gives 0.617); on standardised losses 0.607, up to the draw of what is
  held out.
- NoMUS (arXiv:2311.02240, accuracy / 2 + (1 - 2 |attack - 1/2|) / 2): the same at a test accuracy of 0.9, 0.950; by the standardised
  attack 0.843. The nine rows of MUFAC are its README's.
- ZRF (arXiv:2205.08096): (3/4, 1/4) against (1/4, 3/4), 0.869 by the paper's text and 0.928 by its code (`JSDiv` in
  vikram2000b/bad-teaching-unlearning and if-loops/selective-synaptic-dampening).
- RMIA (arXiv:2312.03262): Lambda of 2 against test images of 1 and 3, area 0.5; by the score of privacytrustlab/ml_privacy_meter
  (`run_rmia`) 0.75, which is 1 / (2 Z) more.
- Anamnesis index (arXiv:2201.05629): 0, 3 and 6 steps where the reference takes 6 give 0, 0.5 and 1; `relearn_time` of
  ayu987/zero-shot-unlearning counts one step at least, so 1/6 for the first.
- Predicted members (SSD's `get_membership_attack_prob`): the optimum of a balanced multinomial regression, by SciPy.
- Epsilon: rates of 0.1 and 0.2 give ln 8 by the greater logarithm (`_get_epsilons` of google-deepmind/unlearning_evaluation) and ln 4.5
  by the smaller (`calculate_scores` of gnueaj/Machine-Unlearning-Comparator).
- Forgetting quality (`compute_forget_score_from_confs`): equal models 1 point, parted ones none, rates of 1/8 and 1/2 a quarter.
- Worst case (Unlearning Comparator): three of four predictions on the right side, score 2^-ln 3.
- U-LiRA (arXiv:2403.01218, N_u / (N_u + N_r) > 1/2): one example, three seeds, 4 of 6 guesses right.
- phi (arXiv:2112.03570, ln(p / (1 - p))): p = 3/4, ln 3. Activation distance (`actv_dist` of bad-teaching-unlearning): sqrt 2.
- Tug of war (arXiv:2406.01257; `surgical_plugins/analysis.py` of kairanzhao/RUM): gaps 0.1, -0.05, 0.2, so 0.9 x 0.95 x 0.8; the average
  gap (SalUn, arXiv:2310.12508) with an attack's gap of -0.15 is 0.125.
- Linear CKA (arXiv:1905.00414): (1, -1, 1, -1) against (1, -1, 1, 1), 1/3.

What a metric departs in from the code of others stands in its definition, which pages show as help.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score
import torch

from core.metrics import reference_agreement, relearning
from core.metrics.base import Evidence
from core.metrics.cka import linear_cka
from core.metrics.forget_set_outputs import zrf_of_code
from core.metrics.membership_inference import kit_attack, loss_attack, nomus, share_called_member
from core.metrics.privacy.epsilon import DELTA, epsilon_of_example, epsilons
from core.metrics.privacy.multi_seed import forgetting_score, rmia, u_lira
from core.metrics.privacy.unlearned_against_retrained import worst_case
from core.metrics.reference_agreement import activation_distance, tug_of_war
from core.metrics.registry import METRICS
from core.metrics.tables.per_example import confidence
from core.training.losses import jensen_shannon


def kit(member: np.ndarray, other: np.ndarray) -> float:
    """The kit's cell: forget losses shuffled by numpy's seed 42 (MUFAC) and cut; losses as they are; splits of seed 0."""
    shuffled = member.copy()
    np.random.RandomState(42).shuffle(shuffled)
    x = np.concatenate([other, shuffled[: len(other)]]).astype(np.float32).reshape(-1, 1)
    y = np.array([0] * len(other) + [1] * min(len(other), len(member)))
    splits = StratifiedShuffleSplit(n_splits=10, random_state=0)
    return float(cross_val_score(LogisticRegression(), x, y, cv=splits, scoring="accuracy").mean())


# The attack by the loss, and NoMUS.

LOW, HIGH = 0.0001, 0.0003


def planted(scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """607 of 1,000 members have the low loss, and 393 of 1,000 others."""
    return tuple(scale * np.where(np.arange(1000) < low, LOW, HIGH) for low in (607, 393))


def test_on_losses_as_they_are_the_kit_s_attack_is_blind_to_small_differences():
    """At weights of 0 the mean gradient is a quarter of the difference of means, 0.00001: below the solver's 0.0001, it stops."""
    members, others = planted()
    assert abs(members.mean() - others.mean()) / 4 < 1e-4
    assert kit_attack(members, others) == kit(members, others) == 0.5


def test_standardised_it_guesses_by_the_low_loss_at_any_scale():
    members, others = planted()
    for seed in (0, 1):
        assert loss_attack(members, others, seed) == loss_attack(*planted(1e4), seed) == pytest.approx(0.607, abs=0.03)
    draw = np.random.default_rng(0)
    low = np.concatenate([draw.choice(side, 1000, replace=False) for side in (members, others)]) == LOW
    truth = np.repeat([1, 0], 1000)
    splits = StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=0).split(truth, truth)
    assert loss_attack(members, others, 0) == pytest.approx(np.mean([(low[rest] == truth[rest]).mean() for _, rest in splits]))


@pytest.mark.parametrize("scale", [0.003, 0.1, 3.0])
@pytest.mark.parametrize("members, others", [(60, 60), (200, 60), (1500, 1504)])
def test_the_kit_s_attack_is_the_kit_s_code(members, others, scale):
    draw = np.random.default_rng(3)
    sides = scale * draw.exponential(1, members), scale * draw.exponential(2, others)
    assert kit_attack(*sides) == kit(*sides)


def test_the_kit_s_code_rewards_naming_the_larger_side_and_ours_does_not():
    draw = np.random.default_rng(3)
    members, others = draw.exponential(1, 40), draw.exponential(1, 400)
    assert kit(members, others) == pytest.approx(10 / 11, abs=0.01)
    assert kit_attack(members, others) == pytest.approx(0.5, abs=0.2)


def test_nomus_takes_the_kit_s_attack_and_moves_by_a_tenth_where_it_is_blind():
    assert nomus(0.9, kit_attack(*planted())) == 0.95
    assert nomus(0.9, 0.607) == pytest.approx(0.843)
    assert nomus(0.9, loss_attack(*planted(), 0)) == pytest.approx(0.843, abs=0.03)


@pytest.mark.parametrize(
    "accuracy, attack, score",
    [
        (0.5951, 0.2136, 0.5839), (0.4880, 0.0445, 0.6995), (0.6055, 0.2129, 0.5898), (0.5900, 0.2126, 0.5824), (0.4048, 0.0485, 0.6539),
        (0.5893, 0.2089, 0.5857), (0.5925, 0.1990, 0.5972), (0.5984, 0.1415, 0.6577), (0.5633, 0.0953, 0.6863),
    ],
)  # fmt: skip
def test_nomus_gives_every_row_of_mufac(accuracy, attack, score):
    """Columns of its README: test accuracy, |attack - 1/2|, final score."""
    assert nomus(accuracy, 0.5 + attack) == pytest.approx(score, abs=1e-4)
    assert nomus(accuracy, 0.5 - attack) == pytest.approx(score, abs=1e-4)


# ZRF.


def test_zrf_by_hand_as_the_paper_and_as_the_code_have_it():
    p, q = (torch.tensor([shares]).log() for shares in ([0.75, 0.25], [0.25, 0.75]))
    paper = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)  # KL(p || m), m = (1/2, 1/2); KL(q || m) is the same
    code = (0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25)) / 2  # KL(m || p) over the number of classes
    assert 1 - float(jensen_shannon(p, q)) == pytest.approx(1 - paper)
    assert zrf_of_code(p, q) == pytest.approx(1 - code)
    assert (1 - paper, 1 - code) == (pytest.approx(0.869, abs=5e-4), pytest.approx(0.928, abs=5e-4))


@pytest.mark.parametrize("classes, spread", [(2, 1.0), (10, 4.0), (100, 8.0)])
def test_both_are_their_sums_over_examples_and_classes(classes, spread):
    logits = torch.randn(2, 50, classes, generator=torch.Generator().manual_seed(classes)) * spread
    p, q = softmax(logits.double().numpy(), -1)
    m = (p + q) / 2
    paper = [(0.5 * (row_p * np.log(row_p / row_m)).sum() + 0.5 * (row_q * np.log(row_q / row_m)).sum())
             for row_p, row_q, row_m in zip(p, q, m, strict=True)]  # fmt: skip
    code = 0.5 * (m * (np.log(m) - np.log(p))).mean() + 0.5 * (m * (np.log(m) - np.log(q))).mean()
    assert 1 - float(jensen_shannon(logits[0], logits[1]).mean()) == pytest.approx(1 - np.mean(paper))
    assert zrf_of_code(logits[0], logits[1]) == pytest.approx(1 - code)


def test_the_code_s_zrf_has_no_floor_and_the_paper_s_has():
    sure, of_the_other = torch.tensor([[200.0, 0]]), torch.tensor([[0.0, 200]])
    assert 1 - float(jensen_shannon(sure, of_the_other)) == pytest.approx(1 - np.log(2))
    assert zrf_of_code(sure, of_the_other) == pytest.approx(1 - (200 / 2 - np.log(2)) / 2)


# RMIA.


def test_the_area_of_lambda_and_of_the_published_score_by_hand():
    """One reference beside the target; a = 1, p_out = 1/10 for all: Lambda = 10 p. The score ties 2 with 3, for both beat 1 alone."""
    target, out = np.log([[0.2], [0.2]]), np.log([[0.1], [0.1]])
    population, out_population = np.log([[0.1, 0.3]] * 2), np.log([[0.1, 0.1]] * 2)
    assert rmia(target, population, out, out_population, a=1.0) == 0.5
    of_x, of_z = np.array([2.0]), np.array([1.0, 3.0])
    scores = [np.mean(value / of_z > 1) for value in (*of_x, *of_z)]
    assert scores == [0.5, 0.0, 0.5]
    assert roc_auc_score([1, 0, 0], scores) == 0.75 == 0.5 + 1 / (2 * len(of_z))


def test_the_published_score_s_area_is_higher_by_half_an_example_at_most():
    draw = np.random.default_rng(1)
    forget, population = np.log(draw.uniform(0.1, 0.9, (2, 2, 40))), np.log(draw.uniform(0.1, 0.9, (2, 2, 25)))
    areas = []
    for target in (0, 1):
        ratios = [np.exp(of[0, target]) / (0.5 * (1.3 * np.exp(of[1, 1 - target]) + 0.7)) for of in (forget, population)]
        scores = [np.mean(value / ratios[1] > 1) for side in ratios for value in side]
        areas.append(roc_auc_score(np.repeat([1, 0], [40, 25]), scores))
    ours = rmia(forget[0], population[0], forget[1], population[1])
    assert ours < np.mean(areas) <= ours + 1 / (2 * 25)


# The Anamnesis index.


@pytest.mark.parametrize("steps, index", [(0, 0), (3, 0.5), (6, 1)])
def test_the_anamnesis_index_is_the_steps_over_the_reference_s_from_zero(monkeypatch, steps, index):
    """The public code steps before it looks: its count is max(1, steps)."""
    taken = {"unlearned": steps, "reference": 6}
    monkeypatch.setattr(relearning, "relearn", lambda _, model: SimpleNamespace(steps=taken[model], reached=True))
    assert METRICS["anamnesis_index"].compute(Evidence(SimpleNamespace(), {}, {}), "unlearned") == index


# SSD's attack by entropy.


@pytest.mark.parametrize("scale", [0.001, 1.0])
def test_predicted_members_are_those_of_a_balanced_multinomial_regression(scale):
    """min sum w_i CE + 1/2 (||weights||^2), weights one a class; w_i balances the sides. Of a sure network's entropies too."""
    draw = np.random.default_rng(0)
    members, others, targets = (scale * draw.lognormal(*each) for each in ((-2, 1, 60), (-0.5, 1, 25), (-1, 1, 400)))
    x, y = np.concatenate([members, others]), np.repeat([1, 0], [60, 25])
    weights = len(x) / (2 * np.bincount(y))[y]

    def cost(theta):
        logits = np.outer(x, theta[:2]) + theta[2:]
        return -(weights * log_softmax(logits, 1)[np.arange(len(x)), y]).sum() + 0.5 * (theta[:2] ** 2).sum()

    best = minimize(cost, np.zeros(4), tol=1e-10).x
    called = np.outer(targets, best[:2]) + best[2:]
    assert share_called_member(members, others, targets) == pytest.approx((called[:, 1] > called[:, 0]).mean(), abs=0.003)


# Attacks on unlearned against retrained models.


def test_epsilon_by_hand_in_both_forms():
    """FPR 0.1, FNR 0.2: ln(0.9 / 0.2) = ln 4.5 and ln(0.8 / 0.1) = ln 8, but for delta."""
    rates = np.array([0.1]), np.array([0.2])
    assert epsilons(*rates, "max")[0] == pytest.approx(np.log(8), abs=2 * DELTA)
    assert epsilons(*rates, "min")[0] == pytest.approx(np.log(4.5), abs=2 * DELTA)


def test_points_of_the_challenge_by_hand():
    """Its bins are 0.5 wide and reach to ceil(ln 7) = 2: 1, 1/2, 1/4 and 1/8 points; 50, what is parted for sure, has none."""
    same = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])
    some = np.array([1.2, 2.2, 3.2, 4.2, 7.2, 7.3, 7.4, 7.5])
    parted = same + 100
    assert epsilon_of_example(parted, same) == 50
    assert forgetting_score(same[:, None], same[:, None]) == 1
    assert forgetting_score(parted[:, None], same[:, None]) == 0
    wanted = np.log((1 / 2 - DELTA) / (1 / 8))  # at a threshold of 7, FPR 1/8 and FNR 1/2: the third bin
    assert epsilon_of_example(some, same) == pytest.approx(wanted, abs=1e-9)
    assert max(challenge(some, same)) == pytest.approx(wanted, abs=1e-9)
    assert forgetting_score(some[:, None], same[:, None]) == 1 / 4


def challenge(unlearned: np.ndarray, reference: np.ndarray) -> list[float]:
    """Every epsilon of the challenge's grid of 0.01 (here 0.05): one threshold, and an interval within its buffers of 2."""
    high, low = sorted([unlearned, reference], key=np.median, reverse=True)
    narrow, wide = (high, low) if np.ptp(high) < np.ptp(low) else (low, high)
    width, rules = np.ptp(narrow), []
    every = np.concatenate([high, low])
    rules += [(high >= t, low >= t) for t in np.arange(every.min(), every.max() + 0.05, 0.05)]
    for right in np.arange(narrow.min() + width - 2, narrow.max() + 2, 0.05):
        for left in np.arange(right - width - 2, right - width + 2, 0.05):
            rules.append(((narrow >= left) & (narrow <= right), (wide >= left) & (wide <= right)))
    found = [0.0]
    for positive, negative in rules:
        fpr, fnr = negative.mean(), 1 - positive.mean()
        if fpr and fnr:  # exactly one rate of 0 is dropped; none here has both
            with np.errstate(invalid="ignore", divide="ignore"):
                found.append(np.nanmax([0.0, np.log(1 - 1e-5 - fpr) - np.log(fnr), np.log(1 - 1e-5 - fnr) - np.log(fpr)]))
    return found


def test_the_worst_case_by_hand():
    """Three of four on the right side: FPR = FNR = 1/4, epsilon = ln(3/4 : 1/4) in both forms."""
    ours, theirs = {"entropy": [0.1, 0.1, 0.1, 2.0], "gap": [1.0] * 4}, {"entropy": [2.0, 2, 2, 0.1], "gap": [1.0] * 4}
    for form in ("min", "max"):
        assert worst_case(ours, theirs, form).score == pytest.approx(2 ** -np.log(3), abs=1e-4)


def test_u_lira_by_hand():
    """p(unlearned) = N_u / (N_u + N_r) of the other seeds' Gaussians, of one example: 4 of 6 guesses are right."""
    unlearned, reference = np.array([[3.0], [4.0], [5.0]]), np.array([[0.0], [1.0], [3.9]])
    right = []
    for target in range(3):
        others = [seed for seed in range(3) if seed != target]
        densities = [norm(side[others].mean(), side[others].std(ddof=1)) for side in (unlearned, reference)]
        for phi, truth in ((unlearned[target, 0], True), (reference[target, 0], False)):
            shares = [density.pdf(phi) for density in densities]
            right.append((shares[0] / sum(shares) > 0.5) == truth)
    assert sum(right) == 4
    assert u_lira(unlearned, reference) == pytest.approx(4 / 6)


def test_phi_by_hand():
    assert confidence(torch.tensor([[np.log(3.0), 0.0]]), torch.tensor([0])).item() == pytest.approx(np.log(3))
    assert confidence(torch.tensor([[np.log(3.0), 0.0]]), torch.tensor([1])).item() == pytest.approx(-np.log(3))


# Agreement with the reference.


def test_activation_distance_by_hand():
    assert activation_distance(torch.tensor([[99.0, 0.0]]), torch.tensor([[0.0, 99.0]])) == pytest.approx(2**0.5)
    p, q = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.9, 0.1]]).log()
    assert activation_distance(p, q) == pytest.approx((2 * 0.4**2) ** 0.5)


def test_tug_of_war_and_the_average_gap_by_hand(monkeypatch):
    gaps = {"train_forget": 0.1, "train_retain": -0.05, "test_retain": 0.2}
    monkeypatch.setattr(reference_agreement, "_gap", lambda split, *_: gaps[split])
    monkeypatch.setattr(reference_agreement, "_attack_gap", lambda *_: -0.15)
    nothing = Evidence(SimpleNamespace(), {}, {})
    assert METRICS["tow"].compute(nothing, "unlearned") == tug_of_war(list(gaps.values())) == pytest.approx(0.9 * 0.95 * 0.8)
    assert METRICS["tow_attack"].compute(nothing, "unlearned") == pytest.approx(0.85 * 0.95 * 0.8)
    assert METRICS["average_gap"].compute(nothing, "unlearned") == pytest.approx(0.125)


def test_linear_cka_by_hand():
    """Centred, x'y = 2, x'x = 4 and y'y = 3: 2^2 / (4 * 3)."""
    x, y = torch.tensor([[1.0], [-1], [1], [-1]]), torch.tensor([[1.0], [-1], [1], [1]])
    assert linear_cka(x, y) == pytest.approx(1 / 3)
