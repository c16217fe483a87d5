"""Jensen-Shannon divergence against SciPy, and its bounds."""

from math import log

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
import torch

from core.metrics.base import NotApplicable
from core.metrics.reference_agreement import js_divergence
from core.metrics.registry import METRICS
from tests.core.metrics.evidence import evidence_of


def scipys(logits_p, logits_q):
    """SciPy's is the square root of the divergence, in nats by default."""
    p, q = softmax(logits_p.double().numpy(), axis=1), softmax(logits_q.double().numpy(), axis=1)
    return float((jensenshannon(p, q, axis=1) ** 2).mean())


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_it_agrees_with_scipy(scale):
    generator = torch.Generator().manual_seed(0)
    p, q = scale * torch.randn(50, 7, generator=generator), scale * torch.randn(50, 7, generator=generator)
    assert js_divergence(p, q) == pytest.approx(scipys(p, q), rel=1e-9)


def test_it_is_symmetric_zero_for_equal_beliefs_and_ln_2_without_overlap():
    sure = torch.tensor([[800.0, 0.0], [0.0, 800.0]])
    assert js_divergence(sure, sure) == pytest.approx(0, abs=1e-12)
    assert js_divergence(sure, sure.flip(1)) == pytest.approx(log(2), rel=1e-12)
    p, q = torch.randn(5, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(5, 3)
    assert js_divergence(p, q) == js_divergence(q, p)
    assert 0 < js_divergence(p, q) < log(2)


def test_a_shift_of_all_logits_is_no_change_of_beliefs():
    p = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    assert js_divergence(p, p + 100) == pytest.approx(0, abs=1e-9)


def test_half_certain_against_certain_by_hand():
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): 1/2 ln(4/3) + 1/2 (1/2 ln(2/3) + 1/2 ln 2).
    wanted = 0.5 * log(4 / 3) + 0.5 * (0.5 * log(2 / 3) + 0.5 * log(2))
    assert js_divergence(torch.tensor([[1000.0, 0.0]]), torch.zeros(1, 2)) == pytest.approx(wanted, rel=1e-12)


def test_the_metrics_compare_with_the_reference_on_the_forget_set_and_on_the_test_set(grey):
    evidence = evidence_of(grey)
    forget = np.isin(grey.dataset.train.labels.numpy(), [2])
    ours, theirs = evidence.logits["unlearned"], evidence.logits["reference"]
    for key, wanted in (
        ("js_to_reference", scipys(ours.train[forget], theirs.train[forget])),
        ("js_to_reference_test", scipys(ours.test, theirs.test)),
    ):
        assert METRICS[key].compute(evidence, "unlearned") == pytest.approx(wanted, rel=1e-9)
        assert "reference" not in METRICS[key].models


def test_without_a_reference_there_is_a_reason(grey):
    with pytest.raises(NotApplicable, match="no reference model"):
        METRICS["js_to_reference"].compute(evidence_of(grey, models=("original", "unlearned")), "unlearned")
