"""A zip of images: read as the folder itself; what may harm is told before a byte is written, and nothing is left."""

from io import BytesIO
import stat
import struct
from unicodedata import normalize
import zipfile

import pytest

from core.data.importing import store, zip_archive
from core.data.importing.importer import ImportOptions, add
from core.domain.errors import WrongInput
from tests.core.data.importing import made_up
from tests.core.data.importing.made_up import folder, index


def zipped(root, archive, outer="", names=str):
    """A zip of a folder, under an outer folder where one is named."""
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(root.rglob("*")):
            out.write(path, names(f"{outer}{path.relative_to(root)}"))
    return archive


@pytest.fixture
def datasets(tmp_path):
    return tmp_path / "datasets"


@pytest.mark.parametrize("outer", ["", "pets/", "a/b/pets/"])
def test_a_zip_is_the_same_dataset_as_its_folder_and_leaves_nothing_else(tmp_path, datasets, outer):
    root = folder(tmp_path / "pets")
    index(root, "owner", say=lambda p: ("Ann" if p.stem == "0" else "Bob",))
    plain = add(root, ImportOptions(), datasets).info
    store.remove(datasets, plain.key)
    found = add(zipped(root, tmp_path / "pets.zip", outer), ImportOptions(), datasets)
    assert (found.info, found.new) == (plain, True)
    assert [place.name for place in datasets.iterdir()] == [plain.key]


def test_what_a_mac_adds_is_ignored_and_what_is_no_image_is_told(tmp_path, datasets):
    archive = zipped(folder(tmp_path / "pets"), tmp_path / "pets.zip", "pets/")
    with zipfile.ZipFile(archive, "a") as out:
        ignored = ("__MACOSX/pets/train/cat/._0.png", "pets/.DS_Store", "pets/train/.hidden/1.png")
        for name in (*ignored, "pets/model.pth", "pets/a.npy", "b.npy"):
            out.writestr(name, b"no image")
    assert add(archive, ImportOptions(), datasets).notes == (
        "3 members of the archive that are no image were not unpacked (2 .npy, 1 .pth).",
        "Read from pets/, the only folder inside pets/.",
    )


def test_letters_that_a_mac_packed_without_saying_how_are_read(tmp_path, datasets):
    name = normalize("NFD", "café")
    archive = zipped(folder(tmp_path / "pets", (name, "dog")), tmp_path / "pets.zip")
    raw = bytearray(archive.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag that says UTF-8
        at = raw.find(mark)
        while at >= 0:
            raw[at + place : at + place + 2] = struct.pack("<H", struct.unpack_from("<H", raw, at + place)[0] & ~0x800)
            at = raw.find(mark, at + 4)
    archive.write_bytes(raw)
    assert add(archive, ImportOptions(), datasets).info.classes == (normalize("NFC", "café"), "dog")


def test_backslashes_of_windows_are_folders(tmp_path, datasets):
    root = folder(tmp_path / "pets")
    plain = add(root, ImportOptions(), datasets).info
    archive = zipped(root, tmp_path / "pets.zip")
    raw = archive.read_bytes()
    for part in (b"train", b"test"):
        for name in (b"cat", b"dog"):
            raw = raw.replace(part + b"/" + name + b"/", part + b"\\" + name + b"\\")
    archive.write_bytes(raw)
    assert not add(archive, ImportOptions(), datasets).new
    assert store.keys(datasets) == [plain.key]


def test_a_zip_of_kaggles_celeba_is_read(tmp_path, datasets):
    root = made_up.celeba(tmp_path / "source")
    assert add(zipped(root, tmp_path / "archive.zip"), ImportOptions(), datasets).info.multi


def member(name, content=b"x", kind=None, flags=0):
    """A zip of one member besides a picture."""
    info = zipfile.ZipInfo(name)
    info.filename = info.orig_filename = name  # zipfile would mend it
    if kind:
        info.external_attr = (kind | 0o644) << 16
    info.flag_bits |= flags
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        written.writestr("train/cat/0.png", b"y")
        written.writestr(info, content)
    return out.getvalue()


def claiming(name, size, content=b""):
    """A zip whose list of members claims a size that is not there."""
    raw = bytearray(member(name, content))
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(raw)


def encrypted(name):
    raw = bytearray(member(name))
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 8] |= 1
    return bytes(raw)


def packed_by(method):
    raw = bytearray(member("train/cat/1.png"))
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = raw.rfind(mark)
        raw[at + place : at + place + 2] = struct.pack("<H", method)
    return bytes(raw)


def spoiled():
    raw = bytearray(member("train/cat/1.png", b"some content"))
    at = raw.find(b"some content")
    raw[at] ^= 1
    return bytes(raw)


BAD = {
    "a path upwards": (member("../../evil.png"), "a path that may lead out"),
    "a path upwards further in": (member("train/cat/../../../evil.png"), "a path that may lead out"),
    "an absolute path": (member("/etc/evil.png"), "a path that may lead out"),
    "a drive": (member("C:/evil.png"), "a path that may lead out"),
    "an upward path with backslashes": (member("train\\..\\evil.png"), "a path that may lead out"),
    "an upward path that is no image": (member("../evil.sh"), "a path that may lead out"),
    "a link": (member("train/cat/link.png", b"/etc/passwd", stat.S_IFLNK), "a link or another thing"),
    "a device": (member("train/cat/link.png", b"", stat.S_IFCHR), "a link or another thing"),
    "an encrypted member": (encrypted("train/cat/1.png"), "is encrypted"),
    "a member twice": (member("train/cat/9.png").replace(b"/9.", b"/0."), "holds train/cat/0.png twice"),
    "a file that is a folder": (member("train/cat/0.png/1.png"), "as a file and as a folder"),
    "a long name": (member("train/" + "a" * 300 + "/1.png"), "too long or too deep"),
    "a deep path": (member("a/" * 40 + "1.png"), "too long or too deep"),
    "a claim of 4 GB": (claiming("train/cat/1.png", 2**32 - 2), "which may be a trap"),
    "a size that is not there": (claiming("train/cat/1.png", 5000, b"abc"), "no zip archive that can be read"),
    "an unknown way of packing": (packed_by(99), "no zip archive that can be read"),
    "a spoiled member": (spoiled(), "no zip archive that can be read"),
    "no zip at all": (b"hello", "no zip archive that can be read"),
    "an empty file": (b"", "no zip archive that can be read"),
    "cut short": (member("train/cat/1.png")[:-30], "no zip archive that can be read"),
    "no image": (b"PK\x05\x06" + bytes(18), "holds no image"),
}


@pytest.mark.parametrize("raw, words", BAD.values(), ids=BAD)
def test_what_may_harm_is_told_in_a_sentence_with_the_archives_name_and_nothing_is_left(tmp_path, datasets, raw, words):
    archive = tmp_path / "pets.zip"
    archive.write_bytes(raw)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(WrongInput) as told:
        add(archive, ImportOptions(), datasets)
    sentence = str(told.value)
    assert sentence.startswith("pets.zip ")
    assert words in sentence
    assert sentence.endswith(".")
    assert len(sentence.splitlines()) == 1
    assert [place for place in sorted(tmp_path.rglob("*")) if place != datasets] == before
    assert not datasets.exists() or not list(datasets.iterdir())


def test_a_bomb_of_zeros_is_told_by_its_claim(tmp_path, datasets, monkeypatch):
    monkeypatch.setattr(zip_archive, "UNCHECKED", 10_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("train/cat/0.bmp", bytes(1_000_000))
    with pytest.raises(WrongInput, match=r"bomb\.zip of 0\.0 MB claims to unpack to 1 MB, which may be a trap"):
        add(tmp_path / "bomb.zip", ImportOptions(), datasets)


def test_too_many_members_are_told_before_they_are_listed(tmp_path, datasets, monkeypatch):
    archive = zipped(folder(tmp_path / "pets"), tmp_path / "pets.zip")
    monkeypatch.setattr(zip_archive, "MOST_MEMBERS", 5)
    with pytest.raises(WrongInput, match="holds 16 members; 5 at most"):
        add(archive, ImportOptions(), datasets)
    monkeypatch.setattr(zip_archive, "MOST_DIRECTORY", 100)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # it would read the whole list
    with pytest.raises(WrongInput, match="lists too many members"):
        add(archive, ImportOptions(), datasets)


def test_what_is_wrong_inside_is_told_of_the_archive_and_not_of_a_temporary_folder(tmp_path, datasets):
    root = folder(tmp_path / "pets")
    (root / "test").rename(root / "unseen")
    with pytest.raises(WrongInput, match=r"^A folder test/ is wanted in pets\.zip, with one folder") as told:
        add(zipped(root, tmp_path / "pets.zip"), ImportOptions(), datasets)
    assert str(tmp_path) not in str(told.value)
