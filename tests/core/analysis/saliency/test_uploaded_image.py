"""A picture of one's own becomes what the network looks at, or one sentence says why not."""

from io import BytesIO
import struct
import tracemalloc
import zlib

import numpy as np
from PIL import Image
import pytest

from core.analysis.saliency import uploaded_image as module
from core.analysis.saliency.uploaded_image import read_uploaded_image
from core.data.datasets.digits import INFO
from core.domain.errors import WrongInput
from tests.core.models.test_architectures import info

COLOUR = info(32)


def coded(image, kind="PNG", **more):
    buffer = BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def picture(size=(40, 30), mode="RGB"):
    ramp = np.linspace(0, 255, size[0] * size[1]).reshape(size[1], size[0])
    if mode.startswith("I;16"):
        return Image.fromarray((ramp * 257).astype(np.uint16))
    if mode == "I":
        return Image.fromarray((ramp * 257).astype(np.int32))
    if mode == "F":
        return Image.fromarray(ramp.astype(np.float32))
    return Image.fromarray(ramp.astype(np.uint8)).convert(mode)


@pytest.mark.parametrize(
    "mode, kind",
    [("RGB", "PNG"), ("L", "PNG"), ("1", "PNG"), ("P", "GIF"), ("LA", "PNG"), ("RGBA", "PNG"), ("I;16", "PNG"), ("CMYK", "JPEG"),
     ("YCbCr", "JPEG"), ("I", "TIFF"), ("F", "TIFF"), ("RGB", "BMP"), ("RGB", "WEBP")],
)  # fmt: skip
def test_any_mode_and_kind_is_taken(mode, kind):
    for data, channels in ((COLOUR, 3), (INFO, 1)):
        found = read_uploaded_image(coded(picture(mode=mode), kind), "mine", data)
        assert found.shape == (channels, data.height, data.width)
        assert found.dtype == np.uint8
        rows = found.astype(float).mean((0, 2))
        assert rows[0] < 60  # the ramp goes down the picture, whatever carried it
        assert rows[-1] > 195


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 5), (2000, 1500)])
def test_any_size_is_taken(size):
    assert read_uploaded_image(coded(picture(size)), "mine", COLOUR).shape == (3, 32, 32)


def test_the_cameras_turn_is_followed():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    white_left = Image.fromarray(np.repeat(np.repeat(np.array([[255, 0]], np.uint8), 16, 1), 32, 0))
    found = read_uploaded_image(coded(white_left, "JPEG", exif=exif), "mine", INFO)[0]
    assert found[0].mean() > 230  # what was left is now above
    assert found[-1].mean() < 25


def test_what_is_transparent_shows_white_paper():
    clear = Image.new("RGBA", (20, 20), (200, 0, 0, 0))
    assert (read_uploaded_image(coded(clear), "mine", COLOUR) == 255).all()


def bomb(side):
    """A PNG of a few bytes whose header claims side x side pixels."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_000, 40_000])
def test_a_bomb_is_refused_by_its_header(side):
    with pytest.raises(WrongInput, match="pixels") as wrong:
        read_uploaded_image(bomb(side), "bomb.png", COLOUR)
    assert "bomb.png" in str(wrong.value)


@pytest.mark.parametrize("raw", [b"", b"hello", b"\x89PNG\r\n\x1a\n", coded(picture())[:60], b"GIF89a" + bytes(50), b"%PDF-1.7"])
def test_what_is_no_picture_is_told_in_one_sentence(raw):
    with pytest.raises(WrongInput) as wrong:
        read_uploaded_image(raw, "notes.txt", COLOUR)
    assert str(wrong.value).startswith("The file notes.txt is no picture that can be read; ")
    assert str(wrong.value).count(".") <= 3


@pytest.mark.parametrize("kind", ["EPS", "PPM", "TGA", "PCX"])
def test_only_the_formats_that_are_promised_are_opened_whatever_the_ending(kind):
    with pytest.raises(WrongInput, match="a PNG, JPEG, WebP, GIF, BMP or TIFF is wanted"):
        read_uploaded_image(coded(picture(), kind), "mine.png", COLOUR)


@pytest.mark.parametrize("mode, kind", [("RGBA", "PNG"), ("LA", "PNG"), ("P", "GIF"), ("I;16", "PNG"), ("F", "TIFF"), ("RGB", "BMP")])
def test_a_large_picture_is_flattened_in_strips_and_comes_out_as_if_at_once(monkeypatch, mode, kind):
    raw, seen = coded(picture((700, 1100), mode), kind), []
    whole = read_uploaded_image(raw, "mine", COLOUR)
    flat = module._flat
    monkeypatch.setattr(module, "_flat", lambda image: (seen.append(image.size), flat(image))[1])
    monkeypatch.setattr(module, "STRIP", 50_000)
    np.testing.assert_array_equal(read_uploaded_image(raw, "mine", COLOUR), whole)
    assert len(seen) > 5
    assert max(width * height for width, height in seen) <= 50_000


def test_deep_grey_is_not_copied_whole():
    raw = coded(Image.fromarray(np.zeros((3000, 3000), np.uint16)))
    tracemalloc.start()
    read_uploaded_image(raw, "mine", INFO)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25e6  # one copy as float64 would be 72 million bytes
