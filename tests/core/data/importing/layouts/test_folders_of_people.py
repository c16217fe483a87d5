"""Folders as people have them: deeper folders, other endings, letters in two spellings, archives' outer folders, no halves, Kaggle."""

import os
import subprocess
import sys
from unicodedata import normalize
import warnings

import numpy as np
from PIL import Image
import pytest

from core.data.importing import store
from core.data.importing.importer import ImportOptions, add
from core.data.importing.layouts.image_folders import drawn_halves
from core.data.importing.layouts.registry import listing_of
from core.data.importing.listing import labelled
from core.data.name_order import natural
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from tests.conftest import ROOT
from tests.core.data.importing import made_up
from tests.core.data.importing.made_up import folder, index, picture

COMPOSED, APART = (normalize(form, "café") for form in ("NFC", "NFD"))


@pytest.fixture
def added(tmp_path):
    """Adds a folder: what `add` gives."""
    return lambda root, asked=ImportOptions(): add(root, asked, tmp_path / "datasets")  # noqa: B008  # frozen


def test_names_that_differ_by_zeros_alone_have_one_order_whatever_order_they_come_in():
    names = ["1", "01", "001", "x1", "x01", "²", "2", "10"]
    wanted = ["001", "01", "1", "2", "10", "x01", "x1", "²"]
    for turn in range(len(names)):
        assert sorted(names[turn:] + names[:turn], key=natural) == wanted


def test_classes_that_differ_by_zeros_alone_have_one_key_for_every_hash_seed(tmp_path):
    folder(tmp_path / "zeros", ("1", "01", "001", "x"), (1, 1))
    code = (
        "import sys; from pathlib import Path; from core.data.importing.importer import ImportOptions, add;"
        "print(i := add(Path(sys.argv[1]), ImportOptions(), Path(sys.argv[2])).info, i.key)"
    )
    told = set()
    for seed in range(3):
        command = [sys.executable, "-c", code, str(tmp_path / "zeros"), str(tmp_path / f"datasets{seed}")]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        told.add(done.stdout)
    (same,) = told
    assert "classes=('001', '01', '1', 'x')" in same


def test_a_listing_does_not_depend_on_the_order_in_which_a_disk_gives_its_files(tmp_path, monkeypatch):
    root = folder(tmp_path / "pets", ("1", "01", "10"), (3, 2))
    picture(root / "train/1/more/9.png", 99)
    plain = listing_of(root)
    scandir = os.scandir

    class Turned(list):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(os, "scandir", lambda place: Turned(sorted(scandir(place), key=lambda e: e.name, reverse=True)))
    turned = listing_of(root)
    assert list(turned.paths) == list(plain.paths)
    assert turned.columns == plain.columns


def test_images_in_folders_inside_a_classs_folder_are_taken_and_told(tmp_path, added):
    root = folder(tmp_path / "pets")
    picture(root / "train/cat/more/9.png", 99)
    picture(root / "train/cat/more/yet/10.png", 100)
    found = added(root)
    assert found.info.train_counts == (5, 3)
    assert found.notes == ("2 images in folders inside a class's folder (train/cat/more, train/cat/more/yet) taken as that class's.",)


def test_a_class_all_of_whose_images_lie_deeper_is_not_empty(tmp_path, added):
    for half in ("train", "test"):
        for name in ("a", "b"):
            for place in range(2):
                picture(tmp_path / "deep" / half / name / "session1" / f"{place}.png", place + 10 * (half == "test") + 100 * (name == "b"))
    assert added(tmp_path / "deep").info.train_counts == (2, 2)


def test_a_linked_folder_inside_a_class_is_not_followed_and_told(tmp_path, added):
    root = folder(tmp_path / "pets")
    (root / "train/cat/again").symlink_to(root / "train")  # a circle
    found = added(root)
    assert found.info.train_counts == (3, 3)
    assert found.notes == ("Links to folders inside a class's folder are not followed and were passed over: train/cat/again.",)


@pytest.mark.parametrize("ending", [".jfif", ".jpe", ".jif", ".JPG", ".JFIF", ".Jpeg"])
def test_jpeg_files_are_read_whatever_they_end_in(tmp_path, added, ending):
    root = folder(tmp_path / "pets")
    for path in list(root.rglob("*.png")):
        Image.open(path).save(path.with_suffix(ending), "JPEG")
        path.unlink()
    assert added(root).info.train_counts == (3, 3)


def test_what_is_passed_over_is_named_by_its_ending_and_where_it_lies(tmp_path, added):
    root = folder(tmp_path / "pets")
    for name in ("a.HEIC", "b.heic", "notes.txt", "README"):
        (root / "train/cat" / name).write_bytes(b"no image")
    picture(root / "train/loose.png", 50)
    picture(root / "val/cat/1.png", 51)
    (root / "labels.csv").write_text("a,b")
    (root / "README.md").write_text("about")
    (root / "__MACOSX/train").mkdir(parents=True)
    assert added(root).notes == (
        "4 files that are no image passed over (2 .heic, 1 .txt, 1 without an ending).",
        "1 image directly in train/, in no class's folder, passed over.",
        "Beside the folders of images passed over: val/, labels.csv.",
    )


def test_a_class_of_files_that_are_not_read_says_which_and_what_is_wanted(tmp_path, added):
    root = folder(tmp_path / "pets")
    for path in list((root / "train/cat").iterdir()):
        path.rename(path.with_suffix(".heic"))
    with pytest.raises(WrongInput, match=r"The class train/cat in .*pets holds no image that is read \(3 \.heic\); wanted are \.png, "):
        added(root)


def test_letters_composed_or_not_are_one_class_and_one_key(tmp_path, added):
    roots = [folder(tmp_path / form / "pets", (name, "dog")) for form, name in (("nfc", COMPOSED), ("nfd", APART))]
    halved = folder(tmp_path / "both" / "pets", (APART, "dog"))
    (halved / "test" / APART).rename(halved / "test" / COMPOSED)
    infos = [added(root).info for root in (*roots, halved)]
    assert infos[0] == infos[1] == infos[2]
    assert infos[0].classes == (COMPOSED, "dog")
    for word in (COMPOSED, APART, APART.upper()):
        assert parse_request(f"class:{word}", infos[0]).picks == (0,)


def test_two_folders_that_only_unicode_tells_apart_are_one_class_and_told(tmp_path, added):
    root = folder(tmp_path / "pets", (COMPOSED, "dog"))
    picture(root / "train" / APART / "9.png", 60)
    found = added(root)
    assert found.info.train_counts == (4, 3)
    assert found.notes == (f"Folders whose names differ only in how letters are composed are one class: train/{COMPOSED}.",)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_paths_columns_and_values_of_index_csv_are_matched_however_their_letters_are_composed(tmp_path, added, form):
    root = folder(tmp_path / "pets", (APART, "dog"))
    path = index(root, "race", "class", say=lambda p: ("gênant" if p.stem == "0" else "autre", p.parts[1]))
    path.write_text(normalize(form, path.read_text().replace("race", "raçe")))
    (column,) = added(root).info.columns
    assert (column.name, column.values) == (normalize("NFC", "raçe"), ("autre", normalize("NFC", "gênant")))
    assert added(root, ImportOptions(label=normalize("NFD", "raçe"))).info.classes == column.values


def test_a_table_names_an_image_whose_name_a_mac_wrote(tmp_path, added):
    root = made_up.celeba(tmp_path / "source")
    images = root / "celeba/img_align_celeba"
    (images / "000001.jpg").rename(images / f"{APART}.jpg")
    for table in (root / "celeba").glob("*.txt"):
        table.write_text(table.read_text().replace("000001", COMPOSED))
    assert added(root).info.train_count == 2


def test_an_archives_outer_folders_are_gone_through_and_told(tmp_path, added):
    plain = added(folder(tmp_path / "pets")).info
    (tmp_path / "outer/pets").mkdir(parents=True)
    folder(tmp_path / "outer/pets/pets-v2/data")
    (tmp_path / "outer/pets/__MACOSX").mkdir()
    (tmp_path / "outer/pets/README.txt").write_text("hello")
    found = added(tmp_path / "outer/pets")
    assert found.info == plain
    assert found.notes == ("Read from pets-v2/data/, the only folder inside pets/.",)


def test_a_table_in_an_outer_folder_is_not_dropped_in_silence(tmp_path, added):
    root = folder(tmp_path / "outer/a/pets")
    index(root, "who", say=lambda p: (p.stem,)).rename(tmp_path / "outer/index.csv")
    (tmp_path / "outer/a/classes.txt").write_text("cat")
    told = "Read from a/pets/, the only folder inside outer/; not read: index.csv, classes.txt beside it."
    assert added(tmp_path / "outer").notes == (told,)


def test_files_beside_classes_without_halves_are_told(tmp_path, added):
    root = made_up.classes(tmp_path / "pets")
    (root / "labels.csv").write_text("a")
    picture(root / "loose.png", 99)
    assert added(root).notes[1:] == (
        "1 image directly in pets/, in no class's folder, passed over.", "Beside the folders of images passed over: labels.csv.",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["mufac", "mucac", "celeba", "awa2", "pins", "folder", "classes"])
def test_every_layout_is_found_inside_an_outer_folder(tmp_path, key):
    (tmp_path / "archive").mkdir()
    root = getattr(made_up, key)(tmp_path / "archive/inner")
    for layout in ("auto", key):
        assert list(listing_of(tmp_path / "archive", layout).paths) == list(listing_of(root).paths)


def test_halves_called_training_and_testing_in_capitals_are_halves(tmp_path, added):
    root = folder(tmp_path / "pets")
    info = added(root).info
    (root / "train").rename(root / "Training")
    (root / "test").rename(root / "Testing")
    assert added(root).info == info


def test_a_half_that_is_missing_is_told_with_the_folders_that_are_there(tmp_path, added):
    root = folder(tmp_path / "pets")
    (root / "test").rename(root / "unseen")
    with pytest.raises(WrongInput, match=r"A folder test/ is wanted in .*; it is not there; there are train/, unseen/\.$"):
        added(root)


@pytest.mark.parametrize("name", ["val", "Validation"])
def test_a_folder_for_validation_is_the_test_half_where_no_other_is_and_that_is_told(tmp_path, added, name):
    root = folder(tmp_path / "pets")
    info = added(root).info
    (root / "test").rename(root / name)
    found = added(root)
    assert (found.info.classes, found.info.train_counts, found.info.test_count) == (info.classes, info.train_counts, info.test_count)
    assert found.notes == (f"There is no folder test/; {name}/ is read as the test half.",)
    paths = sorted(str(path.relative_to(root)) for path in root.rglob("*.png"))
    split = "\n".join(f"{path},{'train' if path.startswith('train') else 'val'},{place % 2}" for place, path in enumerate(paths))
    (root / "index.csv").write_text(f"path,split,odd\n{split}\n")
    assert [column.name for column in added(root).info.columns] == ["odd"]


def test_images_in_halves_without_classes_are_told(tmp_path, added):
    for half in ("train", "test"):
        for place in range(3):
            picture(tmp_path / "pets" / half / f"{place}.png", place)
    with pytest.raises(WrongInput, match=r"train/ in .* has 3 images in no class's folder; wanted is train/CLASS/ with the images of each"):
        added(tmp_path / "pets")


def test_classes_without_halves_are_parted_by_one_fixed_draw_and_it_is_told_and_kept(tmp_path, added):
    found = added(made_up.classes(tmp_path / "pets"))
    assert (found.info.classes, found.info.train_counts, found.info.test_count) == (("cat", "dog"), (8, 4), 3)
    assert found.notes == ("The images came without halves: 20 % of each class, drawn by seed 0, are the test half.",)
    assert "no halves came with them: 20 % of each class, drawn by seed 0, are the test half" in found.info.about
    again = listing_of(tmp_path / "pets")
    np.testing.assert_array_equal(again.train, drawn_halves(["cat"] * 10 + ["dog"] * 5))


def test_classes_without_halves_take_those_of_index_csv(tmp_path, added):
    root = made_up.classes(tmp_path / "pets")
    rows = [f"{path.relative_to(root)},{'test' if path.stem == '0' else 'train'},{path.stem == '1'}" for path in root.rglob("*.png")]
    (root / "index.csv").write_text("\n".join(["path,split,first", *rows]) + "\n")
    info = added(root).info
    assert (info.train_counts, info.test_count, [c.name for c in info.columns]) == ((9, 4), 2, ["first"])
    (root / "index.csv").write_text("\n".join(["path,split,first", *rows]).replace("test", "valid") + "\n")
    with pytest.raises(WrongInput, match=r"says split 'valid' of .*; train or test is wanted"):
        added(root)


def test_a_class_of_one_image_cannot_be_parted(tmp_path, added):
    root = made_up.classes(tmp_path / "pets")
    picture(root / "emu/1.png", 5)
    with pytest.raises(WrongInput, match=r"The class emu in .* holds 1 image; two at least are wanted, one of them to test\.$"):
        added(root)


def test_a_folder_of_several_sets_is_no_set(tmp_path, added):
    folder(tmp_path / "all/pets")
    made_up.celeba(tmp_path / "all/faces")
    with pytest.raises(WrongInput, match=r"all holds sets of images in faces, pets; name one of these folders\.$"):
        added(tmp_path / "all")


def test_what_is_laid_out_in_no_known_way_is_told_by_what_is_there(tmp_path, added):
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/images.tar.gz").write_bytes(b"")
    picture(tmp_path / "papers/loose.png", 1)
    with pytest.raises(WrongInput, match=r"; there are images\.tar\.gz, loose\.png\.$"):
        added(tmp_path / "papers")


def kaggle(root, nested=True, identities=False):
    """CelebA as Kaggle has it: CSV tables, images one folder deeper; six faces."""
    names = [f"{place:06}.jpg" for place in range(1, 7)]
    inner = "img_align_celeba/img_align_celeba" if nested else "img_align_celeba"
    for place, name in enumerate(names):
        picture(root / inner / name, place, (16, 16, 3))
    marks = ("-1,1", "1,-1", "1,1", "-1,-1", "1,-1", "-1,1")
    (root / "list_attr_celeba.csv").write_text("\r\n".join(["image_id,Bald,Smiling", *map(",".join, zip(names, marks, strict=True))]))
    parts = zip(names, "001022", strict=True)
    (root / "list_eval_partition.csv").write_text("\n".join(["image_id,partition", *map(",".join, parts)]) + "\n")
    if identities:
        (root / "identity_CelebA.txt").write_text("".join(f"{name} {place % 2}\n" for place, name in enumerate(names)))
    return root


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("asked", ["auto", "celeba"])
def test_celeba_of_kaggle_is_read_without_identities_and_told(tmp_path, added, nested, asked):
    found = added(kaggle(tmp_path / "archive", nested), ImportOptions(layout=asked))
    assert (found.info.classes, found.info.multi_count, found.info.test_count) == (("Bald", "Smiling"), 3, 2)
    arrays = store.arrays_of(tmp_path / "datasets", found.info.key)
    assert arrays["train_labels"].tolist() == [[0, 1], [1, 0], [0, 0]]
    assert arrays["test_labels"].tolist() == [[1, 0], [0, 1]]
    assert found.notes == ("No identity_CelebA.txt is in archive, so there is no column identity.",)


def test_celeba_of_kaggle_with_identities_beside_has_them(tmp_path, added):
    info = added(kaggle(tmp_path / "archive", identities=True)).info
    assert next(c for c in info.columns if c.name == "identity").counts == (1, 2)  # images 1, 2 and 4 train: 0, 1, 1


def test_celebas_text_files_may_lie_as_its_authors_lay_them_with_the_images_nested_twice(tmp_path, added):
    plain = added(made_up.celeba(tmp_path / "source")).info
    base = made_up.celeba(tmp_path / "official" / "source") / "celeba"
    for file, place in (("list_attr_celeba.txt", "Anno"), ("identity_CelebA.txt", "Anno"), ("list_eval_partition.txt", "Eval")):
        (base / place).mkdir(exist_ok=True)
        (base / file).rename(base / place / file)
    (base / "Img").mkdir()
    (base / "img_align_celeba").rename(base / "Img/img_align_celeba")
    assert added(base.parent).info == plain
    (base / "img_align_celeba").mkdir()
    (base / "Img/img_align_celeba").rename(base / "img_align_celeba/img_align_celeba")
    assert added(base.parent).info == plain


def test_celeba_without_a_partition_names_what_is_there_and_what_is_wanted(tmp_path, added):
    root = kaggle(tmp_path / "archive")
    (root / "list_eval_partition.csv").rename(root / "parts.csv")
    with pytest.raises(WrongInput, match=r"list_eval_partition\.txt is wanted in .*, but .*; there are list_attr_celeba\.csv, parts"):
        added(root)


def test_pillows_warnings_are_not_told_and_the_images_are_read(tmp_path, added):
    root = folder(tmp_path / "pets")
    colours = Image.open(root / "train/cat/0.png").convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    colours.save(root / "train/cat/0.png", transparency=bytes([255] * 8))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = added(root)
    assert [str(one.message) for one in told] == []
    images = store.arrays_of(tmp_path / "datasets", found.info.key)["train_images"]
    np.testing.assert_array_equal(images[0], np.asarray(colours.convert("RGB")).transpose(2, 0, 1))


def test_of_a_file_of_several_pictures_the_first_is_read_and_it_is_told(tmp_path, added):
    root = folder(tmp_path / "pets")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    frames[0].save(root / "train/cat/0.png", "GIF", save_all=True, append_images=frames[1:])
    found = added(root)
    assert found.notes == ("1 file with several pictures: the first of it is read.",)
    assert store.arrays_of(tmp_path / "datasets", found.info.key)["train_images"][0, :, 0, 0].tolist() == [255, 0, 0]


def test_values_that_unicode_writes_in_two_ways_are_one_value(tmp_path):
    root = folder(tmp_path / "pets")
    index(root, "who", say=lambda p: (COMPOSED if p.stem == "0" else APART if p.stem == "1" else "x",))
    (column,) = labelled(listing_of(root)).columns
    assert column.values == (COMPOSED, "x")


@pytest.mark.parametrize("how", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_packed_tiff_is_read_and_one_of_16_bits_is_not(tmp_path, added, how):
    root = folder(tmp_path / "pets")
    for path in list(root.rglob("*.png")):
        Image.open(path).save(path.with_suffix(".tif"), compression=how)
        path.unlink()
    found = added(root)
    images = store.arrays_of(tmp_path / "datasets", found.info.key)["train_images"]
    np.testing.assert_array_equal(images[0], np.asarray(Image.open(root / "train/cat/0.tif")).transpose(2, 0, 1))
    Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(root / "train/cat/0.tif", compression=how)
    with pytest.raises(WrongInput, match="more than 8 bits a channel"):
        added(root)


def test_what_libtiff_writes_of_damage_is_not_told_but_a_sentence(tmp_path, added, capfd):
    root = folder(tmp_path / "pets")
    for path in list(root.rglob("*.png")):
        Image.open(path).save(path.with_suffix(".tif"), compression="tiff_adobe_deflate")
        path.unlink()
    raw = bytearray((root / "train/cat/0.tif").read_bytes())
    raw[20] ^= 0xFF  # inside the packed pixels
    (root / "train/cat/0.tif").write_bytes(raw)
    with pytest.raises(WrongInput, match=r"The image train/cat/0\.tif is broken"):
        added(root)
    assert capfd.readouterr() == ("", "")
