"""The worst-case threshold: features against SciPy, the attack by hand and against its rule written out in loops."""

from math import log, log2

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from core.metrics.privacy.unlearned_against_retrained import FEATURES, features, worst_case

D = 1e-5
FORMS = ("min", "max")


def scores(entropies, gaps=None):
    return {"entropy": np.array(entropies, float), "gap": np.zeros(len(entropies)) if gaps is None else np.array(gaps, float)}


def test_features_of_probabilities_are_those_of_the_logits():
    logits = np.random.default_rng(0).normal(0, 4, (50, 7))
    found = features(softmax(logits, axis=1))
    np.testing.assert_allclose(found["entropy"], entropy(softmax(logits / 2, axis=1), axis=1), atol=1e-12)
    top = softmax(logits, axis=1).max(1)
    np.testing.assert_allclose(found["gap"], np.log(top / (1 - top)), rtol=1e-6)


def test_features_of_sure_and_of_clueless_answers():
    found = features(np.array([[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]], dtype=np.float32))
    assert found["entropy"] == pytest.approx([0, log(4)])
    assert found["gap"] == pytest.approx([np.inf, log(1 / 3)])


def written_out(unlearned, reference, form):
    """Every feature, threshold and direction, one at a time."""
    attacks = [0.0]
    for feature in FEATURES:
        sides = [np.clip(s[feature.key], feature.low, feature.high) for s in (unlearned, reference)]
        for step in range(51):
            threshold = feature.low + step * (feature.high - feature.low) / 50
            for pos, neg in (sides, sides[::-1]):
                fpr, fnr = (neg >= threshold).mean(), (pos < threshold).mean()
                if fpr == 0 and fnr == 0:
                    attacks.append(1.0)
                elif max(fpr, fnr) >= 1 - D or (form == "max" and 0 in (fpr, fnr)):
                    continue
                else:
                    logs = [log((1 - D - a) / b) if b else np.inf for a, b in ((fpr, fnr), (fnr, fpr))]
                    attacks.append(1 - 2 ** -max(0, min(logs) if form == "min" else max(logs)))
    return 1 - max(attacks)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_rule_written_out(seed, form):
    draw = np.random.default_rng(seed)
    sides = [
        {"entropy": draw.normal(1 + move, 0.6, n), "gap": draw.normal(3 - 2 * move, 4, n)}
        for move, n in ((0.2 * seed, 60), (0, 75))
    ]
    assert worst_case(*sides, form).score == pytest.approx(written_out(*sides, form), abs=1e-9)


def test_both_forms_by_hand():
    """Of ten a side, nine unlearned and two reference entropies lie above: FPR 0.2, FNR 0.1 where that is parted."""
    unlearned, reference = scores([1.02] * 9 + [0.12]), scores([1.02] * 2 + [0.12] * 8)
    low, high = log((0.8 - D) / 0.1), log((0.9 - D) / 0.2)
    for form, epsilon in (("min", min(low, high)), ("max", max(low, high))):
        found = worst_case(unlearned, reference, form)
        assert found.epsilon == pytest.approx(epsilon)
        assert found.attack == pytest.approx(1 - 2**-epsilon)
        assert found.score == pytest.approx(2**-epsilon)
        assert worst_case(reference, unlearned, form).score == found.score  # the other direction


def test_where_one_rate_is_zero_the_forms_part():
    """No reference entropy lies above, half of the unlearned ones do: `min` counts one bit, `max` leaves it out."""
    unlearned, reference = scores([1.02] * 5 + [0.12] * 5), scores([0.12] * 10)
    assert log2(worst_case(unlearned, reference, "min").score) == pytest.approx(-log((1 - D) / 0.5))
    assert worst_case(unlearned, reference, "max").score == 1


@pytest.mark.parametrize("form", FORMS)
def test_the_same_answers_score_one_and_disjoint_ones_nothing(form):
    same = scores(np.linspace(0, 2.4, 40), np.linspace(-2, 12, 40))
    found = worst_case(same, same, form)
    assert (found.score, found.attack, found.epsilon) == (1, 0, 0)
    far = scores([0.1] * 40, [99.0] * 40)  # beyond the range: moved to its end
    found = worst_case(far, scores([0.1] * 40, [-99.0] * 40), form)
    assert (found.score, found.epsilon) == (0, np.inf)


@pytest.mark.parametrize("form", FORMS)
def test_an_infinite_gap_counts_as_the_end_of_the_range(form):
    sure, unsure = scores([0.0] * 20, [np.inf] * 20), scores([0.0] * 20, [10.0] * 20)
    assert worst_case(sure, unsure, form).score == 1
