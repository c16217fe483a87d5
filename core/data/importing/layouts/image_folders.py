"""What lies in the folders of classes, and a split for sets that come without one."""

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
class Seen:
    """What was met beside the images, so that nothing is passed over in silence."""

    others: Counter[str] = field(default_factory=Counter)  # ending -> files that are no images
    deeper: Counter[str] = field(default_factory=Counter)  # folder inside a class's folder -> images in it
    links: list[str] = field(default_factory=list)  # linked folders inside a class's folder, which are not followed
    loose: Counter[str] = field(default_factory=Counter)  # folder of classes -> images in it that lie in no class's folder
    aside: list[str] = field(default_factory=list)  # folders and files beside those that were read
    alike: list[str] = field(default_factory=list)  # classes whose name is written in two ways

    def notes(self) -> tuple[str, ...]:
        """A sentence for each kind of thing that was met."""
        told = []
        if self.deeper:
            told.append(
                f"{_images(self.deeper.total())} in folders inside a class's folder ({_some(self.deeper)}) taken as that class's."
            )
        if self.others:
            endings = _some([f"{count} {ending}" for ending, count in sorted(self.others.items(), key=lambda one: (-one[1], one[0]))])
            many = self.others.total()
            told.append(f"{many} file{'s' if many > 1 else ''} that {'are' if many > 1 else 'is'} no image passed over ({endings}).")
        for place, count in self.loose.items():
            told.append(f"{_images(count)} directly in {place}, in no class's folder, passed over.")
        if self.links:
            told.append(f"Links to folders inside a class's folder are not followed and were passed over: {_some(self.links)}.")
        if self.aside:
            told.append(f"Beside the folders of images passed over: {_some(self.aside)}.")
        if self.alike:
            told.append(f"Folders whose names differ only in how letters are composed are one class: {_some(self.alike)}.")
        return tuple(told)


def _images(count: int) -> str:
    return f"{count} image{'s' if count > 1 else ''}"


def _some(names: Sequence[str] | Counter[str]) -> str:
    named = list(names)
    return ", ".join(named[:SHOWN]) + (f" and {len(named) - SHOWN} more" if len(named) > SHOWN else "")


def folders_in(place: Path) -> list[str]:
    """Names of the folders inside, hidden ones left out, in natural order. Raises WrongInput."""
    return sorted((e.name for e in _entries(place) if e.is_dir() and not _hidden(e.name)), key=natural)


def images_in(place: Path, seen: Seen, said: str) -> list[str]:
    """Paths of the image files inside, in natural order; those of deeper folders too, `deeper/1.png`.

    said: what `seen` calls the place. Raises WrongInput.
    """
    found: list[str] = []
    ahead = [""]
    while ahead:
        inner = ahead.pop()
        for entry in _entries(place / inner):
            path = f"{inner}{entry.name}"
            if _hidden(entry.name):
                continue
            if entry.is_dir():
                if entry.is_symlink():
                    seen.links.append(f"{said}/{path}")
                else:
                    ahead.append(f"{path}/")
            elif is_image(entry.name):
                found.append(path)
            else:
                seen.others[ending_of(entry.name)] += 1
    found.sort(key=lambda path: [natural(part) for part in path.split("/")])
    for path in found:
        if "/" in path:
            seen.deeper[f"{said}/{path.rpartition('/')[0]}"] += 1
    seen.links.sort(key=natural)
    return found


def class_images(place: Path, seen: Seen, said: str) -> Iterator[tuple[str, str]]:
    """(class, path inside `place`) of every image in the folders of classes in `place`; said: what sentences call it.

    Two folders whose names differ only in how letters are composed are one class. Raises WrongInput.
    """
    known: set[str] = set()
    for folder in folders_in(place):
        name = composed(folder)
        if name in known:
            seen.alike.append(f"{said}{name}")
        known.add(name)
        before = seen.others.copy()
        images = images_in(place / folder, seen, f"{said}{folder}")
        if not images:
            raise WrongInput(f"The class {said}{folder} in {_above(place, said)} {_empty(seen.others - before)}.")
        for image in images:
            yield name, f"{folder}/{image}"
    if beside := sum(is_image(entry.name) for entry in _entries(place) if not entry.is_dir()):
        seen.loose[said or f"{place.name}/"] += beside


def _above(place: Path, said: str) -> Path:
    return place.parents[len(PurePosixPath(said).parts) - 1] if said else place


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


def files_beside(place: Path, read: tuple[str, ...] = ()) -> list[str]:
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
