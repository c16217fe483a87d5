"""Methods against their publications and public code, re-derived here by hand: no code of theirs is needed.

Planted values: the Fisher of a weight that is used twice (ln 3)² / 4.
"""

from math import log

import pytest
import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.training.fisher import Importance, fisher_diagonal
from core.training.per_example_gradients import gradient_rows, per_sample_gradients


class Twice(nn.Module):
    """Logits (w² x, 0) by one layer under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(1, 1, bias=False)
        self.second = self.first
        self.norm = nn.BatchNorm1d(1, affine=False)  # a buffer, under two names too: the identity but for eps
        self.again = self.norm

    def forward(self, x: Tensor) -> Tensor:
        z = self.again(self.norm(self.second(self.first(x.flatten(1)))))
        return torch.cat([z, torch.zeros_like(z)], 1)


def of_fisher(model: nn.Module, x: Tensor, y: Tensor) -> Importance:
    return fisher_diagonal(model, lambda _: iter([(x, y)]))


def of_gradients(model: nn.Module, x: Tensor, y: Tensor) -> Importance:
    return {name: g.square().mean(0) for name, g in per_sample_gradients(model, ["first.weight"], x, y).items()}


def of_rows(model: nn.Module, x: Tensor, y: Tensor) -> Importance:
    rows = torch.cat(list(gradient_rows(model, ["first.weight"], Examples(x, y, peak=1), "cpu")))
    return {"first.weight": rows.square().mean(0).view(1, 1)}


@pytest.mark.parametrize("estimate", [of_fisher, of_gradients, of_rows])
def test_a_layer_under_two_names_keeps_its_weight_and_has_the_fisher_worked_by_hand(estimate) -> None:
    # p = 1 / (1 + e^-z) with z = w² x. At w = 1, x = ln 3: p = 3/4, d(-ln p)/dw = -(1 - p) 2 w x = -ln 3 / 2.
    model = Twice().eval()
    nn.init.ones_(model.first.weight)
    model.norm.eps = 0.0
    weight, buffers = model.first.weight, dict(model.named_buffers())
    found = estimate(model, torch.full((2, 1, 1, 1), log(3.0)), torch.tensor([0, 0]))
    assert found["first.weight"].item() == pytest.approx(log(3.0) ** 2 / 4, rel=1e-5)
    assert model.first.weight is weight
    assert model.second.weight is weight
    assert isinstance(model.first.weight, nn.Parameter)
    assert all(buffer is buffers[name] for name, buffer in model.named_buffers())
    assert weight.item() == 1.0
