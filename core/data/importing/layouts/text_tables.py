"""Reads the text tables that come with images, line by line; every error names the file and the line."""

import codecs
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
import csv
from pathlib import Path, PurePosixPath
import stat

from core.data.name_order import composed
from core.domain.errors import WrongInput

MOST_BYTES = 2**27  # of a file
LONGEST_LINE = 2**20  # letters
MOST_COLUMNS = 1000
SHOWN = 8  # columns that a sentence names


def lines_of(root: Path, name: str) -> Iterator[list[str]]:
    """The words of each line that is not empty. Raises WrongInput where the file is not there, too large, or no text."""
    return (words for line in _lines(root, name) if (words := line.split()))


def rows_of(root: Path, name: str, wanted: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """A CSV's rows, its first line being the columns' names, whose letters are composed. Raises WrongInput."""
    try:
        with closing(_lines(root, name)) as lines:
            table = csv.reader(lines, strict=True)
            heads = [composed(head.strip()) for head in next(table, [])]
            _check_heads(root / name, heads, wanted)
            for number, cells in enumerate(table, 2):
                if cells and len(cells) != len(heads):
                    raise WrongInput(f"{root / name} has {len(cells)} values in row {number}, and {len(heads)} columns.")
                if cells:
                    yield dict(zip(heads, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise WrongInput(f"{root / name} is not a CSV table ({error}).") from error


def heads_of(root: Path, name: str) -> list[str]:
    """The names in a CSV's first line. Raises WrongInput."""
    try:
        with closing(_lines(root, name)) as lines:
            return [composed(head.strip()) for head in next(csv.reader(lines, strict=True), [])]
    except csv.Error as error:
        raise WrongInput(f"{root / name} is not a CSV table ({error}).") from error


def _check_heads(path: Path, heads: Sequence[str], wanted: tuple[str, ...]) -> None:
    if not heads:
        raise WrongInput(f"{path} is empty; its first line should name the columns {', '.join(wanted)}.")
    if len(heads) > MOST_COLUMNS:
        raise WrongInput(f"{path} names {len(heads)} columns in its first line; {MOST_COLUMNS} at most are read.")
    for head in wanted:
        if head not in heads:
            raise WrongInput(f"{path} has no column {head!r}; its first line names {_named(heads)}.")
    if len(set(heads)) < len(heads) or "" in heads:
        raise WrongInput(f"{path} must name each column once in its first line; it says {_named(heads)}.")


def _named(heads: Sequence[str]) -> str:
    shown = ", ".join(head if len(head) <= 40 else head[:39] + "…" for head in heads[:SHOWN])
    return shown if len(heads) <= SHOWN else f"{shown}, … ({len(heads)} in all)"


def inside(name: str, source: Path) -> str:
    """A relative path, normalised; source: the file that names it. Raises WrongInput where it is absolute or leads out of the folder."""
    path = PurePosixPath(name)
    if not name or "\0" in name or "\\" in name or path.is_absolute() or ".." in path.parts:
        raise WrongInput(f"{source} names {name!r:.200}; a path inside the folder is wanted, with '/' and without '..'.")
    return str(path)


def _lines(root: Path, name: str) -> Generator[str, None, None]:
    """The file's lines with their line ends. Raises WrongInput."""
    path = root / name
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            raise WrongInput(f"{path} is a link out of its folder; put the file itself there.")
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise WrongInput(f"{path} should be a text file; there is something else.")
        if about.st_size > MOST_BYTES:
            raise WrongInput(f"{path} is larger than {MOST_BYTES // 2**20} MB; that is no table of images.")
        with open(path, encoding="utf-8-sig", newline="") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), ""), 1):
                if len(line) > LONGEST_LINE:
                    raise WrongInput(f"{path} has more than {LONGEST_LINE} letters in line {number}; that is no table of images.")
                yield line
    except FileNotFoundError:
        raise WrongInput(f"{name} is wanted in {root}, but is not there.") from None
    except UnicodeDecodeError:
        raise WrongInput(f"{path} is not text in UTF-8 ({_first_wrong(path)}).") from None
    except OSError as error:
        raise WrongInput(f"{path} cannot be read ({error.strerror}).") from error


def _first_wrong(path: Path) -> str:
    """Which byte is not UTF-8, or that it begins as UTF-16."""
    decoder, done = codecs.getincrementaldecoder("utf-8")(), 0
    with open(path, "rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "it begins as UTF-16 does; save it as UTF-8"
        file.seek(0)
        while block := file.read(2**16):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return f"byte {done - held + error.start}"
            done += len(block)
    return f"byte {done}"
