"""Lists the images in folders of classes, and draws the test half of sets that come without one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
import os
from pathlib import Path, PurePosixPath

import numpy as np

from core.data.importing.read_image import ENDINGS, is_image
from core.data.name_order import composed, natural
from core.domain.errors import WrongInput

SPLIT_SEED = 0
TEST_SHARE = 0.2
SHOWN = 5  # endings or folders that a note names
LETTERS = 20  # of an ending
MAC = "__MACOSX"  # what a Mac puts into every archive


@dataclass
class PassedOver:
    """What is not read, or read in an unexpected way, so that notes name all of it."""

    others: Counter[str] = field(default_factory=Counter)  # ending -> files that are no images
    deeper: Counter[str] = field(default_factory=Counter)  # folder inside a class's folder -> images in it
    links: list[str] = field(default_factory=list)  # linked folders inside a class's folder, which are not followed
    loose: Counter[str] = field(default_factory=Counter)  # folder of classes -> images in it that lie in no class's folder
    aside: list[str] = field(default_factory=list)  # other folders and files next to those that were read
    alike: list[str] = field(default_factory=list)  # classes whose name is written in two ways

    def notes(self) -> tuple[str, ...]:
        """A sentence for each kind of thing that was passed over."""
        notes = []
        if self.deeper:
            notes.append(
                f"{_images(self.deeper.total())} in folders inside a class's folder ({_some(self.deeper)}) taken as that class's."
            )
        if self.others:
            endings = _some([f"{count} {ending}" for ending, count in sorted(self.others.items(), key=lambda one: (-one[1], one[0]))])
            many = self.others.total()
            notes.append(f"{many} file{'s' if many > 1 else ''} that {'are' if many > 1 else 'is'} no image passed over ({endings}).")
        for place, count in self.loose.items():
            notes.append(f"{_images(count)} directly in {place}, in no class's folder, passed over.")
        if self.links:
            notes.append(f"Links to folders inside a class's folder are not followed and were passed over: {_some(self.links)}.")
        if self.aside:
            notes.append(f"Beside the folders of images passed over: {_some(self.aside)}.")
        if self.alike:
            notes.append(f"Folders whose names differ only in how letters are composed are one class: {_some(self.alike)}.")
        return tuple(notes)


def _images(count: int) -> str:
    return f"{count} image{'s' if count > 1 else ''}"


def _some(names: Sequence[str] | Counter[str]) -> str:
    named = list(names)
    return ", ".join(named[:SHOWN]) + (f" and {len(named) - SHOWN} more" if len(named) > SHOWN else "")


def folders_in(place: Path) -> list[str]:
    """Names of the folders inside, hidden ones left out, in natural order. Raises WrongInput."""
    return sorted((e.name for e in _entries(place) if e.is_dir() and not _hidden(e.name)), key=natural)


def images_in(place: Path, passed_over: PassedOver, shown_as: str) -> list[str]:
    """Paths of the image files inside, in natural order; those of deeper folders too, `deeper/1.png`.

    shown_as: the folder's name in notes. Raises WrongInput.
    """
    images: list[str] = []
    ahead = [""]
    while ahead:
        inner = ahead.pop()
        for entry in _entries(place / inner):
            path = f"{inner}{entry.name}"
            if _hidden(entry.name):
                continue
            if entry.is_dir():
                if entry.is_symlink():
                    passed_over.links.append(f"{shown_as}/{path}")
                else:
                    ahead.append(f"{path}/")
            elif is_image(entry.name):
                images.append(path)
            else:
                passed_over.others[ending_of(entry.name)] += 1
    images.sort(key=lambda path: [natural(part) for part in path.split("/")])
    for path in images:
        if "/" in path:
            passed_over.deeper[f"{shown_as}/{path.rpartition('/')[0]}"] += 1
    passed_over.links.sort(key=natural)
    return images


def class_images(place: Path, passed_over: PassedOver, shown_as: str) -> Iterator[tuple[str, str]]:
    """(class, path inside `place`) of every image in the folders of classes in `place`; shown_as: its name in notes and errors.

    Two folders whose names differ only in how letters are composed are one class. Raises WrongInput.
    """
    names: set[str] = set()
    for folder in folders_in(place):
        name = composed(folder)
        if name in names:
            passed_over.alike.append(f"{shown_as}{name}")
        names.add(name)
        before = passed_over.others.copy()
        images = images_in(place / folder, passed_over, f"{shown_as}{folder}")
        if not images:
            raise WrongInput(f"The class {shown_as}{folder} in {_above(place, shown_as)} {_empty(passed_over.others - before)}.")
        for image in images:
            yield name, f"{folder}/{image}"
    if loose := sum(is_image(entry.name) for entry in _entries(place) if not entry.is_dir()):
        passed_over.loose[shown_as or f"{place.name}/"] += loose


def _above(place: Path, shown_as: str) -> Path:
    return place.parents[len(PurePosixPath(shown_as).parts) - 1] if shown_as else place


def _empty(others: Counter[str]) -> str:
    if not others:
        return "is empty; put images into it or remove it"
    named = _some([f"{count} {ending}" for ending, count in sorted(others.items(), key=lambda one: (-one[1], one[0]))])
    return f"holds no image that is read ({named}); wanted are {', '.join(ENDINGS)}"


def ending_of(name: str) -> str:
    """Of a file that is no image, as a note names it."""
    return composed(Path(name).suffix.lower())[:LETTERS] or "without an ending"


def visible(place: Path) -> tuple[list[str], list[str]]:
    """Names of the folders, links to folders left out, and of the files in a folder; hidden ones left out. Raises WrongInput."""
    entries = [entry for entry in _entries(place) if not _hidden(entry.name)]
    folders = sorted((e.name for e in entries if e.is_dir(follow_symlinks=False)), key=natural)
    return folders, sorted((e.name for e in entries if not e.is_dir()), key=natural)


def other_files(place: Path, read: tuple[str, ...] = ()) -> list[str]:
    """Names of the files in a folder that were not `read` and may have been meant to be: tables, images; no README, no licence."""
    return [name for name in visible(place)[1] if name not in read and not name.lower().startswith(("readme", "license", "licence"))]


def holds_images(place: Path) -> bool:
    """Whether there is any, however deep."""
    for _, folders, files in os.walk(place):
        folders[:] = [name for name in folders if not _hidden(name)]
        if any(map(is_image, files)):
            return True
    return False


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == MAC


def _entries(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as inside:
            return list(inside)
    except OSError as error:
        raise WrongInput(f"The folder {place} cannot be read ({error.strerror}).") from error


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
