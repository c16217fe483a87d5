"""Files and folders that are whole or not there: made under a temporary name in the folder that they belong to, then renamed."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import re
import shutil
from uuid import uuid4

from core.domain.errors import WrongInput
from core.storage import permissions
from core.storage.processes import ProcessId

_NAME = re.compile(r"\.writing-(\d+)-[0-9a-f]{32}")  # the process id is in the name


def place_beside(parent: Path) -> Path:
    """A path in `parent` that is not there yet, and that `sweep` knows."""
    return parent / f".writing-{os.getpid()}-{uuid4().hex}"


@contextmanager
def folder_beside(parent: Path) -> Iterator[Path]:
    """An empty folder in `parent`, which is made where missing; removed at the end unless it was renamed."""
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    folder = place_beside(parent)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, content: bytes, *, over: bool = True) -> None:
    """The file, its owner's alone and on the disk when this returns; over one that is there, or (not `over`) as `place_new`.

    Raises OSError, and leaves nothing then.
    """
    temporary = place_beside(path.parent)
    try:
        with open(temporary, "xb", opener=permissions.opener) as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if over:
            temporary.replace(path)
        else:
            place_new(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)  # without this the rename itself could be lost with the power
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def place_new(temporary: Path, path: Path) -> None:
    """Gives a file its name. Raises WrongInput where there is one of that name, even one that came a moment ago; it stays as it is."""
    try:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a disk that has no links
            with open(path, "xb"):
                temporary.replace(path)
        else:
            temporary.unlink()
    except FileExistsError as error:
        raise there_already(path) from error


def there_already(path: Path) -> WrongInput:
    """The sentence that refuses to write over a file."""
    return WrongInput(f"{path.name} is there already, and nothing is written over it; choose another name, or remove it first.")


def left_behind(parent: Path) -> list[Path]:
    """What processes that are gone left half-written."""
    named = [(place, _NAME.fullmatch(place.name)) for place in parent.glob(".writing-*")]
    return [place for place, found in named if found and ProcessId.of(int(found.group(1))) is None]


def sweep(parent: Path) -> None:
    """Remove what processes that are gone left half-written; a living writer's stays."""
    for place in left_behind(parent):
        remove(place)


def remove(place: Path) -> None:
    """A file, or a folder with all that is in it; nothing where it is gone."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)
