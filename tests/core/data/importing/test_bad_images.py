"""Every bad input gives one sentence with the file's name, and leaves no cache behind."""

import os
import struct
import zlib

import numpy as np
from PIL import Image
import pytest

from core.data.importing import decode, importer, read_image
from core.data.importing.importer import ImportOptions, add
from core.domain.errors import WrongInput
from tests.core.data.importing.made_up import GREY, folder, index, picture


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, raw):
    """A colour PNG by its specification."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def broken(root):
    (root / "train/dog/1.png").write_bytes(b"no image")


def cut_short(root):
    path = root / "train/dog/1.png"
    path.write_bytes(path.read_bytes()[:-60])


def empty_file(root):
    (root / "test/dog/1.png").write_bytes(b"")


def empty_class(root):
    (root / "train/emu").mkdir()


def only_other_files(root):
    (root / "train/emu").mkdir()
    (root / "train/emu/notes.txt").write_text("no image")


def mixed_sizes(root):
    picture(root / "test/dog/0.png", 1, (9, 10, 3))


def one_channel(root):
    picture(root / "train/dog/2.png", 1, GREY)


def sixteen_grey(root):
    Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(root / "train/cat/1.png")


def sixteen_colour(root):
    (root / "train/cat/1.png").write_bytes(png(8, 8, 16, b"".join(b"\0" + bytes(48) for _ in range(8))))


def sixteen_pgm(root):
    (root / "train/cat/1.png").unlink()
    (root / "train/cat/1.ppm").write_bytes(b"P6 8 8 65535\n" + bytes(8 * 8 * 6))


def floats(root):
    (root / "train/cat/1.png").unlink()
    Image.fromarray(np.zeros((8, 8), np.float32)).save(root / "train/cat/1.tif")


def bomb(root):
    (root / "train/cat/1.png").write_bytes(png(40_000, 40_000, 8, b""))


def small_bomb(root):
    (root / "train/cat/1.png").write_bytes(png(10_000, 10_000, 8, b""))


def see_through(root):
    Image.fromarray(np.full((8, 8, 4), 100, np.uint8)).save(root / "train/cat/1.png")


def tiny(root):
    for path in root.rglob("*.png"):
        picture(path, 1, (7, 8, 3))


def link_out(root):
    path = root / "train/cat/1.png"
    outside = path.rename(root.parent / "outside.png")
    path.symlink_to(outside)


def linked_folder(root):
    outside = (root / "train/cat").rename(root.parent / "outside")
    (root / "train/cat").symlink_to(outside)


def dead_link(root):
    (root / "train/cat/9.png").symlink_to(root / "nothing.png")


def pipe(root):
    os.mkfifo(root / "train/cat/9.png")


def no_test(root):
    (root / "test").rename(root / "unseen")


def class_without_test(root):
    picture(root / "train/emu/0.png", 50)


def strange_name(root):
    for half in ("train", "test"):
        os.rename(root / half / "dog", os.fsencode(root / half) + b"/d\xffg\n")


def one_class(root):
    for half in ("train", "test"):
        (root / half / "dog").rename(root / f"{half}-dog")


def indexed(change):
    """index.csv with identity and split, its text changed."""

    def spoil(root):
        path = index(root, "identity", "split", say=lambda p: (f"person {p.stem}", p.parts[0]))
        path.write_bytes(change(path.read_text()).encode("utf-8", "surrogateescape"))

    return spoil


ROW = "train/dog/1.png,person 1,train\n"
BAD = {
    "a broken image": (broken, "train/dog/1.png is broken"),
    "an image cut short": (cut_short, "train/dog/1.png is broken"),
    "an empty file": (empty_file, "test/dog/1.png is broken"),
    "an empty class": (empty_class, "The class train/emu in"),
    "a class of other files": (only_other_files, "The class train/emu in"),
    "mixed sizes": (mixed_sizes, "test/dog/0.png is 10x9, and train/cat/0.png is 8x8; give --size"),
    "a 1-channel image among RGB": (one_channel, "train/dog/2.png has 1 channel (grey), and train/cat/0.png has 3 channels"),
    "a 16-bit grey PNG": (sixteen_grey, "train/cat/1.png has more than 8 bits a channel"),
    "a 16-bit colour PNG": (sixteen_colour, "train/cat/1.png has more than 8 bits a channel"),
    "a 16-bit PPM": (sixteen_pgm, "train/cat/1.ppm has more than 8 bits a channel"),
    "a TIFF of floats": (floats, "train/cat/1.tif has more than 8 bits a channel"),
    "a decompression bomb": (bomb, "train/cat/1.png claims more than"),
    "a bomb that Pillow only warns of": (small_bomb, "train/cat/1.png claims more than"),
    "a transparent image": (see_through, "train/cat/1.png has transparent pixels"),
    "images that are too small": (tiny, "is 8x7; at least 8x8"),
    "a link to a file outside": (link_out, "train/cat/1.png lies outside"),
    "a link to a folder outside": (linked_folder, "train/cat/0.png lies outside"),
    "a link to nothing": (dead_link, "train/cat/9.png is named, but is not in"),
    "a pipe, which would wait for ever": (pipe, "train/cat/9.png"),
    "no test half": (no_test, "A folder test/ is wanted in"),
    "a class without test images": (class_without_test, "'emu' has 1 images to train on and 0 to test"),
    "a class whose name is no text": (strange_name, r"The class 'd\udcffg\n' has letters that cannot be shown"),
    "one class": (one_class, "At least two classes are wanted; the column class has cat"),
    "a file without a row": (indexed(lambda text: text.replace(ROW, "")), "index.csv has no row for train/dog/1.png"),
    "a row without a file": (indexed(lambda text: text.replace("train/dog/1", "train/dog/7")), "names train/dog/7.png in row"),
    "a row twice": (indexed(lambda text: text + ROW), "index.csv names train/dog/1.png twice"),
    "a label that is missing": (
        *(indexed(lambda text: text.replace(ROW, "train/dog/1.png,,train\n")),),
        "index.csv says nothing under 'identity' for train/dog/1.png",
    ),
    "a row that is too short": (indexed(lambda text: text.replace(ROW, "train/dog/1.png,person 1\n")), "has 2 values in row"),
    "a half that contradicts": (
        *(indexed(lambda text: text.replace(ROW, ROW.replace(",train", ",test"))),),
        "says split 'test' of train/dog/1.png, but the image lies under 'train'",
    ),
    "no column of paths": (indexed(lambda text: text.replace("path", "file")), "has no column 'path'"),
    "a column twice": (indexed(lambda text: text.replace("identity", "split")), "must name each column once"),
    "an empty table": (indexed(lambda text: ""), "index.csv is empty"),
    "a path that leads out": (indexed(lambda text: text.replace(ROW, ROW.replace("train/", "../"))), "names '../dog/1.png'"),
    "an absolute path": (indexed(lambda text: text.replace(ROW, "/etc/passwd,a,b\n")), "names '/etc/passwd'"),
    "a table that is no text": (indexed(lambda text: text + "\udcff\udcfe"), "index.csv is not text in UTF-8"),
    "a quote that never ends": (indexed(lambda text: text + 'train/dog/1.png,"person\n'), "index.csv is not a CSV table"),
}


@pytest.mark.parametrize("spoil, words", BAD.values(), ids=BAD)
def test_bad_input_is_told_in_a_sentence_and_nothing_is_cached(tmp_path, spoil, words):
    root = folder(tmp_path / "pets")
    spoil(root)
    with pytest.raises(WrongInput) as told:
        add(root, ImportOptions(), tmp_path / "datasets")
    sentence = str(told.value)
    assert words in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert not (tmp_path / "datasets").exists() or not list((tmp_path / "datasets").iterdir())


ASKED = {
    "a size that is too small": (ImportOptions(size=7), "from 8 to 1024 pixels, or 0 for as it is; got 7"),
    "a size that is too large": (ImportOptions(size=5000), "got 5000"),
    "unknown channels": (ImportOptions(channels="cmyk"), "one of auto, grey, colour; got 'cmyk'"),
    "an unknown layout": (ImportOptions(layout="zip"), "no layout 'zip'; choose one of: auto, mufac"),
    "an unknown column": (ImportOptions(label="breed"), "no column 'breed' to be the class; there are: class"),
}


@pytest.mark.parametrize("asked, words", ASKED.values(), ids=ASKED)
def test_what_cannot_be_asked_is_told_and_nothing_is_cached(tmp_path, asked, words):
    with pytest.raises(WrongInput, match=words.replace("(", r"\(")):
        add(folder(tmp_path / "pets"), asked, tmp_path / "datasets")
    assert not (tmp_path / "datasets").exists()


def test_channels_that_are_declared_make_grey_and_colour_alike(tmp_path):
    root = folder(tmp_path / "pets")
    one_channel(root)
    assert add(root, ImportOptions(channels="colour"), tmp_path / "datasets").info.channels == 3
    assert add(root, ImportOptions(channels="grey"), tmp_path / "datasets").info.channels == 1


def test_an_opaque_alpha_channel_is_no_transparency(tmp_path):
    root = folder(tmp_path / "pets")
    Image.open(root / "train/cat/1.png").convert("RGBA").save(root / "train/cat/1.png")
    assert add(root, ImportOptions(), tmp_path / "datasets").info.channels == 3


def test_a_link_that_stays_inside_is_followed(tmp_path):
    root = folder(tmp_path / "pets")
    (root / "train/cat/9.png").symlink_to(root / "train/cat/1.png")
    assert add(root, ImportOptions(), tmp_path / "datasets").info.train_counts == (4, 3)


def test_files_that_are_no_images_are_passed_over_and_counted(tmp_path):
    root = folder(tmp_path / "pets")
    for name in ("notes.txt", "Thumbs.db", ".DS_Store"):
        (root / "train/cat" / name).write_text("no image")
    assert add(root, ImportOptions(), tmp_path / "datasets").notes == ("2 files that are no image passed over (1 .db, 1 .txt).",)


def test_an_image_that_changes_between_digest_and_decoding_is_told(tmp_path, monkeypatch):
    root, reads = folder(tmp_path / "pets"), []

    def changing(base, name):
        reads.append(name)
        return read_image.read(base, name) + (b"x" if reads.count(name) > 1 and name.endswith("dog/2.png") else b"")

    for module in (importer, decode):
        monkeypatch.setattr(module, "read", changing)
    with pytest.raises(WrongInput, match=r"train/dog/2\.png has changed while it was read"):
        add(root, ImportOptions(), tmp_path / "datasets")
    assert not list((tmp_path / "datasets").iterdir())
