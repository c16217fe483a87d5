"""From a request to sets: by hand on labels 0, 1, 2, 0, 1, 2, ..."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.data.splits import NAMES, split
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from tests.tiny import ONE_OF_EACH

DRAWN, FLIPPED = [6, 25, 27, 102, 106, 108], [1, 2, 2, 2, 0, 1]  # by the version that first stored such runs; labels are 0, 1, 2, ...


def counts(splits):
    return {name: len(getattr(splits, name)) for name in NAMES}


@pytest.mark.parametrize(
    "request_, wanted",
    [
        ("class:2", {"train": 120, "retain": 80, "forget": 40, "test": 60, "test_retain": 40, "test_forget": 20}),
        ("classes:0,2", {"train": 120, "retain": 40, "forget": 80, "test": 60, "test_retain": 20, "test_forget": 40}),
        ("subclass:5", {"train": 120, "retain": 100, "forget": 20, "test": 60, "test_retain": 50, "test_forget": 10}),
        ("attribute:person=1,3", {"train": 120, "retain": 72, "forget": 48, "test": 60, "test_retain": 36, "test_forget": 24}),
        ("mislabelled:12@3", {"train": 120, "retain": 108, "forget": 12, "test": 60, "test_retain": 60, "test_forget": 0}),
        ("random:0.05", {"train": 120, "retain": 114, "forget": 6, "test": 60, "test_retain": 60, "test_forget": 0}),
        ("random:10@3", {"train": 120, "retain": 110, "forget": 10, "test": 60, "test_retain": 60, "test_forget": 0}),
        ("samples:7,0", {"train": 120, "retain": 118, "forget": 2, "test": 60, "test_retain": 60, "test_forget": 0}),
    ],
)
def test_the_sets_have_the_sizes_that_the_request_gives_them(tiny, request_, wanted):
    splits = tiny.splits(request_)
    assert counts(splits) == wanted
    assert splits.forget_share == wanted["forget"] / 120


@pytest.mark.parametrize("request_", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
def test_a_request_of_every_kind_names_as_many_as_it_counts_and_test_images_only_by_a_rule(grey, request_):
    splits, request = grey.splits(request_), parse_request(request_)
    request.check(grey.dataset.info)
    assert int(splits.forgotten.sum()) == request.count(grey.dataset.info)
    assert bool(splits.test_forgotten.any()) == request.by_rule
    assert (splits.truth is not None) == request.flips_labels


def test_a_stored_draw_names_the_examples_that_it_always_named(grey):
    """Runs are stored by the request's text: what it means may never change."""
    assert grey.splits("random:6@3").forgotten.nonzero().flatten().tolist() == DRAWN
    assert grey.splits("random:0.05@3").forgotten.nonzero().flatten().tolist() == DRAWN
    wrong = grey.splits("mislabelled:6@3")
    assert wrong.forgotten.nonzero().flatten().tolist() == DRAWN
    assert wrong.train.labels[DRAWN].tolist() == FLIPPED


@pytest.mark.parametrize("request_", ["class:2", "classes:0,1", "random:0.3@9", "samples:0,119"])
def test_retain_and_forget_are_the_training_set_and_do_not_overlap(tiny, request_):
    splits = tiny.splits(request_)
    for whole, parts in (("train", ("retain", "forget")), ("test", ("test_retain", "test_forget"))):
        rows = [getattr(splits, part).images.flatten(1).numpy() for part in parts]
        together = np.concatenate(rows)
        everything = getattr(splits, whole).images.flatten(1).numpy()
        assert sorted(map(bytes, together)) == sorted(map(bytes, everything))


def test_a_class_request_takes_every_example_of_the_class_and_no_other(tiny):
    splits = tiny.splits("classes:0,2")
    assert set(splits.forget.labels.tolist()) == set(splits.test_forget.labels.tolist()) == {0, 2}
    assert set(splits.retain.labels.tolist()) == set(splits.test_retain.labels.tolist()) == {1}


def test_a_subclass_takes_its_part_of_a_class_and_an_attribute_its_part_of_all_classes(grey):
    kinds, people = grey.splits("subclass:5"), grey.splits("attribute:person=3")
    assert kinds.forgotten.nonzero().flatten().tolist() == [i for i in range(120) if i % 3 == 2 and i % 2 == 1]
    assert set(kinds.forget.labels.tolist()) == set(kinds.test_forget.labels.tolist()) == {2}
    assert people.forgotten.nonzero().flatten().tolist() == list(range(3, 120, 5))
    assert people.test_forgotten.nonzero().flatten().tolist() == list(range(3, 60, 5))
    assert set(people.forget.labels.tolist()) == {0, 1, 2}


def test_a_column_that_is_not_there_is_refused(grey):
    with pytest.raises(WrongInput, match=r"^tiny1 has no column 'hat'; its columns are: kind, person\.$"):
        grey.splits("attribute:hat=1")


def test_mislabelled_examples_get_wrong_labels_by_the_seed_and_the_truth_is_kept(grey):
    first, again, other = (grey.splits(f"mislabelled:30@{seed}") for seed in (1, 1, 2))
    right = grey.dataset.train.labels
    assert torch.equal(first.truth, right)
    assert torch.equal(first.train.labels != right, first.forgotten)  # every drawn label is wrong, and no other
    assert int(first.forgotten.sum()) == 30
    assert torch.equal(first.train.labels, again.train.labels)
    assert not torch.equal(first.forgotten, other.forgotten)
    assert set(((first.forget.labels - right[first.forgotten]) % 3).tolist()) == {1, 2}  # either of the wrong ones
    assert torch.equal(first.test.labels, grey.dataset.test.labels)
    assert torch.equal(grey.dataset.train.labels, torch.arange(120) % 3)  # the dataset itself is left as it was
    assert grey.splits("random:30@1").truth is None


def test_a_method_sees_the_wrong_labels_and_never_the_truth(grey):
    guarded = grey.splits("mislabelled:30").only(frozenset({"forget"}))
    assert torch.equal(guarded.forget.labels, grey.splits("mislabelled:30").forget.labels)
    assert guarded.truth is None


@pytest.mark.parametrize("request_", ["class:0", "classes:0,1", "mislabelled:5"])
def test_an_example_with_attributes_has_no_class_to_forget(grey, request_):
    labels = torch.stack([grey.dataset.train.labels == c for c in range(3)], 1).to(torch.uint8)
    multi = replace(grey.dataset, train=grey.dataset.train.relabelled(labels))
    with pytest.raises(WrongInput, match=f"^The request {request_} names classes, and an example of tiny1 has attributes"):
        split(multi, parse_request(request_))


def test_samples_are_the_examples_of_these_indices_in_the_data_order(tiny):
    forget = tiny.splits("samples:90,4").forget
    assert torch.equal(forget.images, tiny.dataset.train.images[[4, 90]])
    assert torch.equal(forget.labels, tiny.dataset.train.labels[[4, 90]])


def test_the_seed_of_a_random_request_decides_which_go(grey):
    first, again, other = (grey.splits(f"random:30@{seed}").forgotten for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first & other).sum() < 30


@pytest.mark.parametrize("request_, what", [("random:0.001", "no"), ("random:120", "every"), ("classes:0,1,2", "every")])
def test_nothing_and_everything_are_refused_in_one_sentence(grey, request_, what):
    with pytest.raises(WrongInput, match=f"^The request {request_} names {what} training example.*\\.$"):
        grey.splits(request_)


def test_pixels_and_batches_are_floats_from_0_to_1(grey_and_colour):
    train = grey_and_colour.dataset.train
    pixels = train.pixels()
    assert pixels.dtype == torch.float32
    assert 0 <= pixels.min() < 0.1
    assert 0.9 < pixels.max() <= 1
    batches = list(train.batches(50))
    assert [len(y) for _, y in batches] == [50, 50, 20]
    assert torch.equal(torch.cat([x for x, _ in batches]), pixels)


def test_shuffled_batches_hold_every_example_once_in_an_order_that_the_generator_decides(grey):
    def order(seed):
        generator = torch.Generator().manual_seed(seed)
        return torch.cat([x for x, _ in grey.dataset.train.batches(7, generator)]).flatten(1).numpy()

    everything = sorted(map(bytes, grey.dataset.train.pixels().flatten(1).numpy()))
    assert sorted(map(bytes, order(1))) == everything
    assert (order(1) == order(1)).all()
    assert (order(1) != order(2)).any()
