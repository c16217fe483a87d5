"""A reader's guess of a run's result, and the points that it earns; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING

from core.reports.gauges import ATTACK, MARKS, STEPS, Gauge
from core.reports.verdict import EXACT

if TYPE_CHECKING:
    from core.reports.first_screen import FirstScreen

FULL = 20  # points of one number, of the classes together, and of the verdict
SURE, WARNED, UNTOLD, NOT = "Forgotten", "Forgotten, with warnings", "Accuracy cannot tell", "Not forgotten"
PARTLY, OVER = "Partly forgotten", "Over-forgotten"
VERDICTS = (SURE, WARNED, PARTLY, OVER, UNTOLD, NOT)
A_DECADE = 20  # numbers of steps that can be guessed in each power of ten
NAMED = 10  # classes that are guessed one by one; of more, the forgotten ones together, and the others
BINS = 20  # of a scale, in which guesses are counted
VERDICT, CLASS = "verdict", "class:"  # quantities that are counted besides the gauges' metrics; the latter begins a bar's


@dataclass(frozen=True)
class Bar:
    """Accuracy of a class, or of several together, on test images. marks: mark -> share; those that have none are left out."""

    key: str
    label: str
    forgotten: bool
    marks: Mapping[str, float]


@dataclass(frozen=True)
class Score:
    """points: metric -> 0 to FULL. bars: bar -> 0 to FULL. verdict: FULL or 0. surprise: the gauge whose guess earned least; None where
    all earned FULL.
    """

    points: Mapping[str, int]
    bars: Mapping[str, int]
    verdict: int
    surprise: Gauge | None

    @property
    def by_class(self) -> int:
        """Points of the bars together: their mean."""
        return round(sum(self.bars.values()) / len(self.bars)) if self.bars else 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.points.values()) + self.by_class + self.verdict

    @property
    def most(self) -> int:
        """What a guess of the truth would earn."""
        return FULL * (len(self.points) + bool(self.bars) + 1)


def guessable(gauges: Sequence[Gauge]) -> tuple[Gauge, ...]:
    """Those that have a number, or were given up, so that there is a truth."""
    return tuple(gauge for gauge in gauges if gauge.place("unlearned") is not None)


def verdict_of(screen: "FirstScreen") -> str:
    """One of VERDICTS. WARNED also where it was forgotten at a price; SURE also of a network that is the reference."""
    if screen.lead.startswith(SURE):
        return SURE if screen.lead == SURE else WARNED
    if screen.lead.startswith(EXACT):
        return SURE
    if found := next((one for one in (PARTLY, OVER) if screen.lead.startswith(one)), ""):
        return found
    return UNTOLD if screen.lead.startswith((UNTOLD, "No ")) else NOT


def bars(screen: "FirstScreen") -> tuple[Bar, ...]:
    """What can be guessed by class: each of up to NAMED classes; of more, the forgotten ones together and the others. Of a request that
    names no class of many, nothing.
    """
    count = len(screen.names)
    if not len(screen.classes) or (count > NAMED and not screen.forgotten):
        return ()
    if count <= NAMED:
        found = [_bar(screen, f"{index}", screen.names[index], (index,)) for index in range(count)]
    else:
        others = tuple(index for index in range(count) if index not in screen.forgotten)
        one = len(screen.forgotten) == 1
        found = [_bar(screen, "forgotten", screen.names[screen.forgotten[0]] if one else "to forget", screen.forgotten),
                 _bar(screen, "others", "the others", others)]  # fmt: skip
    return tuple(bar for bar in found if "unlearned" in bar.marks and "original" in bar.marks)


def _bar(screen: "FirstScreen", key: str, label: str, classes: tuple[int, ...]) -> Bar:
    rows = screen.classes[screen.classes["class"].isin(classes) & screen.classes["accuracy"].notna() & (screen.classes["count"] > 0)]
    marks = {}
    for mark in MARKS:
        own = rows[rows["model"] == mark]
        if len(own):
            marks[mark] = float((own["accuracy"] * own["count"]).sum() / own["count"].sum())
    return Bar(CLASS + key, label, bool(set(classes) & set(screen.forgotten)), marks)


def bar_points(bar: Bar, guess: float) -> int:
    """As of a gauge."""
    return _points(guess, bar.marks["unlearned"])


def points(gauge: Gauge, guess: float) -> int:
    """FULL for the truth, none from half a scale beside it; distances as the eye sees them on the gauge."""
    truth = gauge.place("unlearned")
    return 0 if truth is None else _points(gauge.at(guess), truth)


def _points(guess: float, truth: float) -> int:
    return round(FULL * max(0.0, 1 - 2 * abs(guess - truth)))


def score(screen: "FirstScreen", guess: Mapping[str, float], verdict: str | None) -> Score:
    """guess: metric or bar -> number; an untouched bar stands at the original's. verdict: one of VERDICTS; None for no guess."""
    gauges = guessable(screen.gauges)
    earned = {gauge.key: points(gauge, guess[gauge.key]) for gauge in gauges}
    least = min((gauge for gauge in gauges if earned[gauge.key] < FULL), key=lambda gauge: earned[gauge.key], default=None)
    by_class = {bar.key: bar_points(bar, guess.get(bar.key, bar.marks["original"])) for bar in bars(screen)}
    return Score(earned, by_class, FULL * (verdict == verdict_of(screen)), least)


def binned(screen: "FirstScreen", guess: Mapping[str, float], verdict: str | None) -> dict[str, int]:
    """A guess as it is counted: quantity -> bin of BINS along its scale; of the verdict, its place among VERDICTS."""
    found = {gauge.key: _bin(gauge.at(guess[gauge.key])) for gauge in guessable(screen.gauges)}
    found |= {bar.key: _bin(guess.get(bar.key, bar.marks["original"])) for bar in bars(screen)}
    return found | ({VERDICT: VERDICTS.index(verdict)} if verdict else {})


def _bin(share: float) -> int:
    return min(BINS - 1, int(share * BINS + 1e-9))


def step_choices(gauge: Gauge) -> list[int]:
    """Numbers of relearning steps from 0 to the gauge's right end, evenly apart on its scale."""
    powers = round(A_DECADE * log10(max(gauge.ticks)))
    return sorted({0, *(round(10 ** (power / A_DECADE)) for power in range(powers + 1))})


def start(gauge: Gauge) -> float:
    """Where a guess begins: at the original's number, as if nothing would change; an AUC without one at guessing."""
    value = gauge.values.get("original")
    if gauge.key == STEPS:
        return min(step_choices(gauge), key=lambda steps: abs(steps - (value or 0)))
    return value if value is not None else 0.5 if gauge.key == ATTACK else 1.0
