"""The registry of layouts: how folders of images may be laid out. To add one: write its file, then its name here."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from core.data.importing.layouts import awa2, celeba, class_folders, mucac, mufac, pins, train_test_folders
from core.data.importing.layouts.image_folders import other_files, visible
from core.data.importing.listing import Listing
from core.data.importing.read_image import is_image
from core.domain.errors import WrongInput

AUTO = "auto"
DEEPEST = 6  # nested folders, at most, until the one with the images
SHOWN = 8  # names that a sentence lists


class Layout(Protocol):
    """What a layout's module must define."""

    KEY: str
    ABOUT: str

    def fits(self, root: Path) -> bool:
        """Whether a folder looks like it. Raises WrongInput where it cannot be read."""

    def listing(self, root: Path) -> Listing:
        """The folder's images, classes and columns. Raises WrongInput."""


LAYOUTS: dict[str, Layout] = {layout.KEY: layout for layout in (mufac, mucac, celeba, awa2, pins, train_test_folders, class_folders)}


def listing_of(root: Path, layout: str = AUTO) -> Listing:
    """The listing by the layout of that name, or the first that fits, of the folder or the only one nested inside. Raises WrongInput."""
    if layout not in (AUTO, *LAYOUTS):
        raise WrongInput(f"There is no layout {layout!r}; choose one of: {AUTO}, {', '.join(LAYOUTS)}.")
    candidates = tuple(LAYOUTS.values()) if layout == AUTO else (LAYOUTS[layout],)
    for place in _nested(root):
        chosen = next((candidate for candidate in candidates if candidate.fits(place)), None)
        if chosen is not None:
            listing = chosen.listing(place)
            if place == root:
                return listing
            inner = place.relative_to(root)
            left = [file for above in (root, *(root / up for up in reversed(inner.parents[:-1]))) for file in other_files(above)]
            note = f"Read from {inner.as_posix()}/, the only folder inside {root.name}/{_not_read(left)}."
            return replace(listing, notes=(note, *listing.notes))
    if layout != AUTO:
        return LAYOUTS[layout].listing(root)  # which says what is missing
    if several := class_folders.sets_in(root):
        what = "sets" if len(several) > 1 else "a set"
        raise WrongInput(f"{root} holds {what} of images in {_named(several)}; name one of these folders.")
    wanted = f"{train_test_folders.ABOUT}, or {class_folders.ABOUT}"
    raise WrongInput(f"{root} is laid out in no way that is known; wanted is {wanted}{_contents(root)}.")


def _nested(root: Path) -> Iterator[Path]:
    """The folder, then the only one inside it, and so on, as archives have them. Raises WrongInput."""
    place = root
    for _ in range(DEEPEST):
        yield place
        folders, files = visible(place)
        if len(folders) != 1 or any(map(is_image, files)):
            return
        place = place / folders[0]


def _not_read(files: list[str]) -> str:
    return f"; not read: {_named(files)} beside it" if files else ""


def _contents(root: Path) -> str:
    folders, files = visible(root)
    there = [*(f"{name}/" for name in folders), *files]
    return f"; there {'are' if len(there) > 1 else 'is'} {_named(there)}" if there else "; it is empty"


def _named(names: list[str]) -> str:
    shown = ", ".join(name if len(name) <= 60 else name[:59] + "…" for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
