"""Distances of weights against NumPy."""

import numpy as np
import pytest
import torch

from core.metrics.base import NotApplicable
from core.metrics.registry import METRICS
from core.metrics.tables.per_class import layers
from core.metrics.weight_distance import changed_share, relative_distance
from tests.core.metrics.evidence import evidence_of


def norm(*tensors):
    return np.linalg.norm(np.concatenate([t.double().numpy().ravel() for t in tensors]))


def numpys(weights, origin):
    names = sorted(origin)
    return norm(*(weights[n].double() - origin[n].double() for n in names)) / norm(*(origin[n] for n in names))


def test_by_hand():
    # Moved by (3, 4), length 5, from weights (6, 8), length 10.
    assert relative_distance({"w": torch.tensor([9.0, 12.0])}, {"w": torch.tensor([6.0, 8.0])}) == 0.5
    assert relative_distance({"w": torch.ones(2)}, {"w": torch.ones(2)}) == 0
    assert relative_distance({"w": torch.zeros(2)}, {"w": torch.zeros(2)}) == 0
    assert relative_distance({"w": torch.ones(2)}, {"w": torch.zeros(2)}) == 1  # nothing to be relative to


def test_the_share_of_changed_weights():
    assert changed_share(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([1.0, 2.0, 3.5, 4.0])) == 0.25


@pytest.mark.parametrize(
    "key, origin, models",
    [
        ("parameter_distance", "original", ("unlearned", "reference")),
        ("parameter_distance_to_reference", "reference", ("original", "unlearned")),
    ],
)
def test_the_metrics_agree_with_numpy(grey, key, origin, models):
    evidence = evidence_of(grey)
    assert METRICS[key].models == models
    for model in models:
        wanted = numpys(evidence.weights[model], evidence.weights[origin])
        assert METRICS[key].compute(evidence, model) == pytest.approx(wanted, rel=1e-12)


def test_without_a_reference_there_is_a_reason(grey):
    evidence = evidence_of(grey, models=("original", "unlearned"))
    for key, model in (("parameter_distance", "reference"), ("parameter_distance_to_reference", "unlearned")):
        with pytest.raises(NotApplicable, match=r"^This run has no reference model to compare with\.$"):
            METRICS[key].compute(evidence, model)


@pytest.mark.parametrize("models", [("original", "unlearned", "reference"), ("original", "unlearned")])
def test_the_table_by_layer_agrees_with_numpy(grey, models):
    evidence = evidence_of(grey, models=models)
    unlearned, original = evidence.weights["unlearned"], evidence.weights["original"]
    unlearned["a.bias"].copy_(original["a.bias"])
    table = layers(evidence).set_index("layer")
    assert table["weights"].to_dict() == {"a.weight": 108, "a.bias": 4, "b.weight": 15}
    assert table["changed"].to_dict() == {"a.weight": 1, "a.bias": 0, "b.weight": 1}
    for name in original:
        wanted = numpys({name: unlearned[name]}, {name: original[name]})
        assert table.loc[name, "distance"] == pytest.approx(wanted, rel=1e-12)
        if "reference" in models:
            wanted = numpys({name: evidence.weights["reference"][name]}, {name: original[name]})
            assert table.loc[name, "reference_distance"] == pytest.approx(wanted, rel=1e-12)
        else:
            assert np.isnan(table.loc[name, "reference_distance"])
