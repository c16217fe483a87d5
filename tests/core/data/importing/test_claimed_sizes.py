"""What is too large is refused before it is read or decoded: images by their header, tables by file, line and column."""

from io import BytesIO
import os
import struct
import zlib

from PIL import Image, ImageFile
import pytest

from core.analysis.saliency.uploaded_image import read_uploaded_image
from core.data.datasets.digits import INFO
from core.data.importing import read_image
from core.data.importing.importer import ImportOptions, add
from core.data.importing.layouts import text_tables
from core.data.importing.read_image import decode
from core.domain.errors import WrongInput
from tests.core.data.importing.made_up import folder, index


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def gif(width, height):
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0;"


def bmp(width, height):
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def tiff(width, height):
    size = min(width * height, 2**32 - 1)
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, size)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def webp(width, height):
    out = BytesIO()
    Image.new("RGB", (16, 16)).save(out, "WEBP", lossless=True)
    raw = bytearray(out.getvalue())
    place = raw.index(b"VP8L") + 9
    raw[place : place + 4] = struct.pack("<I", (width - 1) | ((height - 1) << 14))
    return bytes(raw)


def jpeg(width, height):
    out = BytesIO()
    Image.new("L", (16, 16)).save(out, "JPEG")
    raw = bytearray(out.getvalue())
    place = raw.index(b"\xff\xc0") + 5
    raw[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(raw)


CLAIMS = [
    (png, 1, 80_000_000), (png, 80_000_000, 1), (png, 1, 70_000), (png, 8000, 8000), (gif, 65_535, 65_535), (gif, 8000, 8000),
    (bmp, 1, 80_000_000), (bmp, 60_000, 60_000), (tiff, 1, 80_000_000), (tiff, 2**31, 2**31), (tiff, 8000, 8000),
    (webp, 16_383, 16_383), (webp, 8000, 8000), (jpeg, 65_535, 65_535), (jpeg, 9000, 9000),
]  # fmt: skip


@pytest.mark.parametrize("made, width, height", CLAIMS, ids=[f"{made.__name__}-{w}x{h}" for made, w, h in CLAIMS])
def test_an_image_that_claims_too_much_is_refused_before_it_is_decoded(monkeypatch, made, width, height):
    def decoded(_):
        raise AssertionError("it was decoded")

    raw = made(width, height)
    assert len(raw) < 1000
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    for size in (None, 32):
        with read_image.quietly(), pytest.raises(WrongInput, match=r"^The image big claims more than 50 million pixels or 65535 a side"):
            decode(raw, "big", size, None)
    with pytest.raises(WrongInput, match=r"^The picture big claims "):
        read_uploaded_image(raw, "big", INFO)


def test_an_image_beyond_the_largest_side_that_is_kept_whole_is_not_decoded_either(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    with pytest.raises(WrongInput, match=r"The image big is 5000x5000, beyond 1024 a side; give --size"):
        decode(png(5000, 5000), "big", None, None)


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path, monkeypatch):
    root = folder(tmp_path / "pets")
    with open(root / "train/cat/0.png", "r+b") as file:
        file.truncate(2000)
    monkeypatch.setattr(read_image, "MOST_BYTES", 1999)
    with pytest.raises(WrongInput, match=r"The image train/cat/0\.png is larger than 0 MB"):
        add(root, ImportOptions(), tmp_path / "datasets")


@pytest.fixture
def pets(tmp_path):
    """A folder with an index.csv, and what adding it with another text there says."""
    root = folder(tmp_path / "pets")
    index(root, "who", say=lambda p: (p.stem,))

    def told(content):
        (root / "index.csv").write_bytes(content)
        with pytest.raises(WrongInput) as wrong:
            add(root, ImportOptions(), tmp_path / "datasets")
        return str(wrong.value)

    return told


def test_a_table_of_too_many_bytes_letters_or_columns_is_told(pets, monkeypatch):
    monkeypatch.setattr(text_tables, "MOST_BYTES", 3_000_000)
    assert "index.csv is larger than 2 MB; that is no table of images." in pets(b"path,who\n" + b"\n" * 3_000_000)
    assert "has more than 1048576 letters in line 2" in pets(b"path,who\n" + b"a" * 1_100_000)
    assert "names 5001 columns in its first line; 1000 at most are read." in pets(b"path" + b"".join(b",c%d" % n for n in range(5000)))
    assert "is not a CSV table (field larger than field limit" in pets(b'path,who\n"' + b"a\n" * 200_000)


def test_a_table_with_many_long_names_is_told_in_a_short_sentence(pets):
    said = pets(b",".join(b"c" * 300 + b"%d" % n for n in range(900)))
    assert "has no column 'path'; its first line names ccc" in said
    assert "(900 in all)" in said
    assert len(said) < 1000


def test_a_table_in_utf_16_is_told_so(pets):
    assert pets("path,who\n".encode("utf-16")).endswith("index.csv is not text in UTF-8 (it begins as UTF-16 does; save it as UTF-8).")


def test_a_pipe_in_place_of_a_table_is_not_waited_for(tmp_path):
    root = folder(tmp_path / "pets")
    os.mkfifo(root / "index.csv")
    with pytest.raises(WrongInput, match=r"index\.csv should be a text file; there is something else\.$"):
        add(root, ImportOptions(), tmp_path / "datasets")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_table_is_read_whatever_ends_its_lines(tmp_path, ends):
    root = folder(tmp_path / "pets")
    path = index(root, "who", say=lambda p: (f"w{int(p.stem) % 2}",))
    path.write_bytes(path.read_text().replace("\n", ends).encode())
    assert [c.values for c in add(root, ImportOptions(), tmp_path / "datasets").info.columns] == [("w0", "w1")]
