"""The shelf of layouts: how folders of images may be laid out. To add one: write its file, then its name here."""

from pathlib import Path
from typing import Protocol

from core.data.layouts import awa2, celeba, folder, mucac, mufac, pins
from core.data.listing import Listing
from core.domain import WrongInput

AUTO = "auto"


class Layout(Protocol):
    """What a layout's module offers."""

    KEY: str
    ABOUT: str

    def fits(self, root: Path) -> bool:
        """Whether a folder looks like it."""

    def listing(self, root: Path) -> Listing:
        """Raises WrongInput."""


LAYOUTS: dict[str, Layout] = {layout.KEY: layout for layout in (mufac, mucac, celeba, awa2, pins, folder)}


def listing_of(root: Path, layout: str = AUTO) -> Listing:
    """By the layout of that name, or by the first that fits. Raises WrongInput."""
    if layout not in (AUTO, *LAYOUTS):
        raise WrongInput(f"There is no layout {layout!r}; choose one of: {AUTO}, {', '.join(LAYOUTS)}.")
    chosen = next((known for known in LAYOUTS.values() if known.fits(root)), None) if layout == AUTO else LAYOUTS[layout]
    if chosen is None:
        raise WrongInput(f"{root} is laid out in no way that is known; wanted is {folder.ABOUT}.")
    return chosen.listing(root)
