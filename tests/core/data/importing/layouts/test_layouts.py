"""Published layouts, each on a small made-up copy: which image goes where, and what is said of it."""

import numpy as np
import pytest

from core.data.importing import store
from core.data.importing.importer import ImportOptions, add
from core.data.importing.layouts.image_folders import drawn_halves
from core.data.importing.layouts.registry import LAYOUTS, listing_of
from core.data.name_order import natural
from core.domain.errors import WrongInput
from tests.core.data.importing import made_up


@pytest.fixture
def added(tmp_path):
    """Adds a made-up set by `auto`: (description, arrays)."""

    def go(make, asked=ImportOptions()):  # noqa: B008  # frozen
        info = add(make(tmp_path / "source"), asked, tmp_path / "datasets").info
        return info, store.arrays_of(tmp_path / "datasets", info.key, whole=True)

    return go


def by_name(info, name):
    return next(column for column in info.columns if column.name == name)


@pytest.mark.parametrize("key", LAYOUTS)
def test_auto_knows_each_layout_by_its_files(tmp_path, key):
    root = getattr(made_up, key)(tmp_path / "source")
    assert [k for k, layout in LAYOUTS.items() if layout.fits(root)] == [key]
    found, asked = listing_of(root), listing_of(root, key)
    assert list(found.paths) == list(asked.paths)


def test_a_folder_of_no_layout_is_told_what_is_wanted(tmp_path):
    with pytest.raises(WrongInput, match=r"laid out in no way that is known; wanted is train/CLASS/\*\.png"):
        listing_of(tmp_path)


def test_mufac_has_age_groups_in_order_and_families_and_tests_on_val_and_the_unseen(added):
    info, arrays = added(made_up.mufac)
    assert info.classes == ("0-6 years", "67-80 years")
    assert (info.train_counts, info.test_count, info.multi) == ((3, 3), 4, False)
    assert by_name(info, "family").values == ("F0001", "F0002", "F0003", "F0801", "F0851")
    assert by_name(info, "family").counts == (2, 2, 2, 0, 0)
    assert arrays["train_labels"].tolist() == [0, 1, 0, 1, 0, 1]
    assert arrays["test_column/family"].tolist() == [3, 3, 4, 4]
    assert (info.height, info.width, info.channels) == (8, 8, 3)  # as published: MUFAC's images are of one size


def test_mucac_trains_on_the_middle_identities_and_has_three_attributes(added):
    info, arrays = added(made_up.mucac)
    assert info.classes == ("Male", "Smiling", "Young")
    assert (info.multi, info.multi_count, info.test_count, info.height) == (True, 3, 2, 64)
    assert arrays["train_labels"].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]  # identities 190, 190, 4854
    assert arrays["test_labels"].tolist() == [[1, 1, 1], [0, 1, 1]]  # 0 and 4855
    assert arrays["train_labels"].dtype == np.uint8
    assert info.train_counts == (1, 1, 1)
    assert by_name(info, "identity").values == ("0", "190", "4854", "4855")
    assert by_name(info, "identity").counts == (0, 2, 1, 0)
    assert (by_name(info, "Male").values, by_name(info, "Male").counts) == (("no", "yes"), (2, 1))
    assert arrays["train_column/Male"].tolist() == [0, 1, 0]


def test_celeba_has_its_attributes_and_identities_and_leaves_validation_out(added):
    info, arrays = added(made_up.celeba)
    assert (info.classes, info.multi, info.multi_count, info.test_count) == (("Bald", "Smiling"), True, 2, 1)
    assert arrays["train_labels"].tolist() == [[0, 1], [1, 0]]
    assert arrays["test_labels"].tolist() == [[0, 0]]
    assert by_name(info, "identity").values == ("9", "2880")
    assert (info.height, info.width) == (64, 64)


def test_an_attribute_may_be_the_class(added):
    info, arrays = added(made_up.mucac, ImportOptions(label="Male"))
    assert (info.classes, info.multi) == (("no", "yes"), False)
    assert (arrays["train_labels"].tolist(), arrays["test_labels"].tolist()) == ([0, 1, 0], [1, 0])


def test_a_label_of_which_no_test_image_is_there_is_told(added):
    with pytest.raises(WrongInput, match="The identity '0' has 0 images to train on and 1 to test"):
        added(made_up.mucac, ImportOptions(label="identity"))


def test_pins_has_a_class_for_each_person_and_a_fifth_of_the_images_to_test(added):
    info, arrays = added(made_up.pins)
    assert info.classes == ("Adriana Lima", "Zac Efron")
    assert (info.train_counts, info.test_count) == ((8, 4), 3)
    assert np.bincount(arrays["test_labels"]).tolist() == [2, 1]
    assert (info.height, info.width) == (64, 64)


def test_awa2_has_the_predicates_of_each_class_and_the_class_as_a_column(added):
    info, arrays = added(made_up.awa2)
    assert (info.classes, info.multi, info.multi_count) == (("black", "hooves", "walks"), True, 12)
    assert info.train_counts == (8, 4, 8)
    animals = by_name(info, "class")
    assert (animals.values, animals.counts) == (("antelope", "grizzly+bear", "otter"), (4, 4, 4))
    wanted = np.array([[0, 1, 1], [1, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(arrays["train_labels"], wanted[arrays["train_column/class"]])
    np.testing.assert_array_equal(arrays["test_column/walks"], arrays["test_labels"][:, 2])
    assert info.test_count == 3


def test_awa2_by_class_is_an_ordinary_set_whose_predicates_are_columns(added):
    info, arrays = added(made_up.awa2, ImportOptions(label="class"))
    assert (info.classes, info.multi, info.train_counts) == (("antelope", "grizzly+bear", "otter"), False, (4, 4, 4))
    assert [(c.name, c.counts) for c in info.columns] == [("black", (4, 8)), ("walks", (4, 8))]  # hooves: not black
    assert arrays["train_labels"].dtype == np.int64


def test_halves_are_drawn_by_group_and_always_alike():
    groups = ["a"] * 10 + ["b"] * 5 + ["c"] * 2
    train = drawn_halves(groups)
    assert [int(train[np.array(groups) == g].sum()) for g in "abc"] == [8, 4, 1]
    np.testing.assert_array_equal(train, drawn_halves(groups))


def test_numbers_inside_names_are_ordered_as_numbers():
    assert sorted(["s10", "s2", "S1", "2", "10", "a"], key=natural) == ["2", "10", "S1", "a", "s2", "s10"]


def line(path, old, new):
    def spoil(root):
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return spoil


def without(path):
    return lambda root: (root / path).unlink()


AWA2 = "Animals_with_Attributes2"
SPOILED = {
    "mufac without a table": ("mufac", without("custom_val_dataset.csv"), "custom_val_dataset.csv is wanted in"),
    "mufac with an unknown age": ("mufac", line("custom_val_dataset.csv", ",h", ",z"), "the age_class 'z'; one of a, b"),
    "mufac with a path that leads out": ("mufac", line("custom_val_dataset.csv", "F0801", "../F0801"), "names '../F0801"),
    "mufac with a file that is not there": (
        *("mufac", without("val_images/F0801_AGE_D_18_a1.jpg")),
        "val_images/F0801_AGE_D_18_a1.jpg is named",
    ),
    "mucac without a mark": ("mucac", line("CelebA-HQ-attribute.txt", "3.jpg  -1 -1 -1 1\n", ""), "has no line for 3.jpg"),
    "mucac without an attribute": ("mucac", line("CelebA-HQ-attribute.txt", "Young", "Old"), "has no attribute Young"),
    "mucac with a strange identity": ("mucac", line("CelebA-HQ-identity.txt", "4854", "Zac"), "says '3.jpg Zac'"),
    "mucac with a path that leads out": ("mucac", line("CelebA-HQ-identity.txt", "3.jpg", "../3.jpg"), "names '../3.jpg'"),
    "celeba without identities": (
        *("celeba", without("celeba/identity_CelebA.txt")),
        "it says whose face each image shows, and its authors publish it in the folder Anno beside list_attr_celeba.txt",
    ),
    "celeba with a fifth half": ("celeba", line("celeba/list_eval_partition.txt", "g 2", "g 5"), "says '000004.jpg 5'"),
    "celeba with too few marks": ("celeba", line("celeba/list_attr_celeba.txt", " 1 -1", " 1"), "gives 000002.jpg 1 marks; 2 of -1 or 1"),
    "celeba with an empty table": ("celeba", lambda root: (root / "celeba/list_attr_celeba.txt").write_text(""), "has 0 lines"),
    "pins with one photograph": (
        *("pins", lambda root: made_up.picture(root / "105_classes_pins_dataset/pins_Solo/1.jpg", 1)),
        "pins_Solo in",
    ),
    "awa2 with a folder that no class names": (
        *("awa2", lambda root: made_up.picture(root / AWA2 / "JPEGImages/yeti/1.jpg", 1)),
        "does not name JPEGImages/yeti",
    ),
    "awa2 with a matrix that is cut short": ("awa2", line(f"{AWA2}/predicate-matrix-binary.txt", "0 1 1\n", ""), "it has 3 rows"),
}


@pytest.mark.parametrize("key, spoil, words", SPOILED.values(), ids=SPOILED)
def test_a_spoiled_copy_is_told_in_a_sentence_and_nothing_is_cached(tmp_path, key, spoil, words):
    root = getattr(made_up, key)(tmp_path / "source")
    spoil(root)
    with pytest.raises(WrongInput) as told:
        add(root, ImportOptions(layout=key), tmp_path / "datasets")
    assert words in str(told.value)
    assert str(told.value).endswith(".")
    assert not (tmp_path / "datasets").exists()
