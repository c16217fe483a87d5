"""The attacks by loss and by entropy against the same attacks written out by hand, and where they must land."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score, roc_curve
from sklearn.model_selection import StratifiedShuffleSplit
import torch

from core.metrics.base import NotApplicable
from core.metrics.membership_inference import kit_attack, loss_attack, share_called_member
from core.metrics.registry import METRICS
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


@pytest.mark.parametrize("attack", [partial(loss_attack, seed=0), kit_attack], ids=["standardised", "kit"])
@pytest.mark.parametrize("members, others", [(9, 100), (100, 9), (0, 5)])
def test_below_ten_examples_a_side_there_is_a_reason(attack, members, others):
    with pytest.raises(NotApplicable, match=rf"smaller side has {min(members, others)}\.$"):
        attack(np.zeros(members), np.ones(others))


def losses(logits, labels):
    logits = logits.double().numpy()
    return logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]


def forgotten_and_unseen(tiny, evidence, unseen):
    """Losses of the forget set and of test images of the classes `unseen`."""
    answers, forgotten = evidence.logits["unlearned"], evidence.splits.forgotten.numpy()
    labels, test_labels = tiny.dataset.train.labels.numpy(), tiny.dataset.test.labels.numpy()
    return losses(answers.train, labels)[forgotten], losses(answers.test, test_labels)[np.isin(test_labels, unseen)]


def test_nomus_takes_the_attack_of_the_kit_and_its_sister_the_standardised_one(grey):
    evidence = evidence_of(grey)
    kept, truth = evidence.splits.test_retain, evidence.logits["unlearned"].test[~evidence.splits.test_forgotten].argmax(1)
    accuracy = float((truth == kept.labels).double().mean())
    sides = forgotten_and_unseen(grey, evidence, [2])
    rounded = [side.astype(np.float32) for side in sides]
    for key, attack, score in (
        ("attack_kit_accuracy", kit_attack(*rounded), "nomus"),
        ("attack_loss_accuracy", loss_attack(*sides, 5), "nomus_standardised"),
    ):
        assert METRICS[key].compute(evidence, "unlearned") == attack
        assert METRICS[score].compute(evidence, "unlearned") == pytest.approx(accuracy / 2 + 0.5 - abs(attack - 0.5))


REQUESTS = pytest.mark.parametrize("request_, unseen", [("class:2", [2]), ("random:0.2", [0, 1, 2])])


@REQUESTS
def test_the_metric_sets_the_forget_set_against_unseen_images_of_the_same_classes(grey, request_, unseen):
    evidence = evidence_of(grey, request_)
    members, others = forgotten_and_unseen(grey, evidence, unseen)
    ours = METRICS["attack_loss_accuracy"].compute(evidence, "unlearned")
    assert ours == pytest.approx(by_hand(members, others, 5), abs=1e-9)


@REQUESTS
def test_at_few_false_alarms_it_is_the_point_of_scikit_learns_curve(grey, request_, unseen):
    evidence = evidence_of(grey, request_)
    members, others = forgotten_and_unseen(grey, evidence, unseen)
    truth = np.repeat([1, 0], [len(members), len(others)])
    false_positive, true_positive, _ = roc_curve(truth, -np.concatenate([members, others]), drop_intermediate=False)
    ours = METRICS["attack_tpr_at_10"].compute(evidence, "unlearned")
    assert ours == true_positive[false_positive <= 0.1].max()


def test_too_few_unseen_or_forgotten_examples_for_a_rate_of_false_alarms_are_said(grey):
    evidence = evidence_of(grey)  # 20 test images of the class
    with pytest.raises(NotApplicable, match=r"^1 % of 20 test examples is less than one; this rate needs at least 100\.$"):
        METRICS["attack_tpr_at_1"].compute(evidence, "unlearned")
    for request, there in (("samples:3", "is 1"), ("samples:1,2,3", "are 3")):
        with pytest.raises(NotApplicable, match=rf"needs 10 forgotten examples; there {there}\.$"):
            METRICS["attack_tpr_at_10"].compute(evidence_of(grey, request), "unlearned")


@pytest.mark.parametrize("request_", ["class:2", "random:0.2", "samples:3,4,5,6,7,8,9,10,11,12,13,14"])
def test_the_attack_by_entropy_learns_from_what_was_kept_and_asks_for_the_forget_set(grey, request_):
    evidence = evidence_of(grey, request_)
    answers, splits = evidence.logits["unlearned"], evidence.splits
    train, test = (entropy(softmax(part.double().numpy(), axis=1), axis=1) for part in (answers.train, answers.test))
    gone, unseen_gone = splits.forgotten.numpy(), splits.test_forgotten.numpy()
    kept, unseen = train[~gone], test[~unseen_gone]
    weights = np.repeat([1 / len(kept), 1 / len(unseen)], [len(kept), len(unseen)]) * (len(kept) + len(unseen)) / 2
    scores, sides = np.concatenate([kept, unseen])[:, None], np.repeat([1, 0], [len(kept), len(unseen)])
    attack = LogisticRegression(C=2.0, tol=1e-9).fit(scores, sides, weights)
    wanted = attack.predict(train[gone][:, None]).mean()
    ours = METRICS["attack_entropy_members"].compute(evidence, "unlearned")
    assert ours == pytest.approx(wanted, abs=1e-12)


def test_by_entropy_the_sure_are_members_whatever_the_counts():
    """Members are ten times as many: without balance all would be called members."""
    draw = np.random.default_rng(0)
    members, others = draw.normal(0.5, 0.1, 900), draw.normal(1.5, 0.1, 90)
    assert share_called_member(members, others, np.array([0.4, 0.5, 1.5, 1.6])) == 0.5
    assert share_called_member(members, others, np.array([0.93, 1.07])) == 0.5


@pytest.mark.parametrize("members, others", [(9, 100), (100, 9)])
def test_by_entropy_ten_examples_a_side_are_needed(members, others):
    with pytest.raises(NotApplicable, match=r"needs 10 retain and 10 test retain examples; the smaller side has 9\.$"):
        share_called_member(np.zeros(members), np.ones(others), np.ones(1))


def test_by_entropy_it_looks_at_a_thousand_examples_a_side_drawn_by_the_seed(grey, monkeypatch):
    from core.metrics import membership_inference

    seen = []
    monkeypatch.setattr(membership_inference, "share_called_member", lambda *sides: seen.append([len(s) for s in sides]) or 0.0)
    METRICS["attack_entropy_members"].compute(evidence_of(grey), "unlearned")
    monkeypatch.setattr(membership_inference, "MOST", 25)
    METRICS["attack_entropy_members"].compute(evidence_of(grey), "unlearned")
    assert seen == [[80, 40, 40], [25, 25, 40]]
    assert membership_inference.MOST == 25


def test_without_unseen_examples_there_is_a_reason(grey):
    with pytest.raises(NotApplicable, match="no test-forget examples"):
        METRICS["attack_loss_accuracy"].compute(evidence_of(grey, test_classes=(0, 1)), "unlearned")
    with pytest.raises(NotApplicable, match="smaller side has 3"):
        METRICS["attack_loss_accuracy"].compute(evidence_of(grey, "samples:1,2,3"), "unlearned")


@pytest.mark.parametrize("request_, unseen", [("class:2", "gone"), ("random:0.3", "all")])
def test_the_attack_by_low_loss_is_scikit_learns_auc(grey, request_, unseen):
    evidence = evidence_of(grey, request_)
    answers, splits = evidence.logits["unlearned"], evidence.splits
    losses = [torch.nn.functional.cross_entropy(logits.double(), labels, reduction="none").numpy()
              for logits, labels in ((answers.train, splits.train.labels), (answers.test, splits.test.labels))]  # fmt: skip
    forget = losses[0][splits.forgotten.numpy()]
    other = losses[1][splits.test_forgotten.numpy()] if unseen == "gone" else losses[1]
    wanted = roc_auc_score(np.repeat([1, 0], [len(forget), len(other)]), -np.concatenate([forget, other]))
    assert METRICS["attack_auc"].compute(evidence, "unlearned") == pytest.approx(wanted, abs=1e-12)


def test_over_forgetting_pushes_the_attack_by_low_loss_below_chance_and_the_learnt_one_above(grey):
    """The learnt attack turns itself round, so it cannot tell the two apart."""
    evidence = evidence_of(grey, "random:0.3")
    gone = evidence.splits.forgotten
    wrong = 30.0 * torch.nn.functional.one_hot((evidence.splits.train.labels + 1) % 3, 3).float()
    train = torch.where(gone[:, None], wrong, evidence.logits["unlearned"].train)
    spoiled = replace(evidence, logits={**evidence.logits, "unlearned": replace(evidence.logits["unlearned"], train=train)})
    assert METRICS["attack_auc"].compute(spoiled, "unlearned") == 0
    assert METRICS["attack_loss_accuracy"].compute(spoiled, "unlearned") > 0.9


@pytest.mark.parametrize("key", ["attack_auc", "attack_entropy_members"])
def test_fewer_than_ten_forgotten_images_are_no_evidence_of_membership(grey, key):
    with pytest.raises(NotApplicable, match="needs 10 forgotten examples; there is 1"):
        METRICS[key].compute(evidence_of(grey, "samples:3"), "unlearned")
