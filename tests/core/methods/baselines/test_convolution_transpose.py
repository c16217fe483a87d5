"""Convolution transpose: kernels by hand, and a training loop written out by hand."""

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.domain.errors import WrongInput
from core.methods.baselines.convolution_transpose import ConvolutionTranspose, transpose
from tests.tiny import near_weights, same_weights


def test_a_kernel_is_turned_about_its_diagonal_and_the_change_is_twice_its_antisymmetric_part():
    """[[1, 2], [0, 2]] becomes [[1, 0], [2, 2]]: the change is (0, -2, 2, 0), of length 8 ** 0.5; the weight's is 3."""
    model = nn.Sequential(nn.Conv2d(1, 1, 2))
    model[0].weight.data = torch.tensor([[[[1.0, 2.0], [0.0, 2.0]]]])
    changes = transpose(model)
    assert model[0].weight.tolist() == [[[[1.0, 0.0], [2.0, 2.0]]]]
    assert changes.tolist() == pytest.approx([8**0.5 / 3])


def test_symmetric_and_small_and_oblong_kernels_stay_as_they_are():
    model = nn.Sequential(nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, (1, 3)))
    model[0].weight.data = model[0].weight.data + model[0].weight.data.transpose(2, 3)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    assert transpose(model).tolist() == [0.0]
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_a_model_without_a_square_kernel_is_refused():
    for model in (nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, (3, 1)))):
        with pytest.raises(WrongInput, match="square kernels larger than 1x1"):
            transpose(model)


def test_twice_without_healing_is_the_original_and_once_turns_every_kernel(tiny):
    model = tiny.unlearn(ConvolutionTranspose(epochs=0))
    before = tiny.original().state_dict()
    for name, weights in model.state_dict().items():
        turned = name in ("conv1.weight", "conv2.weight")
        assert torch.equal(weights, before[name].transpose(2, 3) if turned else before[name]), name
    transpose(model)
    assert same_weights(model, tiny.original())


def test_it_heals_by_sgd_with_plain_momentum_at_a_rate_that_falls_along_a_cosine(tiny):
    """Of three epochs: (1 + cos(pi e / 3)) / 2 is 1, 3/4 and 1/4."""
    model, retain = tiny.original().train(), tiny.splits().retain
    with torch.no_grad():
        for layer in (model.conv1, model.conv2):
            layer.weight.copy_(layer.weight.transpose(2, 3).clone())
    optimiser, generator = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4), torch.Generator().manual_seed(4)
    for share in (1.0, 0.75, 0.25):
        optimiser.param_groups[0]["lr"] = 0.02 * share
        for batch in torch.randperm(80, generator=generator).split(32):
            optimiser.zero_grad()
            F.cross_entropy(model(retain.pixels()[batch]), retain.labels[batch]).backward()
            optimiser.step()
    assert near_weights(tiny.unlearn(ConvolutionTranspose(epochs=3, learning_rate=0.02, batch_size=32), seed=4), model)


def test_a_search_heals_for_a_third_of_the_epochs_of_training_at_most(tiny):
    assert {rung["epochs"] for rung in ConvolutionTranspose(settings="auto").rungs(tiny.recipe)} == {1}  # of 3


def test_its_passes_are_its_epochs_over_the_retain_set_and_the_accuracies_that_it_records(grey):
    assert ConvolutionTranspose(epochs=2).passes(120, 40, grey.recipe) == pytest.approx(2 * 80 + 3 * 80 / 3)
    assert ConvolutionTranspose(epochs=2).passes(9000, 1000, grey.recipe) == pytest.approx(2 * 8000 + 3 * 500 / 3)
