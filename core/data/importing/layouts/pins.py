"""PinsFaceRecognition: photographs of 105 celebrities, a folder each, published without halves.

Burak, Kaggle, hereisburak/pins-face-recognition.
"""

from pathlib import Path

import numpy as np

from core.data.importing.layouts.image_folders import PassedOver, drawn_halves, folders_in, images_in
from core.data.importing.listing import CLASS, Listing
from core.domain.errors import WrongInput

KEY, ABOUT = "pins", "105_classes_pins_dataset/pins_NAME/*.jpg"
OUTER, PREFIX = "105_classes_pins_dataset", "pins_"
SIDE = 64


def fits(root: Path) -> bool:
    """Whether a folder looks like it."""
    return any(place.is_dir() for base in (root / OUTER, root) for place in base.glob(f"{PREFIX}*"))


def listing(root: Path) -> Listing:
    """Class: the person; a fifth of each one's images, drawn by one fixed seed, is the test half. Raises WrongInput."""
    base = root / OUTER if (root / OUTER).is_dir() else root
    paths: list[str] = []
    people: list[str] = []
    passed_over = PassedOver()
    for folder in folders_in(base):
        if not folder.startswith(PREFIX):
            continue
        images = images_in(base / folder, passed_over, folder)
        if len(images) < 2:
            raise WrongInput(f"The folder {folder} in {base} holds {len(images)} images; two at least are wanted, one of them to test.")
        paths += [f"{folder}/{image}" for image in images]
        people += [folder.removeprefix(PREFIX)] * len(images)
    if not paths:
        raise WrongInput(f"Folders {PREFIX}NAME are wanted in {base}; there are none.")
    train = np.asarray(drawn_halves(people))
    return Listing(base, paths, train, {CLASS: people}, size=SIDE, channels=3, notes=passed_over.notes())
