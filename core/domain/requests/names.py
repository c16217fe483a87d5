"""From what people type, numbers or names of classes and values, to indices."""

from difflib import get_close_matches
import re
from unicodedata import normalize

from core.domain.errors import WrongInput

NEAR = 3  # names that are offered for one that is not there
LETTERS = 200  # of a text, beyond which nothing near is searched for
LISTED = 8  # names that are listed where none is near
MOST = 5  # names in a row


def indices_in(text: str) -> tuple[int, ...]:
    """Whole numbers parted by commas, in order and each once. Raises ValueError."""
    return tuple(sorted({int(word) for word in text.split(",") if word.strip()}))


def indices_of(text: str, names: tuple[str, ...], noun: str, key: str) -> tuple[int, ...]:
    """Indices of the names in a text, parted by commas, in order and each once; noun: what one is called, key: of the dataset.

    Upper and lower case are one, and so are spaces and underscores, and letters composed or not. A whole number is a name where there
    is one that is written so (`100` of the people 100 to 299), else an index. Raises WrongInput with names that are near.
    """
    plain = list(map(folded, names))
    return tuple(sorted({_index(word, names, plain, noun, key) for word in _words(text, plain)}))


def folded(name: str) -> str:
    """A name without what is not told apart."""
    return " ".join(normalize("NFC", normalize("NFC", name).replace("_", " ").casefold()).split())


def _words(text: str, plain: list[str]) -> list[str]:
    """The text, parted at commas that are no part of a name: the longest run of parts that is a name is one word."""
    parts, words, known = text.split(","), [], set(plain)
    longest, place = 1 + max((name.count(",") for name in plain), default=0), 0
    while place < len(parts):
        runs = range(min(longest, len(parts) - place), 1, -1)
        count = next((n for n in runs if folded(",".join(parts[place : place + n])) in known), 1)
        words.append(",".join(parts[place : place + count]))
        place += count
    return [word for word in words if word.strip()]


def _index(word: str, names: tuple[str, ...], plain: list[str], noun: str, key: str) -> int:
    """The index of a name, of the very name before one that is like it; of a whole number that is no name, itself."""
    exact, alike = normalize("NFC", word.strip()), folded(word)
    if exact in names:
        return names.index(exact)
    if alike in plain:
        return plain.index(alike)
    if re.fullmatch(r"-?\d{1,18}", word.strip()):
        return int(word)
    near = get_close_matches(alike[:LETTERS], plain, NEAR) or [name for name in plain if alike in name][:NEAR]
    shown = [f"{names[plain.index(name)]:.60}" for name in near] or [f"{name:.60}" for name in names[:LISTED]]
    more = "" if near or len(names) <= LISTED else f", … ({len(names)} in all)"
    raise WrongInput(f"{key} has no {noun} {word.strip()!r:.60}; {'near it are' if near else 'there are'}: {', '.join(shown)}{more}.")


def first_of(names: list[str]) -> str:
    """A few names, and how many there are besides."""
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")
