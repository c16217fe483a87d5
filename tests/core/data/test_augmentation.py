"""Mirrored and moved, a whole batch at once, and nothing else."""

import pytest
import torch

from core.data.augmentation import AUGMENTS, augment

IMAGES = torch.randint(1, 256, (64, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def drawn(how, seed=1):
    return augment(IMAGES, how, torch.Generator().manual_seed(seed))


def test_none_changes_nothing_and_draws_nothing():
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    assert augment(IMAGES, "none", generator) is IMAGES
    assert torch.equal(before, generator.get_state())


def test_flip_mirrors_about_half_and_leaves_the_others():
    changed = drawn("flip")
    mirrored = (changed == IMAGES.flip(3)).flatten(1).all(1)
    same = (changed == IMAGES).flatten(1).all(1)
    assert bool((mirrored ^ same).all())
    assert 16 <= int(mirrored.sum()) <= 48


def test_crop_moves_each_image_by_at_most_an_eighth_over_zeros():
    """Every result is one of the 2 x 5 x 5 shifts of the image or its mirror, looked for one by one."""
    padded = torch.nn.functional.pad(IMAGES, (2, 2, 2, 2))
    shifts = set()
    for index, result in enumerate(drawn("crop")):
        found = [
            (mirror, down, right)
            for mirror in (False, True)
            for down in range(5)
            for right in range(5)
            if torch.equal(result, (padded[index].flip(2) if mirror else padded[index])[:, down : down + 16, right : right + 16])
        ]
        assert len(found) == 1
        shifts.add(found[0][1:])
    assert len(shifts) > 12


def test_move_mirrors_nothing():
    """Every result is a shift of the image itself; some are the image."""
    padded = torch.nn.functional.pad(IMAGES, (2, 2, 2, 2))
    places = [(down, right) for down in range(5) for right in range(5)]
    for index, result in enumerate(drawn("move")):
        assert any(torch.equal(result, padded[index][:, d : d + 16, r : r + 16]) for d, r in places)


@pytest.mark.parametrize("how", AUGMENTS)
def test_shape_kind_and_draw_are_kept(how):
    changed = drawn(how)
    assert (changed.shape, changed.dtype) == (IMAGES.shape, torch.uint8)
    assert torch.equal(changed, drawn(how))
    assert how == "none" or not torch.equal(changed, drawn(how, seed=2))
