"""CelebA as torchvision, its authors or Kaggle lay it out: aligned faces with forty attributes and the published halves.

Liu, Luo, Wang and Tang, Deep Learning Face Attributes in the Wild, ICCV 2015. Its tables are text files, and CSV files on Kaggle,
where the images lie one folder deeper and no identities come with them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.data.importing.layouts.text_tables import inside, lines_of, rows_of
from core.data.importing.listing import Listing
from core.data.name_order import place_of
from core.domain.errors import WrongInput

KEY, ABOUT = "celeba", "celeba/img_align_celeba/ with list_attr_celeba.txt, identity_CelebA.txt and list_eval_partition.txt"
ATTRIBUTES, IDENTITIES = "list_attr_celeba.txt", "identity_CelebA.txt"
PARTITION = "list_eval_partition.txt"  # 0: train; 1: validation, of which nothing is read; 2: test
COMES_FROM = {  # the content of each table, and where to get it
    ATTRIBUTES: "it says which of 40 attributes each face has, and its authors publish it in the folder Anno beside CelebA's images",
    IDENTITIES: "it says whose face each image shows, and its authors publish it in the folder Anno beside list_attr_celeba.txt; copies "
    "with CSV tables, as on Kaggle, are read without it, and then no person can be forgotten",
    PARTITION: "it says which images are for training and which for testing, and its authors publish it in the folder Eval",
}
BASES = ("", "celeba", "CelebA")
TEXTS = ("", "Anno", "Eval")  # where the authors' own archive has them
IMAGES = ("img_align_celeba", "img_align_celeba/img_align_celeba", "Img/img_align_celeba", "Img/img_align_celeba/img_align_celeba")
SIDE = 64
_MARKS = {"-1": 0, "0": 0, "1": 1}


def fits(root: Path) -> bool:
    """Whether a folder looks like it."""
    return any(_table(root / base, file) for base in BASES for file in (PARTITION, ATTRIBUTES))


def listing(root: Path) -> Listing:
    """Forty attributes; `identity`, where the files of it are there. Raises WrongInput."""
    base = next((root / base for base in BASES if _table(root / base, PARTITION) or _table(root / base, ATTRIBUTES)), root)
    attributes, partition = (_wanted(base, file) for file in (ATTRIBUTES, PARTITION))
    identities = _table(base, IDENTITIES) if attributes.endswith(".csv") else _wanted(base, IDENTITIES)
    heads, marks = attributes_of(base, attributes)
    chosen: list[tuple[str, bool]] = []
    for words in _pairs(base, partition, "partition"):
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise WrongInput(f"{base / partition} says {' '.join(words)[:80]!r}; a file's name and 0, 1 or 2 are wanted.")
        if words[1] != "1":
            chosen.append((inside(words[0], base / partition), words[1] == "0"))
    people = {words[0]: words[-1] for words in _pairs(base, identities, "identity")} if identities else {}
    for file, named in ((attributes, marks.keys()), (identities, people.keys())):
        for name, _ in chosen if file else ():
            if name not in named:
                raise WrongInput(f"{base / str(file)} has no line for {name}, which {partition} names.")
    rows = np.frombuffer(b"".join(marks[name] for name, _ in chosen), np.uint8).reshape(len(chosen), len(heads))
    train = np.array([trained for _, trained in chosen], dtype=bool)
    columns = {"identity": [people[name] for name, _ in chosen]} if identities else {}
    images = _images(base, chosen[0][0] if chosen else "")
    notes = () if identities else (f"No {IDENTITIES} is in {base.name}, so there is no column identity.",)
    paths = [f"{images}/{name}" for name, _ in chosen]
    return Listing(base, paths, train, columns, "", heads, rows, size=SIDE, channels=3, notes=notes)


def _wanted(base: Path, file: str) -> str:
    """As `_table`, of one that must be there. Raises WrongInput."""
    table = _table(base, file)
    if table is None:
        raise WrongInput(f"{file} is wanted in {base}, but is not there{_tables_in(base)}; {COMES_FROM[file]}.")
    return table


def _table(base: Path, file: str) -> str | None:
    """Path inside `base` of a table, as text or as CSV."""
    stem = file.removesuffix(".txt")
    names = (f"{inner}/{stem}{ending}".lstrip("/") for ending in (".txt", ".csv") for inner in TEXTS)
    return next((name for name in names if (base / name).is_file()), None)


def _tables_in(base: Path) -> str:
    """The end of an error message: which tables are in the folder."""
    try:
        tables = sorted(place.name for place in base.iterdir() if place.suffix.lower() in (".txt", ".csv"))
    except OSError:
        tables = []
    return f"; there {'are' if len(tables) > 1 else 'is'} {', '.join(tables[:8])}" if tables else ""


def _images(base: Path, first: str) -> str:
    """The folder in which the first image lies; the usual one where it lies in none."""
    return next((folder for folder in IMAGES if first and place_of(base, f"{folder}/{first}")), IMAGES[0])


def _pairs(base: Path, file: str, column: str) -> Iterator[list[str]]:
    """The rows of a table of two columns: an image's name, and its value."""
    if file.endswith(".csv"):
        return ([row["image_id"], row[column]] for row in rows_of(base, file, ("image_id", column)))
    return lines_of(base, file)


def attributes_of(base: Path, file: str) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """Names of the attributes, and each image's marks, 0 or 1, as bytes (A,).

    Text: the first line is a count, the second the names. CSV: the first names them, after `image_id`.
    """
    marks: dict[str, bytes] = {}
    heads: tuple[str, ...] = ()
    for number, words in enumerate(_attribute_lines(base, file)):
        if number == 0:
            heads = tuple(words)
            continue
        if len(words) != len(heads) + 1 or not _MARKS.keys() >= set(words[1:]):
            raise WrongInput(f"{base / file} gives {words[0][:80]} {len(words) - 1} marks; {len(heads)} of -1 or 1 are wanted.")
        marks[words[0]] = bytes(_MARKS[word] for word in words[1:])
    if not marks:
        count = sum(1 for _ in lines_of(base, file))
        raise WrongInput(f"{base / file} has {count} lines; a count, the attributes' names and one line an image are wanted.")
    return heads, marks


def _attribute_lines(base: Path, file: str) -> Iterator[list[str]]:
    """The attributes' names, then an image's name and its marks."""
    if not file.endswith(".csv"):
        lines = lines_of(base, file)
        next(lines, None)  # the count
        yield from lines
        return
    for number, row in enumerate(rows_of(base, file, ("image_id",))):
        heads = [head for head in row if head != "image_id"]
        if number == 0:
            yield heads
        yield [row["image_id"], *(row[head] for head in heads)]
