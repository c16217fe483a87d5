"""Retraining: every weight anew, by the recipe of the original, from a seed that is not the reference's."""

from dataclasses import replace

import torch
from torch import nn

from core.methods.baselines.retrain import Retrain
from core.training.context import derived_seed
from core.training.loop import fit
from tests.tiny import same_weights


def test_every_weight_matrix_differs_from_the_originals_everywhere(tiny):
    original = dict(tiny.original().named_parameters())
    for name, theta in tiny.unlearn(Retrain()).named_parameters():
        assert theta.ndim < 2 or (theta != original[name]).all(), name


def test_also_a_layer_that_sits_deep_is_drawn_anew(grey):
    """The authors' own code for SSD misses those: its reset looks at the top level only."""

    def build():
        deep = nn.Sequential(nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), nn.Flatten()))
        return nn.Sequential(deep, nn.Linear(4 * 6 * 6, 3))

    recipe = replace(grey.recipe, epochs=1, learning_rate=1e-6, weight_decay=0.0)  # so small that no step could do it
    torch.manual_seed(0)
    original = build()
    context = grey.context(seed=1)
    context.build, context.recipe = build, recipe
    after = Retrain().unlearn(original, grey.splits(), context)
    for (name, theta), before in zip(after.named_parameters(), original.parameters(), strict=True):
        assert theta.ndim < 2 or ((theta - before).abs() > 1e-5).float().mean() > 0.99, name


def test_it_is_a_fresh_model_trained_on_the_retain_set_by_the_runs_own_recipe(tiny):
    context = tiny.context(seed=9)
    by_hand = fit(context.fresh_model(), tiny.splits().retain, tiny.recipe, context)
    assert same_weights(tiny.unlearn(Retrain(), seed=9), by_hand)


def test_another_seed_gives_other_weights_and_stages_have_seeds_of_their_own(grey):
    assert not same_weights(grey.unlearn(Retrain(), seed=1), grey.unlearn(Retrain(), seed=2))
    for seed in range(3):
        purposes = ("original", "reference", "unlearn", "evaluate", "precompute")
        assert len({derived_seed(seed, purpose) for purpose in purposes}) == len(purposes)


def test_what_it_forgot_it_never_saw(tiny):
    model, splits = tiny.unlearn(Retrain()), tiny.splits()
    assert (model(splits.forget.pixels()).argmax(1) != 2).all()
    assert (model(splits.retain.pixels()).argmax(1) == splits.retain.labels).float().mean() > 0.9
