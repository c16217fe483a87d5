"""Names of classes, columns and files: one order for all of them, and one spelling for letters that Unicode writes in two ways."""

from functools import lru_cache
import os
from pathlib import Path
import re
from unicodedata import normalize


def named_orders(classes: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Name -> the class, by its index here, of each row of a last layer, in orders that other programs give the same classes."""
    places = range(len(classes))
    found = {
        "text": tuple(sorted(places, key=lambda i: (classes[i], i))),
        "natural": tuple(sorted(places, key=lambda i: (natural(classes[i]), classes[i], i))),
    }
    return {name: order for name, order in found.items() if order != tuple(places)}


def composed(text: str) -> str:
    """The text with its letters composed (NFC): é is one letter, also where a Mac wrote e and an accent."""
    return text if text.isascii() else normalize("NFC", text)


def natural(text: str) -> tuple[list[tuple[int, int, str]], str, str]:
    """Key by which 2 comes before 10. No two texts have the same key, so the order depends on nothing but the texts."""
    whole = composed(text)
    parts = re.split(r"(\d{1,18})", whole)
    return [(1, int(part), "") if index % 2 else (0, 0, part) for index, part in enumerate(parts)], whole, text


def place_of(root: Path, name: str) -> Path | None:
    """Where the file or folder of that name, with `/`, lies under `root`, its letters composed or not; None where it does not."""
    here = root
    for part in name.split("/"):
        step = here / part
        if not part.isascii() and not os.path.lexists(step):
            other = _by_name(str(here), _changed(here)).get(composed(part))
            if other is None:
                return None
            step = here / other
        here = step
    return here if here.exists() else None


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(4)
def _by_name(folder: str, changed: int) -> dict[str, str]:
    """Composed name -> name as the disk has it, of what lies in a folder. changed: its time, so that nothing stale is told."""
    try:
        with os.scandir(folder) as inside:
            return {composed(entry.name): entry.name for entry in sorted(inside, key=lambda entry: entry.name)}
    except OSError:
        return {}
