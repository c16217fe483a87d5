"""Cartoon faces: the same from the same seed, true counts, and pixels that show what the attributes say."""

from dataclasses import replace

import pytest
import torch

from core.data.datasets.cartoon_faces import sets
from core.data.datasets.cartoon_faces.drawing import PARTS, draw
from core.data.datasets.cartoon_faces.people import make_faces, make_people, true_pixels
from core.data.registry import DATASETS, load_dataset

KEYS = [source.INFO.key for source in sets.SETS]
FEW = make_people(30, 4)  # 120 faces
PLAIN = FEW.look.part(torch.arange(40))


def wearing(name, share):
    """Forty faces, all with the attribute or all without."""
    return replace(PLAIN, bald=torch.zeros(40), **{name: torch.full((40,), share)})


def test_the_same_seed_draws_the_same_people_and_pictures_and_another_does_not():
    for side in (32, 64):
        first, again = (make_faces(make_people(6, 3, seed=4), side, seed=4) for _ in range(2))
        assert first.shape == (18, 3, side, side)
        assert first.dtype == torch.uint8
        assert torch.equal(first, again)
        assert not torch.equal(first, make_faces(make_people(6, 3, seed=5), side, seed=5))


def test_the_images_of_a_person_differ_and_show_one_person():
    images = make_faces(FEW, 32).reshape(30, 4, 3, 32, 32).float()
    for own in images:
        gaps = [float((own[a] - own[b]).abs().mean()) for a in range(4) for b in range(a)]
        assert min(gaps) > 1  # of 255
    assert FEW.identity.reshape(30, 4).tolist() == [[person] * 4 for person in range(30)]
    for name in ("skin", "hair", "width", "eyes_apart", "glasses", "bald", "long_hair"):
        looks = getattr(FEW.look, name).reshape(30, 4, -1)
        assert torch.equal(looks, looks[:, :1].expand_as(looks)), name


def test_age_groups_are_of_equal_size_and_no_child_is_bald_or_wrinkled():
    assert torch.bincount(FEW.age).tolist() == [40, 40, 40]
    assert not (FEW.attributes["bald"] & (FEW.age == 0)).any()
    assert torch.equal(FEW.look.wrinkles > 0, FEW.age == 2)
    assert not (FEW.attributes["bald"] & FEW.attributes["long_hair"]).any()


@pytest.mark.parametrize("side", [32, 64])
def test_the_true_pixels_of_an_attribute_are_there_exactly_where_somebody_has_it(side):
    pixels = true_pixels(FEW, side, torch.arange(120))
    assert set(pixels) == set(PARTS)
    assert all(mask.shape == (120, side, side) and mask.dtype == torch.bool for mask in pixels.values())
    shown = {part: mask.flatten(1).any(1) for part, mask in pixels.items()}
    assert torch.equal(shown["glasses"], FEW.attributes["glasses"])
    assert torch.equal(shown["smile"], FEW.attributes["smile"])
    assert torch.equal(shown["wrinkles"], FEW.age == 2)
    assert torch.equal(shown["hair"], ~FEW.attributes["bald"])
    some = torch.tensor([7, 3])
    assert all(torch.equal(mask, pixels[part][some]) for part, mask in true_pixels(FEW, side, some).items())


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("name, part", [("glasses", "glasses"), ("wrinkles", "wrinkles"), ("long_hair", "hair")])
def test_an_attribute_changes_the_pixels_near_its_mask_and_no_others(name, part, side):
    """Where the part covers none of a pixel, the pixel is the same to the bit; where it covers half, it is another, nearly always."""
    (without, _), (with_it, covers) = (draw(wearing(name, share), side) for share in (0.0, 1.0))
    changed = (with_it - without).abs().amax(1)  # (40, side, side)
    assert changed[covers[part] == 0].max() == 0
    if name == "glasses":  # the last on top: all of it is seen
        assert (changed[covers[part] >= 0.5] > 0.02).float().mean() > 0.99  # a black pupil behind a black frame
    assert ((changed > 0.05).flatten(1).sum(1) >= 5).all()  # pixels of every face


def test_smiling_and_being_bald_are_seen_too():
    for name in ("smile", "bald"):
        pictures = [draw(replace(PLAIN, **{name: torch.full((40,), value)}), 32)[0] for value in (0.0, 0.15 if name == "smile" else 1.0)]
        changed = (pictures[1] - pictures[0]).abs().amax(1)
        assert ((changed > 0.05).flatten(1).sum(1) >= 5).all(), name


@pytest.mark.parametrize("key", KEYS)
def test_the_shelf_holds_them_labelled_synthetic_with_true_counts(key):
    data = load_dataset(key)
    info = data.info
    assert "synthetic" in info.title
    assert info.about.startswith("Synthetic")
    assert (info.train_count, info.test_count) == (3200, 800)
    assert [column.name for column in info.columns] == ["identity", "age", "glasses", "smile", "long_hair", "bald"]
    for column in info.columns:
        for values, whole in ((data.train_columns, data.train), (data.test_columns, data.test)):
            assert values[column.name].dtype == torch.int64
            assert len(values[column.name]) == len(whole)
        assert torch.bincount(data.train_columns[column.name], minlength=len(column.values)).tolist() == list(column.counts)


def test_every_person_has_sixteen_images_to_train_on_and_four_to_test():
    data = load_dataset("faces")
    assert data.info.columns[0].counts == (16,) * 200
    assert torch.bincount(data.test_columns["identity"]).tolist() == [4] * 200


def test_the_label_is_the_age_group_or_a_row_of_attributes():
    ages, attributes = load_dataset("faces"), load_dataset("faces_attributes")
    assert torch.equal(ages.train.labels, ages.train_columns["age"])
    assert attributes.info.classes == ("glasses", "smile", "long_hair", "bald")
    for index, name in enumerate(attributes.info.classes):
        assert torch.equal(attributes.test.labels[:, index].long(), attributes.test_columns[name])
    assert torch.equal(ages.train.images, attributes.train.images)


def test_their_descriptions_are_had_without_drawing(monkeypatch):
    monkeypatch.setattr(sets, "make_faces", None)
    assert {DATASETS[key].INFO.height for key in KEYS} == {32, 64}
    assert [DATASETS[key].INFO.key for key in KEYS] == ["faces", "faces_64", "faces_attributes", "faces_attributes_64"]
