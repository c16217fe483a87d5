"""MUCAC, machine unlearning for celebrity attribute classifiers: CelebA-HQ's faces, three attributes each, with identities.

Choi and Na, arXiv:2311.02240; https://github.com/ndb796/CelebA-HQ-Face-Identity-and-Attributes-Recognition-PyTorch.
"""

from pathlib import Path

import numpy as np

from core.data.importing.layouts.celeba import attributes_of
from core.data.importing.layouts.text_tables import inside, lines_of
from core.data.importing.listing import Listing
from core.domain.errors import WrongInput

KEY, ABOUT = "mucac", "CelebAMask-HQ/CelebA-HQ-img/ with CelebA-HQ-identity.txt and CelebA-HQ-attribute.txt"
IDENTITIES, ATTRIBUTES, IMAGES = "CelebA-HQ-identity.txt", "CelebA-HQ-attribute.txt", "CelebA-HQ-img"
CHOSEN = ("Male", "Smiling", "Young")  # the authors' gender, smiling and young
FIRST_TRAINED, FIRST_UNSEEN = 190, 4855  # identities below are the authors' test set, those from here their unseen set
SIDE = 64  # the published images are 1024x1024


def fits(root: Path) -> bool:
    """Whether a folder looks like it."""
    return (root / IDENTITIES).is_file() or (root / "CelebAMask-HQ" / IDENTITIES).is_file()


def listing(root: Path) -> Listing:
    """Attributes Male, Smiling, Young; `identity`; test and unseen identities are both our test half. Raises WrongInput."""
    inner = "CelebAMask-HQ/" if (root / "CelebAMask-HQ" / IMAGES).is_dir() else ""
    texts = root if (root / IDENTITIES).is_file() else root / "CelebAMask-HQ"
    heads, marks = attributes_of(texts, ATTRIBUTES)
    for name in CHOSEN:
        if name not in heads:
            raise WrongInput(f"{texts / ATTRIBUTES} has no attribute {name}; its second line names {', '.join(heads[:5])} and more.")
    places = [heads.index(name) for name in CHOSEN]
    paths: list[str] = []
    people: list[str] = []
    rows: list[list[int]] = []
    for words in lines_of(texts, IDENTITIES):
        if len(words) != 2 or not words[1].isdigit():
            raise WrongInput(f"{texts / IDENTITIES} says {' '.join(words)[:80]!r}; a file's name and a number are wanted.")
        name = inside(words[0], texts / IDENTITIES)
        if name not in marks:
            raise WrongInput(f"{texts / ATTRIBUTES} has no line for {name}, which {IDENTITIES} names.")
        paths.append(f"{inner}{IMAGES}/{name}")
        people.append(words[1])
        rows.append([marks[name][place] for place in places])
    train = np.array([FIRST_TRAINED <= int(person) < FIRST_UNSEEN for person in people], dtype=bool)
    chosen = np.array(rows, dtype=np.uint8).reshape(len(paths), len(CHOSEN))
    return Listing(root, paths, train, {"identity": people}, "", CHOSEN, chosen, size=SIDE, channels=3)
