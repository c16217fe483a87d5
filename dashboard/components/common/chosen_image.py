"""The image that a person chose: one for all pages that show an image of the same dataset, as `train:12` or `test:7`."""

import re
from typing import Any

from core.domain.errors import WrongInput
from core.storage.record_types import Run
from dashboard.queries import runs
from dashboard.session import recall, remember

CHOSEN = "_chosen_image"
FORM = re.compile(r"(train|test):(\d{1,9})")


def choose(dataset: str, image: str) -> None:
    """What is no name of an image changes nothing."""
    if FORM.fullmatch(image):
        remember(CHOSEN, (dataset, image))


def chosen(dataset: str) -> str:
    """The chosen image of this dataset; '' where none is chosen."""
    known, image = recall(CHOSEN) or ("", "")
    return str(image) if known == dataset else ""


def place_in(run: Run) -> dict[str, Any] | None:
    """The set and the place of the chosen image in a run; None where none is chosen, or the run has no such image."""
    found = FORM.fullmatch(chosen(run.spec.dataset))
    if found is None:
        return None
    try:
        place: dict[str, Any] = runs.handle(run).ask("saliency_place", half=found[1], row=int(found[2]))
    except WrongInput:
        return None
    return place
