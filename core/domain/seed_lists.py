"""Seeds as people write them."""

import re
from typing import Any

from core.domain.errors import WrongInput


def covers(seeds: int, draws: int) -> str:
    """What an interval covers: `over 5 seeds, each with its own draw`. Both: how many different ones the runs have; 0 draws: none is."""
    over = f"over {seeds} seed{'s' * (seeds != 1)}"
    if not draws or (seeds < 2 and draws < 2):
        return over
    if seeds < 2:
        return f"over {draws} draws of one seed"
    return f"{over}, one draw" if draws == 1 else f"{over}, each with its own draw" if draws == seeds else f"{over} and {draws} draws"


MOST = 1000  # runs of a study, and so its seeds too
_PIECE = re.compile(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?")


def seeds_of(said: Any) -> tuple[int, ...]:
    """From a list of whole numbers, one whole number, or text such as '0-4, 7'. Raises WrongInput."""
    return numbers_of(said, "seed")


def numbers_of(said: Any, noun: str) -> tuple[int, ...]:
    """The same of numbers that are called otherwise. Raises WrongInput."""
    if isinstance(said, str):
        found = _from_text(said, noun)
    elif isinstance(said, int) and not isinstance(said, bool):
        found = [said]
    elif isinstance(said, list) and all(isinstance(number, int) and not isinstance(number, bool) for number in said):
        found = said
    else:
        raise WrongInput(f"{_wanted(noun)}; got {said!r:.60}.")
    if not found:
        raise WrongInput(f"The study has no {noun}s; name at least one, such as [0, 1, 2] or '0-2'.")
    twice = next((number for index, number in enumerate(found) if number in found[:index]), None) if len(found) <= MOST else None
    if twice is not None:
        raise WrongInput(f"Each {noun} must be given once; {noun} {twice} is there twice.")
    if len(found) > MOST:
        raise WrongInput(f"A study may have {MOST} runs at most; {len(found)} {noun}s are too many.")
    return tuple(found)


def _wanted(noun: str) -> str:
    return f"{noun.capitalize()}s must be whole numbers from 0, such as [0, 1, 2] or '0-4, 7'"


def seeds_text(seeds: tuple[int, ...]) -> str:
    """The inverse of `seeds_of`, runs of neighbours drawn together: '0-4, 7'."""
    pieces: list[list[int]] = []
    for seed in seeds:
        if pieces and seed == pieces[-1][-1] + 1:
            pieces[-1].append(seed)
        else:
            pieces.append([seed])
    shown = (", ".join(map(str, p)) if len(p) < 3 else f"{p[0]}-{p[-1]}" for p in pieces)
    return ", ".join(shown)


def _from_text(text: str, noun: str) -> list[int]:
    numbers: list[int] = []
    for piece in filter(str.strip, text.split(",")):
        found = _PIECE.fullmatch(piece)
        if not found:
            raise WrongInput(f"{_wanted(noun)}; got {text!r:.60}.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise WrongInput(f"A range of {noun}s goes upwards; got {piece.strip()!r:.60}.")
        if last - first >= MOST:
            raise WrongInput(f"A study may have {MOST} runs at most; {piece.strip()!r:.60} names {last - first + 1} {noun}s.")
        numbers += range(first, last + 1)
    return numbers
