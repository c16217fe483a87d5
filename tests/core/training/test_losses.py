"""Shared losses against SciPy, scikit-learn, and values and gradients worked by hand."""

from math import log

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr, softmax
from sklearn.metrics import roc_auc_score
import torch

from core.training.losses import jensen_shannon, kl_divergence, other_labels, rank_auc


@pytest.fixture
def pair():
    """Two batches of logits, some of them far apart."""
    generator = torch.Generator().manual_seed(0)
    return tuple(3 * torch.randn(9, 5, generator=generator, dtype=torch.float64) for _ in range(2))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_kl_is_scipys_mean_over_the_batch_times_the_temperature_squared(pair, temperature):
    p, q = (softmax(z.numpy() / temperature, axis=1) for z in pair)
    wanted = temperature**2 * rel_entr(p, q).sum(1).mean()
    assert kl_divergence(*pair, temperature).item() == pytest.approx(wanted, rel=1e-12)


def test_kl_of_one_half_from_nine_tenths_is_what_a_hand_computes():
    target, logits = torch.tensor([[log(0.5), log(0.5)]]), torch.tensor([[log(0.9), log(0.1)]])
    # 1/2 ln(0.5 / 0.9) + 1/2 ln(0.5 / 0.1) = ln(0.5 / 0.3); the other way round the numbers differ.
    assert kl_divergence(target, logits).item() == pytest.approx(log(5 / 3), rel=1e-6)
    assert kl_divergence(logits, target).item() == pytest.approx(0.9 * log(1.8) + 0.1 * log(0.2), rel=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_kls_gradient_is_the_difference_of_the_two_answers_times_the_temperature_over_the_batch(pair, temperature):
    target, logits = pair[0], pair[1].requires_grad_()
    (gradient,) = torch.autograd.grad(kl_divergence(target, logits, temperature), logits)
    p, q = (softmax(z.detach().numpy() / temperature, axis=1) for z in pair)
    np.testing.assert_allclose(gradient.numpy(), temperature * (q - p) / 9, rtol=1e-10, atol=1e-15)


def test_kl_of_equal_answers_is_zero_whatever_was_added_to_the_logits(pair):
    assert kl_divergence(pair[0], pair[0] + 7.0).item() == pytest.approx(0.0, abs=1e-14)


def test_jensen_shannon_is_scipys_distance_squared_for_each_example(pair):
    p, q = (softmax(z.numpy(), axis=1) for z in pair)
    found = jensen_shannon(*pair)
    np.testing.assert_allclose(found.numpy(), jensenshannon(p, q, axis=1) ** 2, rtol=1e-10, atol=1e-15)
    torch.testing.assert_close(found, jensen_shannon(pair[1], pair[0]), rtol=1e-12, atol=1e-15)


def test_jensen_shannon_goes_from_zero_to_ln_2():
    sure = 1e4 * torch.eye(3)
    assert jensen_shannon(sure, sure).tolist() == pytest.approx([0.0] * 3, abs=1e-12)
    assert jensen_shannon(sure, sure.roll(1, 0)).tolist() == pytest.approx([log(2)] * 3, rel=1e-12)
    generator = torch.Generator().manual_seed(1)
    for scale in (0.01, 1.0, 100.0):
        p, q = (scale * torch.randn(200, 4, generator=generator) for _ in range(2))
        found = jensen_shannon(p, q)
        assert found.min() >= 0
        assert found.max() <= log(2)
        assert (jensen_shannon(p, p) >= 0).all()
        torch.testing.assert_close(jensen_shannon(p, p + 1), torch.zeros(200, dtype=torch.float64), rtol=0, atol=1e-9)


def test_jensen_shannon_sees_small_differences_in_single_precision():
    near = torch.tensor([[0.0, 0.001]])
    # To second order it is 1/8 sum (p - q)^2 / p: p = (1/2, 1/2), q off by 0.001 / 4 each: 1/8 x 2 x 2.5e-4^2 / (1/2).
    assert jensen_shannon(torch.zeros(1, 2), near).item() == pytest.approx(0.5 * 2.5e-4**2, rel=1e-3)


def test_another_label_is_never_the_true_one_and_all_others_come_evenly():
    labels = torch.arange(5).repeat(4000)
    drawn = other_labels(labels, 5, torch.Generator().manual_seed(2))
    assert drawn.dtype == torch.int64
    counts = torch.zeros(5, 5).index_put_((labels, drawn), torch.ones(()), accumulate=True)
    assert counts.diagonal().tolist() == [0.0] * 5
    # 4000 draws a row over four classes: 1000 each, give or take five deviations of sqrt(4000 x 1/4 x 3/4) = 27.4.
    assert (counts[~torch.eye(5, dtype=torch.bool)] - 1000).abs().max() < 5 * 27.4


def test_of_two_classes_another_label_is_the_other_one():
    labels = torch.tensor([0, 1, 1, 0])
    assert other_labels(labels, 2, torch.Generator()).tolist() == [1, 0, 0, 1]


def test_another_label_depends_on_the_generator_alone():
    labels = torch.arange(30) % 3
    first = other_labels(labels, 3, torch.Generator().manual_seed(3))
    assert torch.equal(first, other_labels(labels, 3, torch.Generator().manual_seed(3)))
    assert not torch.equal(first, other_labels(labels, 3, torch.Generator().manual_seed(4)))


@pytest.mark.parametrize("values", [3, 20, 10**6])
def test_the_rank_auc_is_scikit_learns_with_ties(values):
    generator = torch.Generator().manual_seed(values)
    higher = torch.randint(values, (37,), generator=generator) + values // 5
    lower = torch.randint(values, (53,), generator=generator)
    truth = [1] * 37 + [0] * 53
    wanted = roc_auc_score(truth, torch.cat([higher, lower]).numpy())
    assert rank_auc(higher.float(), lower.float()) == pytest.approx(wanted, rel=1e-12)


def test_the_rank_auc_counts_pairs_and_halves_ties():
    # Pairs of (3, 1) with (1, 2): 3 > 1, 3 > 2, 1 = 1, 1 < 2: (1 + 1 + 1/2 + 0) / 4.
    assert rank_auc(torch.tensor([3.0, 1.0]), torch.tensor([1.0, 2.0])) == 0.625
    assert rank_auc(torch.ones(4), torch.ones(7)) == 0.5
    assert rank_auc(torch.tensor([5.0, 6.0]), torch.tensor([1.0, 2.0, 3.0])) == 1.0
    assert rank_auc(torch.tensor([1.0]), torch.tensor([2.0])) == 0.0


# Several attributes: each answered yes or no.

LN3 = log(3)  # the logit of 3/4


def test_the_divergence_of_attributes_is_the_mean_of_bernoulli_divergences_by_hand():
    target, logits = torch.tensor([[0.0, LN3]]), torch.tensor([[LN3, LN3]])
    # Of 1/2 from 3/4: 1/2 ln (1/2 / 3/4) + 1/2 ln (1/2 / 1/4) = 1/2 ln 4/3; of equal ones 0; their mean.
    assert kl_divergence(target, logits, multi=True).item() == pytest.approx(log(4 / 3) / 4, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_divergence_of_attributes_is_scipys_over_both_answers(pair, temperature):
    p, q = (1 / (1 + np.exp(-z.numpy() / temperature)) for z in pair)
    wanted = temperature**2 * (rel_entr(p, q) + rel_entr(1 - p, 1 - q)).mean()
    assert kl_divergence(*pair, temperature, multi=True).item() == pytest.approx(wanted, rel=1e-10)


def test_jensen_shannon_of_attributes_is_the_mean_of_theirs_by_hand_and_by_scipy(pair):
    one, other = torch.tensor([[100.0, LN3]]), torch.tensor([[-100.0, LN3]])
    assert jensen_shannon(one, other, multi=True).tolist() == pytest.approx([log(2) / 2])  # no overlap, and no difference
    p, q = (1 / (1 + np.exp(-z.numpy())) for z in pair)
    each = jensenshannon(np.stack([1 - p, p]), np.stack([1 - q, q]), axis=0) ** 2
    np.testing.assert_allclose(jensen_shannon(*pair, multi=True).numpy(), each.mean(1), rtol=1e-8, atol=1e-14)
