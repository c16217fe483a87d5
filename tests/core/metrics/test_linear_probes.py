"""Probes: against scikit-learn step by step, on planted features, and on networks."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

from core.metrics.base import NotApplicable
from core.metrics.linear_probes import probe, probe_table, probes
from core.metrics.registry import METRICS
from tests.core.metrics.evidence import evidence_of, inside


def sides(apart, seed=0, n=60, d=6):
    draw = np.random.default_rng(seed)
    gone, kept = draw.standard_normal((n, d)), draw.standard_normal((2 * n, d))
    gone[:, 0] += apart
    return gone, kept


def test_what_is_plainly_there_is_found_and_noise_is_chance():
    assert probe(sides(12), sides(12, 1)) == 1
    assert probe(sides(0, n=300), sides(0, 1, n=300)) == pytest.approx(0.5, abs=0.06)


def test_it_is_the_mean_of_both_recalls_of_scikit_learns_regression():
    (gone, kept), (gone_unseen, kept_unseen) = sides(1), sides(1, 1)
    x, y = np.concatenate([gone, kept]), np.repeat([1, 0], [60, 120])
    mean, deviation = x.mean(0), x.std(0)
    model = LogisticRegression(class_weight="balanced", max_iter=200, tol=1e-3).fit((x - mean) / deviation, y)
    unseen = (np.concatenate([gone_unseen, kept_unseen]) - mean) / deviation
    answers = model.predict(unseen)
    wanted = (recall_score(y, answers) + recall_score(y, answers, pos_label=0)) / 2
    assert probe((gone, kept), (gone_unseen, kept_unseen)) == pytest.approx(wanted)


def test_a_network_is_probed_at_each_layer_and_the_metric_is_the_one_before_the_last(grey):
    evidence = inside(grey)
    found = probes(evidence, "original")
    assert list(found) == ["conv1", "conv2", "hidden", "classifier"]
    assert METRICS["probe_accuracy"].compute(evidence, "original") == found["hidden"]
    assert found["hidden"] > 0.6  # the trained network tells the class apart
    assert len(probe_table(evidence)) == 12


@pytest.mark.parametrize("request_, why", [("random:0.5", "names images, not a class"), ("samples:3", "names images, not a class")])
def test_without_a_class_there_is_nothing_to_look_for(grey, request_, why):
    with pytest.raises(NotApplicable, match=why):
        probes(inside(grey, request_), "unlearned")
    assert probe_table(inside(grey, request_)).empty


def test_a_class_that_is_absent_from_the_test_set_cannot_be_probed(grey):
    evidence = replace(evidence_of(grey, test_classes=(0, 1)), networks=inside(grey).networks)
    with pytest.raises(NotApplicable, match="no test-forget examples"):
        probes(evidence, "unlearned")
