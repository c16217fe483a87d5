"""The attack by loss against the same attack written out by hand, and where it must land."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedShuffleSplit

from core.metrics import METRICS
from core.metrics.base import NotApplicable
from core.metrics.membership import loss_attack
from tests.core.metrics.evidence import evidence_of


def by_hand(members: np.ndarray, others: np.ndarray, seed: int) -> float:
    """Ten stratified splits; the attacker sees standardised losses of nine tenths and guesses the last tenth."""
    count = min(len(members), len(others))
    draw = np.random.default_rng(seed)
    x = np.concatenate([draw.choice(members, count, replace=False), draw.choice(others, count, replace=False)])
    y = np.array([1] * count + [0] * count)
    scores = []
    for seen, held_out in StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=seed).split(x[:, None], y):
        assert y[seen].mean() == pytest.approx(0.5, abs=0.05)
        mean, deviation = x[seen].mean(), x[seen].std()
        attacker = LogisticRegression().fit((x[seen, None] - mean) / deviation, y[seen])
        scores.append(accuracy_score(y[held_out], attacker.predict((x[held_out, None] - mean) / deviation)))
    return float(np.mean(scores))


@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_the_attack_written_out_by_hand(seed):
    draw = np.random.default_rng(7)
    members, others = draw.exponential(0.5, 90), draw.exponential(1.5, 130)
    assert loss_attack(members, others, seed) == pytest.approx(by_hand(members, others, seed), abs=1e-12)


def test_where_nothing_tells_the_two_apart_it_is_at_chance():
    draw = np.random.default_rng(1)
    assert loss_attack(draw.exponential(1, 1500), draw.exponential(1, 1500), 0) == pytest.approx(0.5, abs=0.06)


def test_where_the_losses_do_not_overlap_it_is_always_right():
    assert loss_attack(np.linspace(0, 0.1, 60), np.linspace(5, 9, 60), 0) == 1.0


def test_unequal_counts_do_not_help_it():
    """A guess of 'always the larger side' would be right in 95 of 100 cases if the sides were not balanced."""
    draw = np.random.default_rng(2)
    for members, others in ((1900, 100), (100, 1900)):
        assert loss_attack(draw.normal(0, 1, members), draw.normal(0, 1, others), 0) < 0.7


def test_the_same_seed_gives_the_same_number():
    draw = np.random.default_rng(3)
    members, others = draw.normal(0, 1, 50), draw.normal(0.5, 1, 70)
    assert loss_attack(members, others, 4) == loss_attack(members, others, 4)


@pytest.mark.parametrize("members, others", [(9, 100), (100, 9), (0, 5)])
def test_below_ten_examples_a_side_there_is_a_reason(members, others):
    with pytest.raises(NotApplicable, match=rf"smaller side has {min(members, others)}\.$"):
        loss_attack(np.zeros(members), np.ones(others), 0)


@pytest.mark.parametrize("request_, unseen", [("class:2", [2]), ("random:0.2", [0, 1, 2])])
def test_the_metric_sets_the_forget_set_against_unseen_images_of_the_same_classes(grey, request_, unseen):
    evidence = evidence_of(grey, request_)
    answers, forgotten = evidence.answers["unlearned"], evidence.splits.forgotten.numpy()

    def losses(logits, labels):
        logits = logits.double().numpy()
        return logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]

    labels, test_labels = grey.dataset.train.labels.numpy(), grey.dataset.test.labels.numpy()
    members = losses(answers.train, labels)[forgotten]
    others = losses(answers.test, test_labels)[np.isin(test_labels, unseen)]
    ours = METRICS["attack_loss_accuracy"].compute(evidence, "unlearned")
    assert ours == pytest.approx(by_hand(members, others, 5), abs=1e-9)


def test_without_unseen_examples_there_is_a_reason(grey):
    with pytest.raises(NotApplicable, match="no test-forget examples"):
        METRICS["attack_loss_accuracy"].compute(evidence_of(grey, test_classes=(0, 1)), "unlearned")
    with pytest.raises(NotApplicable, match="smaller side has 3"):
        METRICS["attack_loss_accuracy"].compute(evidence_of(grey, "samples:1,2,3"), "unlearned")
