"""Blocks of weights: what belongs together under each scope."""

import pytest
import torch
from torch import nn

from core.training.layer_blocks import SCOPES, blocks, classifier


class Nested(nn.Module):
    """A weight of its own, a nested part, linear layers that are not the last ones, and a layer without weights."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.body = nn.Sequential(
            nn.Conv2d(1, 2, 3, bias=False), nn.ReLU(), nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3))
        )
        self.norm = nn.BatchNorm1d(3)


@pytest.mark.parametrize("scope", ["layers", "all"])
def test_every_weight_is_in_exactly_one_block_in_the_models_order(tiny, scope):
    for model in (tiny.original(), Nested()):
        members = [name for names in blocks(model, scope).values() for name in names]
        assert members == [name for name, _ in model.named_parameters()]


def test_layers_are_the_modules_that_own_weights(grey):
    found = blocks(grey.original(), "layers")
    assert list(found) == ["conv1", "norm1", "conv2", "norm2", "hidden", "classifier"]
    assert all(names == (f"{block}.weight", f"{block}.bias") for block, names in found.items())
    assert blocks(Nested(), "layers") == {
        "model": ("scale",),
        "body.0": ("body.0.weight",),
        "body.2.0": ("body.2.0.weight", "body.2.0.bias"),
        "body.2.1": ("body.2.1.weight", "body.2.1.bias"),
        "norm": ("norm.weight", "norm.bias"),
    }


def test_the_classifier_is_the_last_linear_layer(tiny):
    assert classifier(tiny.original()) == "classifier"
    assert blocks(tiny.original(), "classifier") == {"classifier": ("classifier.weight", "classifier.bias")}
    assert classifier(Nested()) == "body.2.1"
    assert blocks(Nested(), "classifier") == {"body.2.1": ("body.2.1.weight", "body.2.1.bias")}


def test_a_classifier_without_bias_is_its_weight_alone():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    assert blocks(model, "classifier") == {"1": ("1.weight",)}


def test_a_weight_that_two_layers_share_is_moved_once():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    assert blocks(model, "layers") == {"0": ("0.weight", "0.bias"), "2": ("2.bias",)}
    assert blocks(model, "all") == {"all": ("0.weight", "0.bias", "2.bias")}


def test_all_is_one_block_of_everything(grey):
    model = grey.original()
    assert blocks(model, "all") == {"all": tuple(dict(model.named_parameters()))}


def test_the_classifiers_block_is_one_of_the_layers(tiny):
    model = tiny.original()
    assert set(blocks(model, "classifier").items()) <= set(blocks(model, "layers").items())
    assert set(SCOPES) == {"classifier", "layers", "all"}


def test_a_model_without_a_linear_layer_has_no_classifier():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten())
    for find in (classifier, lambda model: blocks(model, "classifier")):
        with pytest.raises(ValueError, match="no linear layer"):
            find(model)
    assert list(blocks(model, "layers")) == ["0"]
