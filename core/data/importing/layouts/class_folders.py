"""A folder for each class, without halves: they are drawn here by a fixed seed, unless index.csv has a column `split`."""

from collections import Counter
from pathlib import Path

import numpy as np

from core.data.importing.layouts.awa2 import fits as is_awa2
from core.data.importing.layouts.celeba import fits as is_celeba
from core.data.importing.layouts.image_folders import (
    SPLIT_SEED,
    TEST_SHARE,
    PassedOver,
    class_images,
    drawn_halves,
    folders_in,
    holds_images,
    other_files,
)
from core.data.importing.layouts.mucac import fits as is_mucac
from core.data.importing.layouts.mufac import fits as is_mufac
from core.data.importing.layouts.pins import fits as is_pins
from core.data.importing.layouts.train_test_folders import HALVES, INDEX, SPLIT, indexed
from core.data.importing.layouts.train_test_folders import fits as is_folder
from core.data.importing.listing import CLASS, Listing
from core.data.importing.read_image import is_image
from core.domain.errors import WrongInput

KEY, ABOUT = "classes", "CLASS/*.png without halves, of which a fifth of each class, drawn by a fixed seed, becomes the test half"
OTHERS = (is_mufac, is_mucac, is_celeba, is_awa2, is_pins, is_folder)
DRAWN = f"no halves came with them: {100 * TEST_SHARE:.0f} % of each class, drawn by seed {SPLIT_SEED}, are the test half"


def fits(root: Path) -> bool:
    """Whether a folder looks like it: two folders of images at least, neither of them a set of its own."""
    if any(is_other(root) for is_other in OTHERS):
        return False
    having = [name for name in folders_in(root) if holds_images(root / name)]
    return len(having) > 1 and not sets_in(root)


def sets_in(root: Path) -> list[str]:
    """Names of the folders in it that are laid out as a set themselves."""
    return [name for name in folders_in(root) if any(is_other(root / name) for is_other in OTHERS)]


def listing(root: Path) -> Listing:
    """Raises WrongInput."""
    paths: list[str] = []
    classes: list[str] = []
    passed_over = PassedOver()
    for name, image in class_images(root, passed_over, ""):
        paths.append(image)
        classes.append(name)
    passed_over.aside = [name for name in other_files(root, (INDEX,)) if not is_image(name)]  # images are noted as loose ones
    columns = indexed(root, paths, classes, None) if (root / INDEX).exists() else {}
    split = columns.pop(SPLIT, None)
    if split is not None:
        return Listing(root, paths, _train_half(split, paths, root), {CLASS: classes} | columns, notes=passed_over.notes())
    for name, count in Counter(classes).items():
        if count < 2:
            raise WrongInput(f"The class {name} in {root} holds 1 image; two at least are wanted, one of them to test.")
    note = f"The images came without halves: {100 * TEST_SHARE:.0f} % of each class, drawn by seed {SPLIT_SEED}, are the test half."
    return Listing(root, paths, drawn_halves(classes), {CLASS: classes} | columns, notes=(note, *passed_over.notes()), about=DRAWN)


def _train_half(values: list[str], paths: list[str], root: Path) -> np.ndarray:
    """bool (N,): which images the column `split` gives to the train half."""
    for value, path in zip(values, paths, strict=True):
        if value not in HALVES:
            raise WrongInput(f"{root / INDEX} says split {value!r:.60} of {path}; train or test is wanted.")
    return np.array([value == "train" for value in values], dtype=bool)
