"""Small made-up folders of images, laid out as users and publishers lay theirs out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

COLOUR, GREY = (8, 8, 3), (8, 8)


def picture(path: Path, number: int, shape: tuple[int, ...] = COLOUR) -> Path:
    """An image of noise that its number decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def folder(root: Path, classes: tuple[str, ...] = ("cat", "dog"), counts: tuple[int, int] = (3, 2), shape=COLOUR) -> Path:
    """train/CLASS/N.png and test/CLASS/N.png; no two images are equal."""
    number = 0
    for half, count in zip(("train", "test"), counts, strict=True):
        for name in classes:
            for place in range(count):
                number += 1
                picture(root / half / name / f"{place}.png", number, shape)
    return root


def index(root: Path, *columns: str, say: Callable[[Path], tuple[str, ...]]) -> Path:
    """index.csv with a row for every image of `folder`; `say` gives the columns' values of an image's path inside."""
    lines = [",".join(("path", *columns))]
    lines += [",".join((str(p), *say(p))) for p in sorted(p.relative_to(root) for p in root.glob("*/*/*.png"))]
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    return root / "index.csv"


def mufac(root: Path) -> Path:
    """Two age groups; three families to train on, one in val, one in test."""
    for part, families in (("train", (1, 2, 3)), ("val", (801,)), ("test", (851,))):
        lines = ["image_path,age_class"]
        for family in families:
            for place, group in enumerate("ah"):
                name = f"F{family:04}_AGE_D_18_{group}1.jpg"
                picture(root / f"{part}_images" / name, 10 * family + place)
                lines.append(f"{name},{group}")
        (root / f"custom_{part}_dataset.csv").write_text("\n".join(lines) + "\n")
    return root


def mucac(root: Path) -> Path:
    """Five faces of identities 0 (test), 190, 190, 4854 (train) and 4855 (unseen); marks by CelebA-HQ's own order of names."""
    heads = ("5_o_Clock_Shadow", "Male", "Smiling", "Young")
    marks = ("-1 1 1 1", "-1 -1 1 -1", "1 1 -1 -1", "-1 -1 -1 1", "1 -1 1 1")
    for place in range(5):
        picture(root / "CelebAMask-HQ" / "CelebA-HQ-img" / f"{place}.jpg", place, (16, 16, 3))
    rows = [f"{place}.jpg  {mark}" for place, mark in enumerate(marks)]
    (root / "CelebA-HQ-attribute.txt").write_text("\n".join(["5", " ".join(heads), *rows]) + "\n")
    people = zip(range(5), (0, 190, 190, 4854, 4855), strict=True)
    (root / "CelebA-HQ-identity.txt").write_text("".join(f"{place}.jpg {person}\n" for place, person in people))
    return root


def celeba(root: Path) -> Path:
    """Two training faces, one for validation, one to test, as torchvision keeps them."""
    base = root / "celeba"
    names = [f"{place:06}.jpg" for place in range(1, 5)]
    for place, name in enumerate(names):
        picture(base / "img_align_celeba" / name, place, (218, 178, 3))
    marks = ("-1  1", " 1 -1", " 1  1", "-1 -1")
    lines = ["4", "Bald Smiling ", *(f"{name} {mark}" for name, mark in zip(names, marks, strict=True))]
    (base / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    (base / "identity_CelebA.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(names, (2880, 2880, 7, 9), strict=True)))
    (base / "list_eval_partition.txt").write_text("".join(f"{n} {h}\n" for n, h in zip(names, (0, 0, 1, 2), strict=True)))
    return root


def pins(root: Path) -> Path:
    """Two people with ten and five photographs of different sizes."""
    for person, count in (("Adriana Lima", 10), ("Zac Efron", 5)):
        for place in range(count):
            path = root / "105_classes_pins_dataset" / f"pins_{person}" / f"{person}{place}_{place}.jpg"
            picture(path, 100 * count + place, (20 + place, 24, 3))
    return root


def awa2(root: Path) -> Path:
    """Three animals of five images each, three predicates; a fourth animal has no folder."""
    base = root / "Animals_with_Attributes2"
    for number, name in enumerate(("antelope", "grizzly+bear", "otter")):
        for place in range(5):
            picture(base / "JPEGImages" / name / f"{name}_{10001 + place}.jpg", 10 * number + place, (30, 20 + place, 3))
    (base / "classes.txt").write_text("    1\tantelope\n    2\tgrizzly+bear\n    3\tkiller+whale\n    4\totter\n")
    (base / "predicates.txt").write_text("    1\tblack\n    2\thooves\n    3\twalks\n")
    (base / "predicate-matrix-binary.txt").write_text("0 1 1\n1 0 1\n1 0 0\n1 0 0\n")
    return root


def classes(root: Path) -> Path:
    """Two classes of ten and five images, without halves."""
    for number, (name, count) in enumerate((("cat", 10), ("dog", 5))):
        for place in range(count):
            picture(root / name / f"{place}.png", 100 * number + place)
    return root
