"""ZRF, entropy and SSSE's ratio: against SciPy and by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy
from sklearn.metrics import roc_auc_score
import torch

from core.metrics.base import Logits, NotApplicable
from core.metrics.forget_set_outputs import entropy, similarity_ratio
from core.metrics.registry import METRICS
from core.training.loop import predict
from tests.core.metrics.evidence import evidence_of, inside


def value(key, evidence, model="unlearned"):
    return METRICS[key].compute(evidence, model)


def test_entropy_is_scipys():
    logits = torch.randn(30, 6, generator=torch.Generator().manual_seed(0)) * 5
    assert entropy(logits).numpy() == pytest.approx(scipy_entropy(softmax(logits.double().numpy(), 1), axis=1), rel=1e-9)
    assert entropy(torch.tensor([[900.0, 0, 0]])).item() == 0
    assert entropy(torch.zeros(1, 4)).item() == pytest.approx(np.log(4))


def test_forget_entropy_is_the_mean_over_the_forget_set(grey):
    evidence = evidence_of(grey)
    logits = evidence.logits["unlearned"].train[evidence.splits.forgotten]
    assert value("forget_entropy", evidence) == pytest.approx(scipy_entropy(softmax(logits.double().numpy(), 1), axis=1).mean())


def test_zrf_is_one_minus_scipys_divergence_in_nats_summed_over_classes(grey):
    evidence = inside(grey)
    ours, theirs = (
        softmax(predict(evidence.networks[m], evidence.splits.forget, "cpu").double().numpy(), 1) for m in ("unlearned", "untrained")
    )
    wanted = 1 - np.mean([jensenshannon(p, q) ** 2 for p, q in zip(ours, theirs, strict=True)])
    assert value("zrf", evidence) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("request_, name", [("class:2", "test_forget"), ("random:0.3", "forget")])
def test_zrf_by_the_authors_code_looks_at_test_images_of_the_class_or_else_at_the_forget_set(grey, request_, name):
    evidence = inside(grey, request_)
    images = getattr(evidence.splits, name)
    p, q = (softmax(predict(evidence.networks[m], images, "cpu").double().numpy(), 1) for m in ("unlearned", "untrained"))
    m = (p + q) / 2
    wanted = 1 - (m * np.log(m / p) + m * np.log(m / q)).mean() / 2
    assert value("zrf_of_code", evidence) == pytest.approx(wanted, rel=1e-6)
    assert value("zrf_of_code", evidence, "reference") != value("zrf_of_code", evidence)


def test_the_untrained_networks_own_zrf_is_one_and_sureness_costs_at_most_ln_two(grey):
    evidence = inside(grey)
    untrained = {**evidence.logits, "unlearned": Logits(*(predict(evidence.networks["untrained"], s, "cpu")
                                                            for s in (evidence.splits.train, evidence.splits.test)))}  # fmt: skip
    assert value("zrf", replace(evidence, logits=untrained)) == pytest.approx(1)
    assert 1 - np.log(2) <= value("zrf", evidence) <= 1


@pytest.mark.parametrize("three, wanted", [((0.9, 0.9, 0.1), 0), ((0.1, 0.9, 0.1), 1), ((0.5, 0.9, 0.1), 0.5), ((0.7, 1.0, 0.1), 1 / 3)])
def test_the_similarity_ratio_by_hand(three, wanted):
    assert similarity_ratio(*three) == pytest.approx(wanted)


def test_three_equal_scores_have_no_ratio():
    with pytest.raises(NotApplicable, match="same for all three"):
        similarity_ratio(0.5, 0.5, 0.5)


def test_the_score_is_scikit_learns_auc_of_the_forgotten_class(grey):
    evidence = evidence_of(grey)
    labels = evidence.splits.test.labels.numpy() == 2
    auc = {m: roc_auc_score(labels, softmax(a.test.double().numpy(), 1)[:, 2]) for m, a in evidence.logits.items()}
    assert value("similarity_ratio", evidence) == pytest.approx(similarity_ratio(auc["unlearned"], auc["original"], auc["reference"]))


def test_it_needs_a_class_that_was_asked_to_go(grey):
    with pytest.raises(NotApplicable, match="names no class"):
        value("similarity_ratio", evidence_of(grey, "random:0.5"))
