"""Walls of images: every pixel where it belongs."""

from base64 import b64decode
from io import BytesIO

import numpy as np
from PIL import Image
import pytest

from core.figures.image_sprite import GAP, TILE, in_page, png, sprite, to_rgb


def tiles(count: int, channels: int = 1, size: int = 8) -> np.ndarray:
    """Image i is filled with level i + 1."""
    levels = np.arange(1, count + 1, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, channels, size, size)).copy()


def test_an_image_lies_in_its_row_and_column():
    wall = sprite(tiles(5), 16, 3)
    scale = TILE // 8
    step = (8 + GAP) * scale
    assert wall.shape == ((2 * 8 + GAP) * scale, (3 * 8 + 2 * GAP) * scale, 3)
    assert wall.dtype == np.uint8
    for index in range(5):
        top, left = index // 3 * step, index % 3 * step
        tile = wall[top : top + 8 * scale, left : left + 8 * scale]
        assert (tile == round((index + 1) * 255 / 16)).all(), index


def test_gaps_and_empty_places_are_grey():
    wall = sprite(tiles(2), 16, 2)
    scale = TILE // 8
    assert (wall[:, 8 * scale : (8 + GAP) * scale] == 127).all()
    assert (sprite(tiles(3), 16, 2)[-1, -1] == 127).all()


def test_a_pixel_is_enlarged_without_smoothing():
    images = np.zeros((1, 1, 8, 8), np.uint8)
    images[0, 0, 2, 5] = 16
    wall = sprite(images, 16, 1)
    lit = np.argwhere(wall[:, :, 0] == 255)
    scale = TILE // 8
    assert len(lit) == scale**2
    assert lit.min(0).tolist() == [2 * scale, 5 * scale]
    assert set(np.unique(wall)) == {0, 255}


def test_colours_keep_their_order():
    image = np.zeros((1, 3, 4, 4), np.uint8)
    image[0, 0], image[0, 2] = 255, 51
    assert to_rgb(image, 255)[0, 0, 0].tolist() == [255, 0, 51]
    assert sprite(image, 255, 1)[0, 0].tolist() == [255, 0, 51]


def test_grey_becomes_three_equal_channels():
    assert to_rgb(tiles(1), 16).shape == (1, 8, 8, 3)
    assert len(np.unique(to_rgb(tiles(1), 16))) == 1


@pytest.mark.parametrize("size", [TILE, TILE + 16, 224])
def test_large_images_are_not_enlarged(size):
    assert sprite(tiles(1, size=size), 255, 1).shape == (size, size, 3)


def test_a_png_is_the_picture_enlarged_by_a_whole_factor():
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 10
    read = np.asarray(Image.open(BytesIO(png(picture, 4))))
    assert read.shape == (8, 12, 3)
    assert (read[::4, ::4] == picture).all()
    assert (read[3, 3] == picture[0, 0]).all()


def test_a_picture_within_the_page_is_the_picture():
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    head, _, data = in_page(picture).partition(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(BytesIO(b64decode(data)))), picture)
