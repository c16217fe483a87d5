"""Random label: what is drawn for whom, and a training loop written out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from core.methods.baselines.random_label import RandomLabel, random_labels
from tests.tiny import near_weights


@pytest.fixture
def learned(tiny):
    """The tiny data and a network that learned them well: at a gentler rate, few of its units die."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03))


def drawn(tiny, seed=1, allowed=False, request="class:2"):
    return random_labels(tiny.splits(request), 3, allowed, torch.Generator().manual_seed(seed))


def test_a_drawn_label_is_never_the_true_one_where_that_is_excluded_and_both_others_come(tiny):
    assert {label for seed in range(5) for label in drawn(tiny, seed).tolist()} == {0, 1}


def test_a_drawn_label_may_be_the_true_one_where_that_is_allowed(tiny):
    found = torch.cat([drawn(tiny, seed, allowed=True) for seed in range(25)])
    # A thousand draws among three: 333 each, give or take five deviations of sqrt(1000 x 1/3 x 2/3) = 14.9.
    assert (torch.bincount(found, minlength=3) - 1000 / 3).abs().max() < 5 * 14.9


def test_every_example_of_a_mixed_request_is_relabelled_by_its_own_label(tiny):
    own = tiny.splits("random:0.3").forget.labels
    for seed in range(5):
        assert (drawn(tiny, seed, request="random:0.3") != own).all()


def another_label(labels, generator):
    return (labels + torch.randint(1, 3, labels.shape, generator=generator)) % 3


@pytest.mark.parametrize("labels", ["once", "each_epoch"])
@pytest.mark.parametrize("true_label", ["excluded", "allowed"])
def test_it_is_sgd_with_plain_momentum_on_both_sets_in_one_shuffled_stream(tiny, true_label, labels):
    model, splits = tiny.original().train(), tiny.splits()
    forget, generator = splits.forget.labels, torch.Generator().manual_seed(4)
    pixels = torch.cat([splits.forget.images, splits.retain.images]).float() / 255
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    for epoch in range(2):
        if epoch == 0 or labels == "each_epoch":
            wrong = another_label(forget, generator) if true_label == "excluded" else torch.randint(3, (40,), generator=generator)
            taught = torch.cat([wrong, splits.retain.labels])
        for batch in torch.randperm(120, generator=generator).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), taught[batch]).backward()
            optimiser.step()
    method = RandomLabel(epochs=2, learning_rate=0.01, batch_size=32, true_label=true_label, labels=labels)
    assert near_weights(tiny.unlearn(method, seed=4), model)


def test_the_forgotten_class_is_no_longer_answered_and_the_others_are(learned):
    splits, after = learned.splits(), learned.unlearn(RandomLabel(epochs=5, learning_rate=0.01, batch_size=16))

    def right(examples):
        return (after(examples.pixels()).argmax(1) == examples.labels).float().mean()

    assert right(splits.forget) < 0.3
    assert right(splits.retain) > 0.8


def test_its_passes_are_its_epochs_over_the_whole_training_set(grey):
    assert RandomLabel(epochs=7).passes(120, 40, grey.recipe) == 7 * 120
