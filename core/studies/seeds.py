"""Seeds as people write them."""

import re
from typing import Any

from core.domain import WrongInput

MOST = 1000  # runs of a study, and so its seeds too
_WANTED = "Seeds must be whole numbers from 0, such as [0, 1, 2] or '0-4, 7'"
_PIECE = re.compile(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?")


def seeds_of(said: Any) -> tuple[int, ...]:
    """From a list of whole numbers, one whole number, or text such as '0-4, 7'. Raises WrongInput."""
    if isinstance(said, str):
        seeds = _from_text(said)
    elif isinstance(said, int) and not isinstance(said, bool):
        seeds = [said]
    elif isinstance(said, list) and all(isinstance(seed, int) and not isinstance(seed, bool) for seed in said):
        seeds = said
    else:
        raise WrongInput(f"{_WANTED}; got {said!r:.60}.")
    if not seeds:
        raise WrongInput("The study has no seeds; name at least one, such as [0, 1, 2] or '0-2'.")
    twice = next((seed for index, seed in enumerate(seeds) if seed in seeds[:index]), None) if len(seeds) <= MOST else None
    if twice is not None:
        raise WrongInput(f"Each seed must be given once; seed {twice} is there twice.")
    if len(seeds) > MOST:
        raise WrongInput(f"A study may have {MOST} runs at most; {len(seeds)} seeds are too many.")
    return tuple(seeds)


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


def _from_text(text: str) -> list[int]:
    seeds: list[int] = []
    for piece in filter(str.strip, text.split(",")):
        found = _PIECE.fullmatch(piece)
        if not found:
            raise WrongInput(f"{_WANTED}; got {text!r:.60}.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise WrongInput(f"A range of seeds goes upwards; got {piece.strip()!r:.60}.")
        if last - first >= MOST:
            raise WrongInput(f"A study may have {MOST} runs at most; {piece.strip()!r:.60} names {last - first + 1} seeds.")
        seeds += range(first, last + 1)
    return seeds
