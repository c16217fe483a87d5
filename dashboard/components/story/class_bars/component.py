"""A bar for each class, dragged or moved by keys to a guess of its accuracy; then the truth over it, with points."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

from core.figures.gauges import GLYPH, GUESS
from core.figures.markdown import short, visible
from core.figures.palette import MARK_COLOUR, MARK_TITLE
from core.reports.teaching.prediction import Bar
from dashboard.session import recall, remember

HERE = Path(__file__).parent
LABEL = 12  # letters of a class below its bar
_bars = component(
    "forgetscope_class_bars", css=(HERE / "bars.css").read_text(encoding="utf-8"), js=(HERE / "bars.js").read_text(encoding="utf-8"),
)  # fmt: skip


def class_bars(bars: Sequence[Bar], guess: Mapping[str, float], shown: Sequence[str], points: Mapping[str, int] | None, key: str) -> None:
    """guess: bar -> share. shown: marks that are drawn. points: of each bar, once the truth is shown; then none moves.

    key: under which a guess is remembered; `guess_of` reads it.
    """
    rows = [
        {"key": bar.key, "name": visible(bar.label), "label": short(visible(bar.label), LABEL) + " ✕" * bar.forgotten,
         "guess": guess[bar.key], "marks": [[mark, bar.marks[mark]] for mark in shown if mark in bar.marks],
         "points": (points or {}).get(bar.key)}
        for bar in bars
    ]  # fmt: skip
    looks = {mark: [GLYPH[mark], MARK_COLOUR[mark], MARK_TITLE[mark].lower()] for mark in (*shown, GUESS)}
    _bars(key=f"{key}-bars", data={"rows": rows, "looks": looks, "done": points is not None}, on_guess_change=partial(_moved, bars, key))


def _moved(bars: Sequence[Bar], key: str) -> None:
    """A callback: a bar was let go."""
    remember(key, guess_of(bars, (recall(f"{key}-bars") or {}).get("guess")))


def guess_of(bars: Sequence[Bar], sent: Any) -> dict[str, float]:
    """A guess of each bar, judged as any input: where none was sent, or no share from 0 to 1, it stands where the original does."""
    given = sent if isinstance(sent, Mapping) else {}
    return {bar.key: _share(given.get(bar.key), round(bar.marks["original"], 2)) for bar in bars}


def _share(value: object, otherwise: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 <= value <= 1:
        return otherwise
    return float(value)
