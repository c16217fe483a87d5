"""Random label: what is drawn for whom, and a training loop written out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from core.methods.random_label import RandomLabel, relabelled
from tests.tiny import near_weights


@pytest.fixture
def learned(tiny):
    """The tiny data and a network that learned them well: at a gentler rate, few of its units die."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03))


def mixed(tiny, seed=1, allowed=False, request="class:2"):
    return relabelled(tiny.splits(request), allowed, tiny.original(), tiny.context(seed=seed))


def test_a_drawn_label_is_never_the_true_one_where_that_is_excluded_and_both_others_come(tiny):
    drawn = {label for seed in range(5) for label in mixed(tiny, seed).labels[:40].tolist()}
    assert drawn == {0, 1}


def test_a_drawn_label_may_be_the_true_one_where_that_is_allowed(tiny):
    drawn = torch.cat([mixed(tiny, seed, allowed=True).labels[:40] for seed in range(25)])
    # A thousand draws among three: 333 each, give or take five deviations of sqrt(1000 x 1/3 x 2/3) = 14.9.
    assert (torch.bincount(drawn, minlength=3) - 1000 / 3).abs().max() < 5 * 14.9


@pytest.mark.parametrize("allowed", [True, False])
def test_the_retain_set_keeps_its_labels_and_all_keep_their_images(tiny, allowed):
    splits, both = tiny.splits("random:0.3"), mixed(tiny, allowed=allowed, request="random:0.3")
    assert torch.equal(both.labels[36:], splits.retain.labels)
    assert torch.equal(both.images, torch.cat([splits.forget.images, splits.retain.images]))
    assert both.peak == 255


def test_every_example_of_a_mixed_request_is_relabelled_by_its_own_label(tiny):
    own = tiny.splits("random:0.3").forget.labels
    for seed in range(5):
        assert (mixed(tiny, seed, request="random:0.3").labels[:36] != own).all()


@pytest.mark.parametrize("true_label", ["excluded", "allowed"])
def test_it_is_sgd_with_nesterov_momentum_on_both_sets_in_one_shuffled_stream(tiny, true_label):
    model, splits = tiny.original().train(), tiny.splits()
    generator = torch.Generator().manual_seed(4)
    if true_label == "excluded":
        wrong = (splits.forget.labels + torch.randint(1, 3, (40,), generator=generator)) % 3
    else:
        wrong = torch.randint(3, (40,), generator=generator)
    labels = torch.cat([wrong, splits.retain.labels])
    pixels = torch.cat([splits.forget.images, splits.retain.images]).float() / 255
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.0)
    for _ in range(2):
        for batch in torch.randperm(120, generator=generator).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), labels[batch]).backward()
            optimiser.step()
    method = RandomLabel(epochs=2, learning_rate=0.01, batch_size=32, true_label=true_label)
    assert near_weights(tiny.unlearn(method, seed=4), model)


def test_the_forgotten_class_is_no_longer_answered_and_the_others_are(learned):
    splits, after = learned.splits(), learned.unlearn(RandomLabel(epochs=5, learning_rate=0.01, batch_size=16))

    def right(examples):
        return (after(examples.pixels()).argmax(1) == examples.labels).float().mean()

    assert right(splits.forget) < 0.3
    assert right(splits.retain) > 0.8


def test_its_passes_are_its_epochs_over_the_whole_training_set(grey):
    assert RandomLabel(epochs=7).passes(120, 40, grey.recipe) == 7 * 120
