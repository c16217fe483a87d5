"""From a request to sets: by hand on labels 0, 1, 2, 0, 1, 2, ..."""

import numpy as np
import pytest
import torch

from core.data.splits import NAMES
from core.domain import WrongInput


def counts(splits):
    return {name: len(getattr(splits, name)) for name in NAMES}


@pytest.mark.parametrize(
    "request_, wanted",
    [
        ("class:2", {"train": 120, "retain": 80, "forget": 40, "test": 60, "test_retain": 40, "test_forget": 20}),
        ("classes:0,2", {"train": 120, "retain": 40, "forget": 80, "test": 60, "test_retain": 20, "test_forget": 40}),
        ("random:0.05", {"train": 120, "retain": 114, "forget": 6, "test": 60, "test_retain": 60, "test_forget": 0}),
        ("random:10@3", {"train": 120, "retain": 110, "forget": 10, "test": 60, "test_retain": 60, "test_forget": 0}),
        ("samples:7,0", {"train": 120, "retain": 118, "forget": 2, "test": 60, "test_retain": 60, "test_forget": 0}),
    ],
)
def test_the_sets_have_the_sizes_that_the_request_gives_them(tiny, request_, wanted):
    splits = tiny.splits(request_)
    assert counts(splits) == wanted
    assert splits.forget_share == wanted["forget"] / 120


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


def test_pixels_and_batches_are_floats_from_0_to_1(tiny):
    train = tiny.dataset.train
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
