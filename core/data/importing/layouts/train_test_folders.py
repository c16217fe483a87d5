"""train/CLASS and test/CLASS with images inside; an optional index.csv adds columns."""

from pathlib import Path

import numpy as np

from core.data.importing.layouts.image_folders import PassedOver, class_images, folders_in, other_files
from core.data.importing.layouts.text_tables import heads_of, inside, rows_of
from core.data.importing.listing import CLASS, Listing
from core.data.name_order import composed
from core.domain.errors import WrongInput

KEY, ABOUT = "folder", "train/CLASS/*.png and test/CLASS/*.png, with an optional index.csv"
INDEX, PATH, SPLIT = "index.csv", "path", "split"
VALIDATION = ("val", "valid", "validation")  # what is the test half where no other folder is
HALVES = {"train": ("train", "training"), "test": ("test", "testing")}  # half -> what its folder may be called, in any case


def fits(root: Path) -> bool:
    """Whether a folder looks like it."""
    return bool(halves_of(root))


def halves_of(root: Path) -> dict[str, str]:
    """Half -> name of its folder, of those that are there; the very name before one that is like it.

    Where train/ has no test/ beside it, but a folder for validation, that is the test half.
    """
    names = folders_in(root)
    folders: dict[str, str] = {}
    for half, accepted in (*HALVES.items(), ("test", VALIDATION)):
        if half in folders or (accepted is VALIDATION and "train" not in folders):
            continue
        alike = sorted((name for name in names if name.lower() in accepted), key=lambda name: (name != half, name.lower() != half, name))
        if alike:
            folders[half] = alike[0]
    return folders


def listing(root: Path) -> Listing:
    """Raises WrongInput."""
    paths: list[str] = []
    classes: list[str] = []
    halves: list[str] = []
    passed_over, folders = PassedOver(), halves_of(root)
    for half in HALVES:
        if half not in folders:
            there = ", ".join(f"{name}/" for name in folders_in(root)[:8])
            contents = f"; there {'are' if ',' in there else 'is'} {there}" if there else ""
            raise WrongInput(
                f"A folder {half}/ is wanted in {root}, with one folder of images for each class; it is not there{contents}."
            )
        for name, image in class_images(root / folders[half], passed_over, f"{folders[half]}/"):
            paths.append(f"{folders[half]}/{image}")
            classes.append(name)
            halves.append(half)
        if half not in halves and (loose := passed_over.loose.total()):
            raise WrongInput(
                f"{folders[half]}/ in {root} has {loose} image{'s' if loose > 1 else ''} in no class's folder; wanted is "
                f"{folders[half]}/CLASS/ with the images of each class."
            )
    passed_over.aside = [*(f"{name}/" for name in folders_in(root) if name not in folders.values()), *other_files(root, (INDEX,))]
    validated = folders["test"].lower() in VALIDATION
    notes = (f"There is no folder test/; {folders['test']}/ is read as the test half.",) if validated else ()
    columns = {CLASS: classes} | (indexed(root, paths, classes, halves) if (root / INDEX).exists() else {})
    return Listing(root, paths, np.array([half == "train" for half in halves], dtype=bool), columns, notes=(*notes, *passed_over.notes()))


def indexed(root: Path, paths: list[str], classes: list[str], halves: list[str] | None) -> dict[str, list[str]]:
    """Every column of index.csv besides the path, by image; a row's path finds its file however its letters are composed.

    halves: of each image, None where the folders are not halves; then `split` is a column. Raises WrongInput unless files and
    rows are one to one.
    """
    index = root / INDEX
    places = {composed(path): place for place, path in reversed(list(enumerate(paths)))} | {path: n for n, path in enumerate(paths)}
    heads = [head for head in heads_of(root, INDEX) if head not in (PATH, CLASS, *(() if halves is None else (SPLIT,)))]
    columns: dict[str, list[str]] = {head: [""] * len(paths) for head in heads}
    has_row = [False] * len(paths)
    for number, row in enumerate(rows_of(root, INDEX, (PATH,)), 2):
        path = inside(row[PATH], index)
        place = places.get(path, places.get(composed(path)))
        if place is None:
            where = "train/ or test/" if halves else "the folders of its classes"
            raise WrongInput(f"{index} names {path:.300} in row {number}, but there is no such image in {where}.")
        if has_row[place]:
            raise WrongInput(f"{index} names {path} twice, the second time in row {number}.")
        _check(row, path, classes[place], halves[place] if halves else None, index)
        has_row[place] = True
        for head in heads:
            columns[head][place] = row[head]
    for path, indexed_once in zip(paths, has_row, strict=True):
        if not indexed_once:
            raise WrongInput(f"{index} has no row for {path}; every image needs one.")
    return columns


def _check(row: dict[str, str], path: str, folder: str, half: str | None, index: Path) -> None:
    """Raises WrongInput where a row has an empty value, or contradicts the folder of its image."""
    for head, value in row.items():
        if not value:
            raise WrongInput(f"{index} says nothing under {head!r:.60} for {path}; every image needs a value there.")
    for head, lies in ((SPLIT, half), (CLASS, folder)):
        if head == SPLIT and half == "test" and row.get(head, "").lower() in VALIDATION and path.partition("/")[0].lower() in VALIDATION:
            continue
        if lies is not None and composed(row.get(head, lies)) != lies:
            raise WrongInput(f"{index} says {head} {row[head]!r:.60} of {path}, but the image lies under {lies!r}.")
