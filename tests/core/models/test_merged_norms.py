"""A network whose norms are merged computes the same, and what cannot be merged is left."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from core.data.registry import load_dataset
from core.models.merged_norms import with_merged_norms
from core.models.registry import MODELS


def settled(model: nn.Module) -> nn.Module:
    """With norms that have seen data, so that merging them changes weights."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
    return model.eval()


@pytest.mark.parametrize("name, merged", [("resnet18", 20), ("mobilenet_v2", 52), ("vit_small", 0)])
@torch.no_grad()
def test_it_computes_the_same_under_the_same_names(name, merged):
    model, x = settled(MODELS[name](load_dataset("digits").info)), torch.rand(3, 1, 8, 8)
    before = deepcopy(model.state_dict())
    quick = with_merged_norms(model)
    torch.testing.assert_close(quick(x), model(x), rtol=1e-3, atol=1e-4)
    norms, left = (sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) for network in (model, quick))
    assert norms - left == merged
    assert [key for key, _ in quick.named_children()] == [key for key, _ in model.named_children()]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class Twice(nn.Module):
    """Its convolution's output is read by the norm and by a sum."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)

    def forward(self, x):
        y = self.layer(x)
        return self.norm(y) + y


class Shared(Twice):
    """Its convolution is applied twice, once before a norm."""

    def forward(self, x):
        return self.norm(self.layer(x)) + self.layer(x)


class Choosing(Twice):
    """Its way depends on numbers, which no trace can follow."""

    def forward(self, x):
        return self.norm(self.layer(x)) if x.sum() > 0 else self.layer(x)


@pytest.mark.parametrize("model", [Twice, Shared, Choosing])
@torch.no_grad()
def test_what_others_read_too_or_cannot_be_traced_is_left(model):
    plain, x = settled(model()), torch.rand(2, 1, 6, 6)
    quick = with_merged_norms(plain)
    assert isinstance(quick.norm, nn.BatchNorm2d)
    assert torch.equal(quick(x), plain(x))
