"""A model as a chain of layer groups."""

import pytest
import torch
from torch import nn

from core.models.layer_groups import NoChain, groups


def test_the_groups_one_after_the_other_are_the_model(tiny):
    model = tiny.original()
    images, _ = next(iter(tiny.dataset.test.batches(16)))
    x = images
    for layer in groups(model).values():
        x = layer(x)
    assert torch.equal(x, model(images))


def test_each_group_begins_at_a_kernel_or_matrix_and_takes_what_has_none(tiny):
    found = groups(tiny.original())
    assert list(found) == ["conv1", "conv2", "hidden", "classifier"]
    kinds = {name: [type(layer).__name__ for layer in group] for name, group in found.items()}
    assert kinds["conv1"][:3] == ["Normalise", "Conv2d", "BatchNorm2d"]
    assert kinds["hidden"] == ["Linear", "ReLU"]
    assert kinds["classifier"] == ["Linear"]


def test_the_groups_share_the_models_weights(tiny):
    model = tiny.original()
    assert {id(p) for g in groups(model).values() for p in g.parameters()} == {id(p) for p in model.parameters()}


def test_a_block_that_holds_weights_deep_inside_is_a_group():
    model = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), nn.ReLU(), nn.Linear(2, 2))
    assert list(groups(model)) == ["0", "2"]


@pytest.mark.parametrize("model", [nn.Linear(2, 2), nn.Sequential(nn.ReLU())], ids=["no sequence", "no weights"])
def test_what_cannot_be_cut_says_so(model):
    with pytest.raises(NoChain, match=r"\.$"):
        groups(model)
