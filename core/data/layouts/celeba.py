"""CelebA as torchvision lays it out: aligned faces with forty attributes, identities and the published halves.

Liu, Luo, Wang and Tang, Deep Learning Face Attributes in the Wild, ICCV 2015.
"""

from pathlib import Path

import numpy as np

from core.data.layouts.tables import inside, lines_of
from core.data.listing import Listing
from core.domain import WrongInput

KEY, ABOUT = "celeba", "celeba/img_align_celeba/ with list_attr_celeba.txt, identity_CelebA.txt and list_eval_partition.txt"
IMAGES, ATTRIBUTES, IDENTITIES = "img_align_celeba", "list_attr_celeba.txt", "identity_CelebA.txt"
PARTITION = "list_eval_partition.txt"  # 0: train; 1: validation, of which nothing is read; 2: test
SIDE = 64
_MARKS = {"-1": 0, "0": 0, "1": 1}


def fits(root: Path) -> bool:
    """Whether a folder looks like it."""
    return any((place / PARTITION).is_file() for place in (root, root / "celeba"))


def listing(root: Path) -> Listing:
    """Forty attributes; `identity`. Raises WrongInput."""
    base = root if (root / PARTITION).is_file() else root / "celeba"
    heads, marks = attributes_of(base, ATTRIBUTES)
    people = {words[0]: words[-1] for words in lines_of(base, IDENTITIES)}
    chosen: list[tuple[str, bool]] = []
    for words in lines_of(base, PARTITION):
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise WrongInput(f"{base / PARTITION} says {' '.join(words)[:80]!r}; a file's name and 0, 1 or 2 are wanted.")
        if words[1] != "1":
            chosen.append((inside(words[0], base / PARTITION), words[1] == "0"))
    for file, known in ((ATTRIBUTES, marks), (IDENTITIES, people)):
        for name, _ in chosen:
            if name not in known:
                raise WrongInput(f"{base / file} has no line for {name}, which {PARTITION} names.")
    rows = np.frombuffer(b"".join(marks[name] for name, _ in chosen), np.uint8).reshape(len(chosen), len(heads))
    train = np.array([trained for _, trained in chosen], dtype=bool)
    identity = {"identity": [people[name] for name, _ in chosen]}
    paths = [f"{IMAGES}/{name}" for name, _ in chosen]
    return Listing(base, paths, train, identity, "", heads, rows, size=SIDE, channels=3)


def attributes_of(base: Path, file: str) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """Names of the attributes, and each image's marks, 0 or 1, as bytes (A,). First line a count, second the names."""
    lines = lines_of(base, file)
    if len(lines) < 3:
        raise WrongInput(f"{base / file} has {len(lines)} lines; a count, the attributes' names and one line an image are wanted.")
    heads, marks = tuple(lines[1]), {}
    for words in lines[2:]:
        if len(words) != len(heads) + 1 or not _MARKS.keys() >= set(words[1:]):
            raise WrongInput(f"{base / file} gives {words[0][:80]} {len(words) - 1} marks; {len(heads)} of -1 or 1 are wanted.")
        marks[words[0]] = bytes(_MARKS[word] for word in words[1:])
    return heads, marks
