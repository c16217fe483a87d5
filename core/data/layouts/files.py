"""What lies in the folders of classes, and a split for sets that come without one."""

from collections.abc import Sequence
import os
from pathlib import Path

import numpy as np

from core.data.listing import natural
from core.data.pictures import is_image
from core.domain import WrongInput

SPLIT_SEED = 0
TEST_SHARE = 0.2


def folders_in(place: Path) -> list[str]:
    """Names of the folders inside, hidden ones left out, in natural order. Raises WrongInput."""
    return sorted((e.name for e in _entries(place) if e.is_dir() and not e.name.startswith(".")), key=natural)


def images_in(place: Path) -> tuple[list[str], int]:
    """Names of the image files inside, in natural order, and how many other files were passed over. Raises WrongInput."""
    names = [e.name for e in _entries(place) if not e.is_dir() and not e.name.startswith(".")]
    images = sorted(filter(is_image, names), key=natural)
    return images, len(names) - len(images)


def _entries(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as inside:
            return list(inside)
    except OSError as error:
        raise WrongInput(f"The folder {place} cannot be read ({error.strerror}).") from error


def passed_over(count: int) -> tuple[str, ...]:
    """A note on files that are no images."""
    return (f"{count} file{'s' if count > 1 else ''} that {'are' if count > 1 else 'is'} no image passed over.",) if count else ()


def drawn_halves(groups: Sequence[str]) -> np.ndarray:
    """bool (N,): four fifths of each group to train on, at least one image in each half where it has two, by one fixed seed."""
    generator = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    names, place = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    train = np.ones(len(place), dtype=bool)
    for group in range(len(names)):
        members = np.flatnonzero(place == group)
        test = max(1, round(TEST_SHARE * len(members)))
        train[generator.permutation(members)[:test]] = False
    return train
