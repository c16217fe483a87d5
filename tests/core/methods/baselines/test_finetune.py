"""Fine-tuning against a loop written out by hand."""

import pytest
import torch
from torch import nn

from core.methods.baselines.finetune import Finetune
from tests.tiny import near_weights, same_weights


def test_it_is_sgd_with_plain_momentum_weight_decay_and_a_constant_step_on_the_retain_set(tiny):
    model, retain = tiny.original().train(), tiny.splits().retain
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    generator = torch.Generator().manual_seed(4)
    pixels, labels = retain.images.float() / 255, retain.labels
    for _ in range(2):
        for batch in torch.randperm(80, generator=generator).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), labels[batch]).backward()
            optimiser.step()
    ours = tiny.unlearn(Finetune(epochs=2, learning_rate=0.01, batch_size=32), seed=4)
    assert near_weights(ours, model)


def test_it_starts_from_the_original_and_moves_it(grey):
    gentle = grey.unlearn(Finetune(epochs=1, learning_rate=1e-6))
    for theta, before in zip(gentle.parameters(), grey.original().parameters(), strict=True):
        torch.testing.assert_close(theta, before, rtol=0, atol=1e-4)
    assert not same_weights(gentle, grey.original())


@pytest.mark.parametrize("change", [{"epochs": 1}, {"learning_rate": 0.05}, {"batch_size": 16}])
def test_each_parameter_has_its_effect(grey, change):
    usual = {"epochs": 2, "learning_rate": 0.01, "batch_size": 64}
    assert not same_weights(grey.unlearn(Finetune(**usual)), grey.unlearn(Finetune(**(usual | change))))


def test_its_passes_are_its_epochs_over_the_retain_set(grey):
    assert Finetune(epochs=7).passes(120, 40, grey.recipe) == 7 * 80
