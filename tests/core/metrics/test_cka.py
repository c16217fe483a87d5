"""Linear CKA: against its definition by kernels, its invariances, and what it says of networks."""

import numpy as np
import pytest
import torch

from core.metrics.base import NotApplicable
from core.metrics.cka import FEWEST, cka_table, layer_similarity, linear_cka
from core.metrics.registry import METRICS
from tests.core.metrics.evidence import inside


@pytest.fixture
def x():
    return torch.randn(40, 7, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def y():
    return torch.randn(40, 5, generator=torch.Generator().manual_seed(4))


def test_it_is_the_definition_by_hsic_of_centred_kernels(x, y):
    n = len(x)
    centre = np.eye(n) - 1 / n
    k, m = (centre @ (z.double().numpy() @ z.double().numpy().T) @ centre for z in (x, y))
    wanted = np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(x, y) == pytest.approx(wanted, rel=1e-9)


def test_turning_scaling_and_shifting_change_nothing(x):
    turn, _ = torch.linalg.qr(torch.randn(7, 7, generator=torch.Generator().manual_seed(5), dtype=torch.float64))
    assert linear_cka(x, 3 * (x.double() @ turn) + 11) == pytest.approx(1, abs=1e-9)


def test_features_that_share_nothing_are_unlike():
    x = torch.tensor([[1.0, 0], [-1, 0], [0, 0], [0, 0]])
    y = torch.tensor([[0.0], [0], [1], [-1]])
    assert linear_cka(x, y) == pytest.approx(0)


def test_features_that_do_not_vary_are_like_nothing(x):
    assert linear_cka(x, torch.ones(40, 3)) == 0


def test_a_network_is_like_itself_and_less_like_one_that_never_learned(grey):
    evidence = inside(grey)
    assert set(layer_similarity(evidence, "forget", "unlearned", "original")) == {"conv1", "conv2", "hidden", "classifier"}
    assert all(v == pytest.approx(1) for v in layer_similarity(evidence, "forget", "unlearned", "original").values())
    other = layer_similarity(evidence, "retain", "unlearned", "reference")
    assert other["classifier"] < 0.99
    assert METRICS["cka_retain_to_reference"].compute(evidence, "unlearned") == pytest.approx(other["hidden"])


def test_the_table_has_a_row_for_each_layer_set_and_pair(grey):
    table = cka_table(inside(grey))
    assert len(table) == 4 * 2 * 3
    assert table.groupby(["set", "model", "other"]).size().eq(4).all()
    assert len(cka_table(inside(grey, models=("original", "unlearned")))) == 4 * 2


def test_too_few_images_are_no_evidence(grey):
    with pytest.raises(NotApplicable, match=f"needs {FEWEST} images; the forget set has 3"):
        layer_similarity(inside(grey, "samples:1,2,3"), "forget", "unlearned", "original")
    assert set(cka_table(inside(grey, "samples:1,2,3"))["set"]) == {"retain"}
