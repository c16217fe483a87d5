"""Animals with Attributes 2: 50 animals, each with the same 85 predicates for all its images; published without halves by image.

Xian, Lampert, Schiele and Akata, TPAMI 2019; https://cvml.ista.ac.at/AwA2.
"""

from pathlib import Path

import numpy as np

from core.data.importing.layouts.image_folders import PassedOver, drawn_halves, folders_in, images_in
from core.data.importing.layouts.text_tables import lines_of
from core.data.importing.listing import CLASS, Listing
from core.domain.errors import WrongInput

KEY, ABOUT = "awa2", "JPEGImages/CLASS/*.jpg with classes.txt, predicates.txt and predicate-matrix-binary.txt"
OUTER, IMAGES = "Animals_with_Attributes2", "JPEGImages"
CLASSES, PREDICATES, MATRIX = "classes.txt", "predicates.txt", "predicate-matrix-binary.txt"
SIDE = 64


def fits(root: Path) -> bool:
    """Whether a folder looks like it."""
    return any((place / MATRIX).is_file() for place in (root, root / OUTER))


def listing(root: Path) -> Listing:
    """Attributes: the predicates of an image's class; the class is a column. A fifth of each class, drawn by one fixed seed,
    is the test half; the published split by classes is for zero-shot learning and is not read. Raises WrongInput."""
    base = root if (root / MATRIX).is_file() else root / OUTER
    classes, predicates = (tuple(words[-1] for words in lines_of(base, file)) for file in (CLASSES, PREDICATES))
    matrix = _matrix(base, len(classes), len(predicates))
    paths: list[str] = []
    animals: list[str] = []
    passed_over = PassedOver()
    for folder in folders_in(base / IMAGES):
        if folder not in classes:
            raise WrongInput(f"{base / CLASSES} does not name {IMAGES}/{folder}; every folder of images must be one of its classes.")
        images = images_in(base / IMAGES / folder, passed_over, f"{IMAGES}/{folder}")
        if len(images) < 2:
            raise WrongInput(f"The class {IMAGES}/{folder} in {base} holds {len(images)} images; two at least are wanted, one to test.")
        paths += [f"{IMAGES}/{folder}/{image}" for image in images]
        animals += [folder] * len(images)
    marks = matrix[[classes.index(animal) for animal in animals]]
    train = drawn_halves(animals)
    columns = {CLASS: animals}
    return Listing(base, paths, train, columns, "", predicates, marks, size=SIDE, channels=3, notes=passed_over.notes())


def _matrix(base: Path, classes: int, predicates: int) -> np.ndarray:
    """uint8 (classes, predicates)."""
    rows: list[list[str]] = []
    for row in lines_of(base, MATRIX):
        if len(row) != predicates or not set(row) <= {"0", "1"}:
            raise WrongInput(f"{base / MATRIX} should have {predicates} numbers 0 or 1 in row {len(rows) + 1}; it has {len(row)} words.")
        rows.append(row)
    if len(rows) != classes:
        raise WrongInput(
            f"{base / MATRIX} should have a row for each of {classes} classes, with {predicates} numbers; it has {len(rows)} rows."
        )
    return np.array(rows, dtype=np.uint8)
