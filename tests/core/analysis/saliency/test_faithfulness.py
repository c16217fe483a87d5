"""Infidelity and sensitivity: what they say where the right answer is known."""

import pytest
import torch

from core.analysis.saliency.explain import Settings, explain
from core.analysis.saliency.faithfulness import infidelity, sensitivity
from tests.core.analysis.saliency.test_explain import AIMS, X, images, linear, network


@pytest.mark.parametrize("how", ["integrated_gradients", "occlusion", "deep_lift"])
def test_a_map_that_says_all_about_a_linear_model_has_no_infidelity(how):
    model = linear()
    found = explain(model, X, AIMS, how).map
    assert infidelity(model, X, AIMS, found, how, Settings()).max() < 1e-4
    assert infidelity(model, X, AIMS, 7 * found, how, Settings()).max() < 1e-4  # its unit does not count


def test_a_map_of_nothing_and_a_map_of_another_class_are_told_from_a_good_one():
    model = linear()
    good, other = (explain(model, X, aims, "integrated_gradients").map for aims in (AIMS, (AIMS + 1) % 3))
    said = [infidelity(model, X, AIMS, m, "integrated_gradients", Settings()).mean() for m in (good, other)]
    assert said[0] < 0.01
    assert said[1] > 0.3


def test_a_gradient_that_is_the_same_everywhere_is_not_sensitive_and_a_networks_is():
    assert sensitivity(linear(), X, AIMS, "saliency", Settings()).max() < 1e-6
    model, x = network("small_cnn"), images()
    one, again = (sensitivity(model, x, torch.tensor([0, 1]), "saliency", Settings()) for _ in range(2))
    assert torch.equal(one, again)
    assert (one > 0).all()


def test_a_map_without_channels_is_measured_too():
    model, x, aims = network("small_cnn"), images(), torch.tensor([0, 1])
    found = explain(model, x, aims, "grad_cam").map
    assert infidelity(model, x, aims, found, "grad_cam", Settings()).isfinite().all()
    assert sensitivity(model, x, aims, "grad_cam", Settings()).isfinite().all()
