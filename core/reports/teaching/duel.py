"""What a duel is worth: the Attacker's tools as gauges, points for each, who won and why. Pure; every number is a stored run's.

A trace is a number outside the band where another retrained network's might lie: the rule of the gauges, on either side, for too much
that is left gives the forgotten away as too much that was erased does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.domain.duel import ATTACKER, FORGETTER, Duel
from core.domain.formatting import percent
from core.reports.checks.case import Case
from core.reports.gauges import SECOND, Gauge, gauges, more_gauges

PROVEN, FALSE_ALARM, NOTHING_FOUND = 2, 2, 1  # points: the Attacker's for a proven trace; the Forgetter's
ROUNDING = 1e-9
BARRED = "retrain"  # the method that is no contest, for it is the yardstick itself
TOOLS = {  # key -> what a class reads of it
    "accuracy": "Show it the pictures that should be gone: how many does it still predict correctly?",
    "loss": "Is it surer of the pictures it was trained on than of new ones? An attack by the loss tells.",
    "entropy": "Does it hesitate? An attack by the entropy of its predictions calls pictures members or not.",
    "probe": "Look at the features before the last layer: can a simple probe still find the class there?",
    "graft": "Put the original’s last layer back on: was only the last step spoilt, and do the predictions return?",
    "relearning": "Teach it again: does it come back sooner than in a network that never saw it?",
}


def tool_gauges(case: Case, reasons: Mapping[str, str]) -> dict[str, Gauge]:
    """Tool -> its gauge of the run. reasons: `model/metric` -> why there is no number."""
    forget, _, loss, relearning = gauges(case, reasons)
    return dict(zip(TOOLS, (forget, loss, *more_gauges(case, reasons), relearning), strict=True))


@dataclass(frozen=True)
class Kept:
    """Of the retain accuracy. now, before, retrained: None where not measured. wanted: the least that the budget allows, None likewise."""

    budget: float
    now: float | None
    before: float | None
    retrained: float | None

    @property
    def wanted(self) -> float | None:
        """The budget of the original's, but no more than the retrained network keeps: nobody is asked for more than that."""
        if self.before is None:
            return None
        return self.budget * self.before if self.retrained is None else min(self.budget * self.before, self.retrained)

    @property
    def met(self) -> bool | None:
        """None where it cannot be told."""
        return None if self.now is None or self.wanted is None else self.now >= self.wanted - ROUNDING

    @property
    def sentence(self) -> str:
        """With its numbers."""
        if self.now is None or self.wanted is None or self.before is None:
            return "How much was kept cannot be told: the accuracy on the retain set was not measured."
        reason = f"{percent(self.budget)} of the original’s {percent(self.before)}"
        if self.wanted < self.budget * self.before:
            reason = f"as much as the retrained network keeps; {reason} would be more"
        return f"Retain accuracy is {percent(self.now)}, at least {percent(self.wanted)} was wanted ({reason})."


def kept(case: Case, budget: float) -> Kept:
    """How a run stands against the budget."""
    now, before, retrained = (case.get("test_retain_accuracy", model) for model in ("unlearned", "original", "reference"))
    return Kept(budget, now, before, retrained)


@dataclass(frozen=True)
class Judged:
    """One tool that the Attacker used. called: whether he called it a trace. trace: whether it is one, None where that cannot be told."""

    tool: str
    gauge: Gauge
    called: bool
    trace: bool | None

    @property
    def points(self) -> dict[str, int]:
        """Seat -> points."""
        attacker = PROVEN if self.trace and self.called else 0
        forgetter = 0 if self.trace is None or attacker else FALSE_ALARM if self.called else NOTHING_FOUND
        return {FORGETTER: forgetter, ATTACKER: attacker}

    @property
    def word(self) -> str:
        """What happened, in two words."""
        if self.trace is None:
            return "cannot be told"
        if self.called:
            return "trace proven" if self.trace else "false alarm"
        return "trace missed" if self.trace else "no trace"


@dataclass(frozen=True)
class Outcome:
    """winner: a seat, '' for a draw. points: seat -> points. result: who won, with the points; why: the sentence for it.

    floor: what the bands rest on, in a sentence.
    """

    judged: tuple[Judged, ...]
    kept: Kept
    points: Mapping[str, int]
    winner: str
    result: str
    why: str
    floor: str


def usable(found: Mapping[str, Gauge]) -> tuple[str, ...]:
    """Tools whose number can be held against the band."""
    return tuple(tool for tool, gauge in found.items() if gauge.inside is not None)


def outcome(duel: Duel, found: Mapping[str, Gauge], held: Kept) -> Outcome:
    """Of a duel that is over. found: `tool_gauges` of the run that was handed over. held: `kept` of it."""
    judged = tuple(
        Judged(tool, found[tool], duel.calls[tool], None if found[tool].inside is None else not found[tool].inside)
        for tool in duel.tools if tool in found
    )  # fmt: skip
    points = {seat: sum(one.points[seat] for one in judged) for seat in (FORGETTER, ATTACKER)}
    over_budget = held.met is False
    winner = ATTACKER if over_budget else max(points, key=points.__getitem__) if len(set(points.values())) > 1 else ""
    score = " to ".join(map(str, sorted(points.values(), reverse=True)))
    result = f"The {winner.capitalize()} wins" + ("" if over_budget else f" {score}") if winner else f"A draw, {score}"
    second = any(gauge.values.get(SECOND) is not None for gauge in found.values())
    floor = ("twice the gap of two retrained networks, on the second one’s side, and no less than chance; steps are compared by "
             "their ratio" if second else "the tolerance of the checks, for no second retrained network is stored")  # fmt: skip
    return Outcome(judged, held, points, winner, result, _why(judged, held), f"The band around the retrained network is {floor}.")


def _why(judged: tuple[Judged, ...], held: Kept) -> str:
    if held.met is False:
        return f"More than the budget was lost, so that points do not count. {held.sentence}"
    told = [one for one in judged if one.trace is not None]
    proven, alarms, missed = (
        _and([one.gauge.title.lower() for one in told if (one.called, one.trace) == case])
        for case in ((True, True), (True, False), (False, True))
    )
    if not told:
        return "None of the tools gives a number that can be held against a retrained network."
    if not (proven or alarms or missed):
        return "No tool tells this network from a retrained one, and none was called a trace."
    parts = [f"{words}: {told_so}" for words, told_so in (
        (proven, "beyond what retraining and chance explain"), (alarms, "a false alarm, for retrained networks differ as much"),
        (missed, "a trace that was missed"),
    ) if words]  # fmt: skip
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _and(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
