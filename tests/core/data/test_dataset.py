"""Examples: which rows each view takes, on images whose bytes are their numbers."""

import pytest
import torch

from core.data.dataset import Examples


def numbered(labels, peak=255):
    """1x1 images; the byte of each is its place."""
    return Examples(torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1), torch.tensor(labels), peak)


def places(examples):
    return examples.images.flatten().tolist()


@pytest.mark.parametrize("count, wanted", [(0, []), (2, [0, 1]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])])
def test_the_first_are_in_order_and_all_of_them_where_there_are_fewer(count, wanted):
    found = numbered([3, 1, 3, 0]).first(count)
    assert places(found) == wanted
    assert found.labels.tolist() == [3, 1, 3, 0][:count]


@pytest.mark.parametrize(
    "count, wanted",
    [
        (1, ([4, 1, 0], [0, 1, 7])),
        (2, ([4, 1, 3, 0, 2], [0, 1, 1, 7, 7])),
        (9, ([4, 1, 3, 6, 0, 2, 5], [0, 1, 1, 1, 7, 7, 7])),
    ],
)
def test_the_first_of_each_class_come_by_class_and_a_class_that_has_fewer_gives_all(count, wanted):
    found = numbered([7, 1, 7, 1, 0, 7, 1]).first_of_each_class(count)
    assert (places(found), found.labels.tolist()) == wanted


def test_joined_has_these_first_and_then_the_others():
    ours, theirs = numbered([5, 6]), numbered([1, 2, 3])
    found = ours.joined(theirs)
    assert places(found) == [0, 1, 0, 1, 2]
    assert found.labels.tolist() == [5, 6, 1, 2, 3]
    assert (len(ours), len(theirs)) == (2, 3)


def test_relabelled_are_the_same_images_under_other_names_and_the_old_names_stay_where_they_were():
    ours = numbered([0, 1, 2])
    found = ours.relabelled(torch.tensor([2, 0, 1]))
    assert places(found) == [0, 1, 2]
    assert found.labels.tolist() == [2, 0, 1]
    assert ours.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "view",
    [
        lambda e: e.first(3),
        lambda e: e.first_of_each_class(2),
        lambda e: e.joined(numbered([1], peak=16)),
        lambda e: e.relabelled(e.labels),
    ],
)
def test_every_view_keeps_the_byte_that_means_one(view):
    found = view(numbered([0, 1, 0, 1], peak=16))
    assert found.pixels().flatten().tolist() == [place / 16 for place in places(found)]
    assert found.labels.dtype == torch.int64


def test_some_are_a_draw_of_all_places_that_never_changes():
    data = Examples((torch.arange(300) % 256).to(torch.uint8).view(-1, 1, 1, 1), torch.arange(300) // 100)
    rows = data.some(60)
    assert torch.equal(rows, data.some(60))
    assert rows.tolist() == sorted({*rows.tolist()})
    assert all(10 <= count <= 30 for count in torch.bincount(data.labels[rows]).tolist())  # not the first class alone
    assert torch.equal(data.sample(60).images, data.images[rows])
    assert data.some(1000).tolist() == list(range(300))
