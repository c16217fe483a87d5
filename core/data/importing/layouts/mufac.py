"""MUFAC, machine unlearning for facial age classifiers: eight age groups of Korean families, published with three CSV tables.

Choi and Na, arXiv:2311.02240; https://github.com/ndb796/korean_family_dataset.
"""

from pathlib import Path

import numpy as np

from core.data.importing.layouts.text_tables import inside, rows_of
from core.data.importing.listing import CLASS, Listing
from core.domain.errors import WrongInput

KEY, ABOUT = "mufac", "custom_{train,val,test}_dataset.csv beside train_images/, val_images/ and test_images/"
TABLE, IMAGES = "custom_{}_dataset.csv", "{}_images"
PARTS = ("train", "val", "test")  # the authors measure on val, and call test the unseen set: both are our test half
AGES = dict(
    zip(
        "abcdefgh",
        ("0-6 years", "7-12 years", "13-19 years", "20-30 years", "31-45 years", "46-55 years", "56-66 years", "67-80 years"),
        strict=True,
    )
)


def fits(root: Path) -> bool:
    """Whether a folder looks like it."""
    return (root / TABLE.format("train")).is_file()


def listing(root: Path) -> Listing:
    """Class: the age group; `family`: the first part of a file's name, such as F0001. Raises WrongInput."""
    paths: list[str] = []
    ages: list[str] = []
    families: list[str] = []
    train: list[bool] = []
    for part in PARTS:
        table = TABLE.format(part)
        for row in rows_of(root, table, ("image_path", "age_class")):
            name, age = inside(row["image_path"], root / table), row["age_class"]
            if age not in AGES:
                raise WrongInput(f"{root / table} gives {name} the age_class {age!r:.60}; one of {', '.join(AGES)} is wanted.")
            paths.append(f"{IMAGES.format(part)}/{name}")
            ages.append(AGES[age])
            families.append(Path(name).name.partition("_")[0])
            train.append(part == "train")
    columns = {CLASS: ages, "family": families}
    return Listing(root, paths, np.array(train, dtype=bool), columns, order={CLASS: tuple(AGES.values())}, channels=3)
