"""train/CLASS and test/CLASS with images inside; index.csv, where there is one, says more of each image."""

from pathlib import Path

import numpy as np

from core.data.layouts.files import folders_in, images_in, passed_over
from core.data.layouts.tables import inside, rows_of
from core.data.listing import CLASS, Listing
from core.domain import WrongInput

KEY, ABOUT = "folder", "train/CLASS/*.png and test/CLASS/*.png, with an optional index.csv"
INDEX, PATH, SPLIT = "index.csv", "path", "split"
HALVES = ("train", "test")


def fits(root: Path) -> bool:
    """Whether a folder looks like it."""
    return any((root / half).is_dir() for half in HALVES)


def listing(root: Path) -> Listing:
    """Raises WrongInput."""
    paths: list[str] = []
    classes: list[str] = []
    train: list[bool] = []
    others = 0
    for half in HALVES:
        if not (root / half).is_dir():
            raise WrongInput(f"A folder {half}/ is wanted in {root}, with one folder of images for each class; it is not there.")
        for name in folders_in(root / half):
            images, passed = images_in(root / half / name)
            if not images:
                raise WrongInput(f"The class {half}/{name} in {root} is empty; put images into it or remove it.")
            paths += [f"{half}/{name}/{image}" for image in images]
            classes += [name] * len(images)
            train += [half == "train"] * len(images)
            others += passed
    columns = {CLASS: classes} | (_indexed(root, paths, classes) if (root / INDEX).exists() else {})
    return Listing(root, paths, np.array(train, dtype=bool), columns, notes=passed_over(others))


def _indexed(root: Path, paths: list[str], classes: list[str]) -> dict[str, list[str]]:
    """Every column of index.csv besides the path, by image. Raises WrongInput unless files and rows are one to one."""
    rows = rows_of(root, INDEX, (PATH,))
    known = {path: place for place, path in enumerate(paths)}
    by_place: list[dict[str, str] | None] = [None] * len(paths)
    for number, row in enumerate(rows, 2):
        path = inside(row[PATH], root / INDEX)
        place = known.get(path)
        if place is None:
            raise WrongInput(f"{root / INDEX} names {path} in row {number}, but there is no such image in train/ or test/.")
        if by_place[place] is not None:
            raise WrongInput(f"{root / INDEX} names {path} twice, the second time in row {number}.")
        _check(row, path, classes[place], root / INDEX)
        by_place[place] = row
    for path, found in zip(paths, by_place, strict=True):
        if found is None:
            raise WrongInput(f"{root / INDEX} has no row for {path}; every image needs one.")
    heads = [head for head in (rows[0] if rows else ()) if head not in (PATH, SPLIT, CLASS)]
    return {head: [found[head] for found in by_place if found is not None] for head in heads}


def _check(row: dict[str, str], path: str, folder: str, index: Path) -> None:
    """A row must say all, and nothing else than where its image lies."""
    for head, value in row.items():
        if not value:
            raise WrongInput(f"{index} says nothing under {head!r} for {path}; every image needs a value there.")
    for head, lies in ((SPLIT, path.partition("/")[0]), (CLASS, folder)):
        if row.get(head, lies) != lies:
            raise WrongInput(f"{index} says {head} {row[head]!r} of {path}, but the image lies under {lies!r}.")
