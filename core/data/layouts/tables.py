"""Reads the small text files that lie beside images; every complaint names the file and the line."""

import csv
from pathlib import Path, PurePosixPath

from core.domain import WrongInput


def lines_of(root: Path, name: str) -> list[list[str]]:
    """The words of each line that is not empty. Raises WrongInput where the file is not there or is no text."""
    return [words for line in _text(root, name).splitlines() if (words := line.split())]


def rows_of(root: Path, name: str, wanted: tuple[str, ...]) -> list[dict[str, str]]:
    """A CSV's rows, its first line being the columns' names. Raises WrongInput."""
    try:
        table = list(csv.reader(_text(root, name).splitlines(keepends=True), strict=True))
    except csv.Error as error:
        raise WrongInput(f"{root / name} is not a CSV table ({error}).") from error
    if not table:
        raise WrongInput(f"{root / name} is empty; its first line should name the columns {', '.join(wanted)}.")
    heads = [head.strip() for head in table[0]]
    for head in wanted:
        if head not in heads:
            raise WrongInput(f"{root / name} has no column {head!r}; its first line names {', '.join(heads)}.")
    if len(set(heads)) < len(heads) or "" in heads:
        raise WrongInput(f"{root / name} must name each column once in its first line; it says {', '.join(heads)}.")
    for number, cells in enumerate(table[1:], 2):
        if cells and len(cells) != len(heads):
            raise WrongInput(f"{root / name} has {len(cells)} values in row {number}, and {len(heads)} columns.")
    return [dict(zip(heads, (cell.strip() for cell in cells), strict=True)) for cells in table[1:] if cells]


def inside(name: str, said_by: Path) -> str:
    """A relative path as it is. Raises WrongInput where it is absolute or leads out of the folder."""
    path = PurePosixPath(name)
    if not name or "\0" in name or "\\" in name or path.is_absolute() or ".." in path.parts:
        raise WrongInput(f"{said_by} names {name!r}; a path inside the folder is wanted, with '/' and without '..'.")
    return str(path)


def _text(root: Path, name: str) -> str:
    path = root / name
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            raise WrongInput(f"{path} is a link out of its folder; put the file itself there.")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise WrongInput(f"{name} is wanted in {root}, but is not there.") from None
    except UnicodeDecodeError as error:
        raise WrongInput(f"{path} is not text in UTF-8 (byte {error.start}).") from error
    except OSError as error:
        raise WrongInput(f"{path} cannot be read ({error.strerror}).") from error
