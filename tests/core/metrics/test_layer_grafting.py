"""Grafts: both ends are the whole networks, and a forgetting that sits in the last layer is found out."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from core.metrics.layer_grafting import graft, graft_table
from core.metrics.registry import METRICS
from core.models.layer_groups import groups
from tests.core.metrics.evidence import evidence_of, inside, trained


def test_no_group_is_the_one_network_and_all_groups_the_other(grey):
    one, other = grey.original(), grey.context(seed=8).fresh_model().eval()
    images, _ = next(iter(grey.dataset.test.batches(8)))
    below, above = groups(one), groups(other)
    assert torch.equal(graft(below, above, 0)(images), other(images))
    assert torch.equal(graft(below, above, 4)(images), one(images))
    assert not torch.allclose(graft(below, above, 2)(images), one(images))


def shallow(grey):
    """A network that answers class 2 never, by its last layer alone."""
    model = deepcopy(trained(grey))
    with torch.no_grad():
        model.classifier.bias[2] = -1e4
    return model


def test_a_forgetting_in_the_last_layer_alone_comes_back_with_the_originals_last_layer(grey):
    evidence = inside(grey)
    evidence = replace(evidence, networks={**evidence.networks, "unlearned": shallow(grey)})
    table = graft_table(evidence)
    rows = table[(table["model"] == "unlearned") & (table["direction"] == "model_below")].set_index("k")["forget"]
    whole = float((trained(grey)(evidence.splits.test_forget.pixels()).argmax(1) == 2).float().mean())
    assert whole > 0.2
    assert rows[4] == 0  # the unlearned network as it is
    assert rows[3] == pytest.approx(whole)  # its body under the original's last layer
    assert METRICS["graft_forget_accuracy"].compute(evidence, "unlearned") == rows[3]
    other = table[(table["model"] == "unlearned") & (table["direction"] == "original_below")].set_index("k")["forget"]
    assert other[3] == 0  # the original's body under the network's last layer
    assert other[4] == pytest.approx(whole)


def test_for_named_images_the_forget_set_itself_is_asked(grey):
    evidence = inside(grey, "samples:0,1,2,3")
    table = graft_table(evidence)
    wanted = float((trained(grey)(evidence.splits.forget.pixels()).argmax(1) == evidence.splits.forget.labels).float().mean())
    assert table[(table["model"] == "unlearned") & (table["k"] == 2)]["forget"].tolist() == pytest.approx([wanted, wanted])


def test_without_unseen_images_of_the_class_the_table_is_empty(grey):
    evidence = evidence_of(grey, test_classes=(0, 1))
    assert graft_table(replace(evidence, networks=inside(grey).networks)).empty


def test_all_layers_are_grafted_where_their_images_cost_little_whatever_was_drawn(grey):
    """Hand: of 4 groups there are 10 grafts; 1.8e12 operations allow so many of an image."""
    evidence = inside(grey)
    images = len(evidence.splits.test_forget) + len(evidence.splits.test_retain)
    allowed = int(1.8e12 / (10 * images))
    for operations, directions in ((None, 2), (allowed, 2), (allowed + 1, 1)):
        table = graft_table(replace(evidence, operations=operations, cache={}))
        assert table["direction"].nunique() == directions
        assert METRICS["graft_forget_accuracy"].compute(replace(evidence, operations=operations, cache={}), "reference") == pytest.approx(
            table.query("model == 'reference' and direction == 'model_below' and k == 3")["forget"].item()
        )
