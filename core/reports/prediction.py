"""A reader's guess of a run's result, and the points that it earns; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10

from core.reports.first_screen import FirstScreen
from core.reports.gauges import ATTACK, STEPS, Gauge

FULL = 20  # points of one number, and of the verdict
SURE, WARNED, UNTOLD, NOT = "Forgotten", "Forgotten, with warnings", "Accuracy cannot tell", "Not forgotten"
PARTLY, OVER = "Partly forgotten", "Over-forgotten"
VERDICTS = (SURE, WARNED, PARTLY, OVER, UNTOLD, NOT)
A_DECADE = 20  # numbers of steps that can be guessed in each power of ten


@dataclass(frozen=True)
class Score:
    """points: metric -> 0 to FULL. verdict: FULL or 0. surprise: the gauge whose guess earned least; None where all earned FULL."""

    points: Mapping[str, int]
    verdict: int
    surprise: Gauge | None

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.points.values()) + self.verdict

    @property
    def most(self) -> int:
        """What a guess of the truth would earn."""
        return FULL * (len(self.points) + 1)


def guessable(gauges: Sequence[Gauge]) -> tuple[Gauge, ...]:
    """Those that have a number, or were given up, so that there is a truth."""
    return tuple(gauge for gauge in gauges if gauge.place("unlearned") is not None)


def verdict_of(screen: FirstScreen) -> str:
    """One of VERDICTS. WARNED also where it was forgotten at a price."""
    if screen.lead.startswith(SURE):
        return SURE if screen.lead == SURE else WARNED
    if found := next((one for one in (PARTLY, OVER) if screen.lead.startswith(one)), ""):
        return found
    return UNTOLD if screen.lead.startswith((UNTOLD, "No ")) else NOT


def points(gauge: Gauge, guess: float) -> int:
    """FULL for the truth, none from half a scale beside it; distances as the eye sees them on the gauge."""
    truth = gauge.place("unlearned")
    return 0 if truth is None else round(FULL * max(0.0, 1 - 2 * abs(gauge.at(guess) - truth)))


def score(screen: FirstScreen, guess: Mapping[str, float], verdict: str | None) -> Score:
    """guess: metric -> number. verdict: one of VERDICTS; None for no guess."""
    gauges = guessable(screen.gauges)
    earned = {gauge.key: points(gauge, guess[gauge.key]) for gauge in gauges}
    least = min((gauge for gauge in gauges if earned[gauge.key] < FULL), key=lambda gauge: earned[gauge.key], default=None)
    return Score(earned, FULL * (verdict == verdict_of(screen)), least)


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
