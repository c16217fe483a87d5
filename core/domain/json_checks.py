"""Checks of plain data that come back from JSON: types, readable text, bounded numbers."""

import json
from typing import Any
import unicodedata

from core.domain.errors import WrongInput

_WORDS = {str: "readable text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "an object"}
LARGEST = 2**63 - 1  # of the whole numbers that SQLite and numpy hold


def plain_object(text: object, what: str) -> dict[str, Any]:
    """The JSON object that a stored text holds. Raises WrongInput, without a full stop, for anything else."""
    if type(text) is not str:  # bytes, a number, nothing, or text that cannot be decoded
        raise WrongInput(f"{what} in JSON is wanted, but there is {said_of(text)}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise WrongInput(f"{what} in JSON is wanted, but there is {said_of(text)}") from None
    if not isinstance(found, dict):
        raise WrongInput(f"{what} should be an object in JSON, but is {said_of(text)}")
    return found


def check_plain(name: str, value: object, wanted: type) -> None:
    """Raises WrongInput, without a full stop, where a stored value is of another type than `wanted`, unreadable or without end."""
    if type(value) is str is wanted and value.isprintable():
        return  # as nearly always
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if fits and isinstance(value, str):
        fits = is_readable(value)
    if fits and isinstance(value, int | float):
        fits = abs(value) <= (LARGEST if wanted is int else 1e300)  # which nan is not
    if not fits:
        raise WrongInput(f"{name} should be {_WORDS[wanted]}, but is {said_of(value)}")


def is_readable(text: str) -> bool:
    """Whether a line can show it: no line breaks, no control characters, no halves of letters."""
    return text.isprintable() or not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def said_of(value: object) -> str:
    """A stored value that is not what was wanted, in a few letters."""
    if value is None:
        return "nothing"
    if isinstance(value, bytes) or (isinstance(value, str) and (type(value) is not str or not is_readable(value))):
        return "no readable text"
    told = repr(value)[:200]
    return told if len(told) <= 40 else f"{told[:40]}…"
