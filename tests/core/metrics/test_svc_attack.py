"""The papers' attack by a support vector machine: its rule, its dual solved by SciPy, and what it is given."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax

from core.metrics import svc_attack
from core.metrics.base import NotApplicable
from core.metrics.registry import METRICS
from core.metrics.svc_attack import share_called_unseen
from tests.core.metrics.evidence import evidence_of


def test_the_unsure_are_called_unseen():
    draw = np.random.default_rng(0)
    members, others = draw.uniform(0.9, 1.0, 100), draw.uniform(0.1, 0.5, 100)
    assert share_called_unseen(members, others, np.array([0.95, 0.97, 0.2, 0.3])) == 0.5
    assert share_called_unseen(members, others, np.array([0.99])) == 0.0


def decision(asked, members, others, penalty=3.0):
    """The machine's dual with a Gaussian kernel of gamma = 1, solved by SciPy: what it decides by, above 0 for members."""
    points, sides = np.concatenate([members, others]), np.repeat([1.0, -1.0], [len(members), len(others)])
    kernel = np.exp(-((points[:, None] - points[None]) ** 2))
    signed = kernel * np.outer(sides, sides)
    found = minimize(
        lambda a: a @ signed @ a / 2 - a.sum(), np.full(len(points), penalty / 2), jac=lambda a: signed @ a - 1, method="SLSQP",
        bounds=[(0.0, penalty)] * len(points), constraints={"type": "eq", "fun": lambda a: sides @ a, "jac": lambda a: sides},
        options={"maxiter": 1000, "ftol": 1e-14},
    )  # fmt: skip
    assert found.success
    free = (found.x > 1e-3) & (found.x < penalty - 1e-3)
    bias = np.mean(sides[free] - kernel[free] @ (found.x * sides))
    return np.exp(-((asked[:, None] - points[None]) ** 2)) @ (found.x * sides) + bias


def test_it_is_the_machine_with_a_gaussian_kernel_of_gamma_one_and_c_three():
    draw = np.random.default_rng(1)
    members, others = draw.normal(2.7, 1.2, 14), draw.normal(0.3, 1.2, 11)
    asked = np.linspace(-3, 6, 61)
    values = decision(asked, members, others)
    clear = np.abs(values) > 1e-3
    assert clear.sum() > 50
    assert {value > 0 for value in values} == {True, False}
    for one, value in zip(asked[clear], values[clear], strict=True):
        assert share_called_unseen(members, others, np.array([one])) == (value < 0), one


def test_it_learns_from_as_many_retained_as_test_images_and_asks_for_the_forget_set(grey, monkeypatch):
    evidence, seen = evidence_of(grey, "class:2"), []
    monkeypatch.setattr(svc_attack, "share_called_unseen", lambda *sides: seen.append(sides) or 0.25)
    assert METRICS["attack_svc_unseen"].compute(evidence, "unlearned") == 0.25
    members, others, targets = seen[0]
    answers, splits = evidence.logits["unlearned"], evidence.splits
    train, test = (
        softmax(logits.double().numpy(), axis=1)[np.arange(len(logits)), part.labels.numpy()]
        for logits, part in ((answers.train, splits.train), (answers.test, splits.test))
    )
    gone = splits.forgotten.numpy()
    assert len(members) == len(others) == min((~gone).sum(), len(test)) < len(train)
    np.testing.assert_allclose(targets, train[gone], rtol=1e-6)
    np.testing.assert_allclose(others, test, rtol=1e-6)
    assert all(np.isclose(train[~gone], value, rtol=1e-6).any() for value in members)
    monkeypatch.setattr(svc_attack, "MOST", 25)
    METRICS["attack_svc_unseen"].compute(evidence_of(grey, "class:2"), "unlearned")
    assert [len(side) for side in seen[1]] == [25, 25, len(targets)]


def test_where_it_cannot_be_made_there_is_a_reason(grey, attributes):
    with pytest.raises(NotApplicable, match="the smallest set has 3"):
        METRICS["attack_svc_unseen"].compute(evidence_of(grey, "samples:1,2,3"), "unlearned")
    with pytest.raises(NotApplicable, match="several attributes"):
        METRICS["attack_svc_unseen"].compute(evidence_of(attributes, "samples:1,2,3"), "unlearned")
