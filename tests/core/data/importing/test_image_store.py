"""The cache of decoded sets: whole or not there, and never believed when it is not what was written."""

from dataclasses import replace
import json
import os
import shutil

import numpy as np
import pytest

from core.data.importing import store, writer
from core.data.importing.importer import ImportOptions, add
from core.domain.errors import WrongInput
from core.storage.disk_and_memory_errors import told
from tests.core.data.importing.made_up import folder

KEY = "pets@0123abcd"
IMAGES = np.arange(5 * 3 * 8 * 8, dtype=np.uint8).reshape(5, 3, 8, 8)


@pytest.fixture
def datasets(tmp_path):
    return tmp_path / "datasets"


@pytest.fixture
def info(tmp_path):
    """Any valid description."""
    return add(folder(tmp_path / "source"), ImportOptions(), tmp_path / "elsewhere").info


def write(datasets, info, key=KEY):
    with writer.writing(datasets, key) as draft:
        growing = draft.array("train_images", IMAGES.shape)
        growing.append(IMAGES[:2])
        growing.append(IMAGES[2:])
        draft.info = replace(info, key=key)


def left(datasets):
    return sorted(place.name for place in datasets.iterdir())


def test_what_was_written_in_parts_is_read_as_one_and_described_as_it_was(datasets, info):
    write(datasets, info)
    found = store.arrays_of(datasets, KEY, whole=True)["train_images"]
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, IMAGES)
    assert store.info_of(datasets, KEY).classes == info.classes
    assert (store.keys(datasets), left(datasets)) == ([KEY], [KEY])


def test_any_error_while_writing_leaves_nothing(datasets, info):
    def broken():
        with writer.writing(datasets, KEY) as draft:
            draft.array("train_images", IMAGES.shape).append(IMAGES)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert left(datasets) == []


def test_too_few_rows_are_an_error_and_leave_nothing(datasets, info):
    def short():
        with writer.writing(datasets, KEY) as draft:
            draft.info = info
            draft.array("train_images", IMAGES.shape).append(IMAGES[:2])

    with pytest.raises(ValueError, match="2 of 5 rows"):
        short()
    assert left(datasets) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_disk_that_fills_is_told_in_a_sentence_and_leaves_nothing(datasets, info, monkeypatch):
    """/dev/full says what a full disk says, whatever is written to it."""

    def full(path, mode="r", **how):
        return open("/dev/full", mode, **how) if str(path).endswith(".npy") else open(path, mode, **how)

    monkeypatch.setattr(writer, "open", full, raising=False)
    with pytest.raises(WrongInput, match=r"^There is no space left to write .*datasets; free some and try again\.$"), told(datasets):
        write(datasets, info)
    assert left(datasets) == []


def test_what_a_process_that_is_gone_left_is_never_listed_and_swept_by_the_next(datasets, info):
    gone, alive = (datasets / f".writing-{pid}-{'0' * 32}" for pid in (2**22 + 1, os.getpid()))
    for place in (gone, alive):
        place.mkdir(parents=True)
        (place / "0.npy").write_bytes(b"half")
    assert store.keys(datasets) == []
    write(datasets, info)
    assert left(datasets) == [alive.name, KEY]


def test_two_that_write_the_same_both_succeed(datasets, info):
    with writer.writing(datasets, KEY) as slower:
        slower.info = replace(info, key=KEY)
        slower.array("train_images", IMAGES.shape).append(IMAGES)
        write(datasets, info)
    assert left(datasets) == [KEY]
    np.testing.assert_array_equal(store.arrays_of(datasets, KEY, whole=True)["train_images"], IMAGES)


def cut(place):
    with open(place / "0.npy", "r+b") as file:
        file.truncate(300)


def flip(place):
    raw = bytearray((place / "0.npy").read_bytes())
    raw[-1] ^= 1
    (place / "0.npy").write_bytes(raw)


def reshape(place):
    info = json.loads((place / "info.json").read_text())
    info["arrays"]["train_images"]["shape"] = [5, 3, 64]
    (place / "info.json").write_text(json.dumps(info))


def rename(place):
    shutil.copytree(place, place.with_name("other@0123abcd"))
    shutil.rmtree(place)
    place.with_name("other@0123abcd").rename(place)
    info = json.loads((place / "info.json").read_text())
    info["info"]["key"] = "other@0123abcd"
    (place / "info.json").write_text(json.dumps(info))


DAMAGE = {
    "a file that is cut short": (cut, "has 300 bytes instead of 1088"),
    "one bit that flipped": (flip, "has changed since it was written"),
    "a file that is gone": (lambda place: (place / "0.npy").unlink(), "cannot be read"),
    "a header of another kind": (lambda place: (place / "0.npy").write_bytes(bytes(1088)), "is not what was written"),
    "another shape": (reshape, "instead of |u1 (5, 3, 64)"),
    "no manifest": (lambda place: (place / "info.json").unlink(), "cannot be read"),
    "half a manifest": (lambda place: (place / "info.json").write_text('{"format": 1, "in'), "is not what was written"),
    "a manifest that is a list": (lambda place: (place / "info.json").write_text("[]"), "is not what was written"),
    "a manifest of a later version": (lambda place: (place / "info.json").write_text('{"format": 9}'), "is of format 9, not 1"),
    "the folder of another set": (rename, "describes other@0123abcd"),
}


@pytest.mark.parametrize("damage, words", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_set_is_never_believed(datasets, info, damage, words):
    write(datasets, info)
    damage(datasets / KEY)
    with pytest.raises(store.Damaged) as said:
        store.arrays_of(datasets, KEY, whole=True)
    assert words in str(said.value)
    assert KEY in str(said.value)
    assert str(said.value).endswith("remove it (`data remove`) and add it again.")


def test_a_removed_set_is_gone_and_one_that_never_was_is_told(datasets, info):
    write(datasets, info)
    store.remove(datasets, KEY)
    assert left(datasets) == []
    for key in (KEY, "digits", "../datasets@0123abcd"):
        with pytest.raises(WrongInput, match="There is no added dataset"):
            store.remove(datasets, key)
