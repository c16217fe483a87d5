"""CF-k and EU-k: what is frozen to the bit, where they begin, their loop written out by hand, and both ends of k."""

import pytest
import torch
from torch import nn

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.classes import ClassRequest
from core.domain.run import Recipe
from core.methods.baselines.last_layers import LastLayers, last_layers
from core.models.registry import MODELS
from core.training.context import RunContext
from core.training.loop import fit
from tests.tiny import near_weights, same_weights

SETTINGS = {"epochs": 3, "learning_rate": 0.02, "batch_size": 32}
LAYERS = ("conv1", "norm1", "conv2", "norm2", "hidden", "classifier")  # of the small CNN, those with weights
MOVING = {0: (), 1: LAYERS[5:], 2: LAYERS[4:], 3: LAYERS[2:], 4: LAYERS, 9: LAYERS}


def owner(name):
    return name.partition(".")[0]


@pytest.mark.parametrize("k, wanted", MOVING.items())
def test_k_counts_convolutions_and_linear_layers_from_the_end_with_what_stands_between(grey, k, wanted):
    model = grey.build()
    moving, fresh = last_layers(model, k)
    named = {theta: name for name, theta in model.named_parameters()}
    assert [named[theta] for theta in moving] == [name for name in named.values() if owner(name) in wanted]
    assert fresh == [name for name in wanted if not name.startswith("norm")]


def test_a_layer_under_two_names_is_trained_once():
    one = nn.Linear(2, 2)
    moving, fresh = last_layers(nn.Sequential(nn.Linear(2, 2), one, nn.ReLU(), one), 1)
    assert (moving, fresh) == ([one.weight, one.bias], ["1"])


@pytest.mark.parametrize("key", MODELS)
def test_every_architecture_ends_in_its_classifier_and_all_its_layers_are_all_its_weights(key, tiny):
    with torch.device("meta"):
        model = MODELS[key](tiny.dataset.info)
    assert last_layers(model, 1)[1] == ["classifier"]
    assert len(last_layers(model, 1000)[0]) == len(list(model.parameters()))


@pytest.mark.parametrize("variant", ["cf", "eu"])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_frozen_weights_keep_every_bit_and_the_others_move(tiny, variant, k):
    before = tiny.original()
    after = tiny.unlearn(LastLayers(variant=variant, k=k, **SETTINGS))
    for (name, theta), old in zip(after.named_parameters(), before.parameters(), strict=True):
        assert torch.equal(theta, old) == (owner(name) not in MOVING[k]), name


@pytest.mark.parametrize("norm_mode, kept", [("train", False), ("eval", True)])
def test_the_statistics_of_frozen_batchnorm_stay_in_eval_mode_alone(tiny, norm_mode, kept):
    before = tiny.original()
    after = tiny.unlearn(LastLayers(k=1, norm_mode=norm_mode, **SETTINGS))
    assert torch.equal(after.norm1.running_mean, before.norm1.running_mean) == kept
    assert torch.equal(after.norm2.running_var, before.norm2.running_var) == kept


@pytest.mark.parametrize("variant", ["cf", "eu"])
def test_with_k_0_nothing_changes(tiny, variant):
    assert same_weights(tiny.unlearn(LastLayers(variant=variant, k=0)), tiny.original())


def test_cf_with_all_layers_is_fine_tuning(tiny):
    ours = tiny.unlearn(LastLayers(variant="cf", k=4, schedule="constant", **SETTINGS), seed=4)
    recipe = Recipe(3, 32, 0.02, weight_decay=5e-5, one_cycle=False)
    assert near_weights(ours, fit(tiny.original(), tiny.splits().retain, recipe, tiny.context(seed=4), nesterov=False))


def test_eu_of_one_linear_layer_is_retraining():
    """There is no layer to freeze: nothing of the original is left."""
    images = Examples(torch.arange(12, dtype=torch.uint8).view(12, 1, 1, 1), torch.tensor([0, 1, 2] * 4), peak=11)
    gone = images.labels == 2
    splits = Splits(ClassRequest((2,)), images, images, gone, gone, 1 / 3)

    def build():
        return nn.Sequential(nn.Flatten(), nn.Linear(1, 3))

    recipe = Recipe(3, 5, 0.1, weight_decay=5e-5, one_cycle=False)
    method = LastLayers(k=1, schedule="constant", epochs=3, learning_rate=0.1, batch_size=5)
    ours = method.unlearn(nn.Sequential(nn.Flatten(), nn.Linear(1, 3)), splits.only(method.uses), RunContext(build, recipe, 3))
    context = RunContext(build, recipe, 3)
    assert near_weights(ours, fit(context.fresh_model(), splits.retain, recipe, context, nesterov=False))


@pytest.mark.parametrize("variant", ["cf", "eu"])
def test_many_steps_are_those_of_a_loop_over_the_last_layers_with_a_clipped_gradient_and_restarts(tiny, variant):
    model, retain, fresh = tiny.original(), tiny.splits().retain, tiny.context(seed=4).fresh_model()
    if variant == "eu":
        model.hidden, model.classifier = fresh.hidden, fresh.classifier
    model.train()
    weights = [*model.hidden.parameters(), *model.classifier.parameters()]
    optimiser = torch.optim.SGD(weights, lr=2.0, momentum=0.9, weight_decay=5e-5)
    generator = torch.Generator().manual_seed(4)
    for rate in (0.5, 0.5, 0.2625):
        optimiser.param_groups[0]["lr"] = rate
        for batch in torch.randperm(80, generator=generator).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(retain.pixels()[batch]), retain.labels[batch]).backward()
            nn.utils.clip_grad_norm_(weights, 10.0)
            optimiser.step()
    method = LastLayers(variant=variant, k=2, epochs=3, learning_rate=0.5, batch_size=32)
    assert near_weights(tiny.unlearn(method, seed=4), model)


def test_a_gradient_longer_than_ten_is_made_that_long():
    # Zero weights, a pixel of 100, label 0: the gradient (-50, 50) is 70.7 long, cut to (-7.0711, 7.0711). A step of 0.1 goes 0.70711.
    images = Examples(torch.full((4, 1, 1, 1), 100, dtype=torch.uint8), torch.tensor([1, 0, 0, 0]), peak=1)
    gone = images.labels == 1
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    nn.init.zeros_(model[1].weight)
    method = LastLayers(variant="cf", k=1, epochs=1, learning_rate=0.1, batch_size=4)
    method.unlearn(model, Splits(ClassRequest((1,)), images, images, gone, gone, 0.25), RunContext(lambda: model, Recipe(1, 3, 0.1), 3))
    assert model[1].weight.flatten().tolist() == pytest.approx([0.70711, -0.70711], abs=1e-5)


def test_eu_begins_at_the_fresh_weights_of_the_runs_seed_and_keeps_batchnorms(tiny):
    after, fresh, before = tiny.unlearn(LastLayers(k=3, epochs=1, learning_rate=1e-6)), tiny.context().fresh_model(), tiny.original()
    for name in ("conv2", "hidden", "classifier"):
        torch.testing.assert_close(after.get_submodule(name).weight, fresh.get_submodule(name).weight, rtol=0, atol=1e-4)
    torch.testing.assert_close(after.norm2.weight, before.norm2.weight, rtol=0, atol=1e-4)


def test_what_was_frozen_before_is_frozen_afterwards_and_nothing_else(tiny):
    model = tiny.original()
    model.conv1.requires_grad_(False)
    LastLayers(k=4, epochs=1).unlearn(model, tiny.splits(), tiny.context())
    assert [name for name, theta in model.named_parameters() if not theta.requires_grad] == ["conv1.weight", "conv1.bias"]


def test_its_passes_are_those_of_predictions_because_the_gradient_stops_early(grey):
    assert LastLayers(epochs=7).passes(120, 40, grey.recipe) == pytest.approx(7 * 80 / 3)
