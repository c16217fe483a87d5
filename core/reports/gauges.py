"""A run's four key numbers as gauges: values, the band where another retrained network might lie, and a word. Pure; no store.

Bands and words follow the rules of the checks (`core.reports.checks`) and of relearning (`core.reports.recoverability`), so that a
gauge and a warning cannot disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil, isfinite, log10
import re

from core.domain.formatting import percent
from core.domain.run import MODELS
from core.reports.checks.case import Case
from core.reports.checks.membership import fewer_members, more_members
from core.reports.recoverability import FOUND, equal_graft, equal_steps, is_stranger, relearning

SECOND = "second"
MARKS = (*MODELS, SECOND)  # of a gauge: the run's networks, and the second reference
ATTACK, STEPS = "attack_auc", "relearn_steps"
MEMBERS, PROBE, GRAFT = "attack_entropy_members", "probe_accuracy", "graft_forget_accuracy"  # beside the four: see `more_gauges`
AS_RETRAINED, NO_REFERENCE, MISSING = "as retrained", "no reference", "not measured"
NOTHING, UNCLEAR, CONCEALED = "nothing to relearn", "cannot be told", "reference not shown"
UNJUDGED = "trace?"  # of a gauge whose band is held back
UNKNOWN = (NO_REFERENCE, MISSING, NOTHING, UNCLEAR, CONCEALED, UNJUDGED)  # words of a gauge that say nothing of the band
PERCENT = {0.0: "0 %", 0.5: "50 %", 1.0: "100 %"}
AREAS = {0.0: "0", 0.5: "0.5 guessing", 1.0: "1"}
LEAST_TOP = 1000  # relearning steps at the right end of its gauge; more where a number is larger
ROUNDING = 1e-9
_GIVEN_UP = re.compile(r"Not learnt back in (\d+) steps")


@dataclass(frozen=True)
class Gauge:
    """One number on a scale with fixed ends. key: the metric. values: mark -> number, None where there is none.

    band: the numbers that another retrained network might have; None where that is not known. word: where the unlearned network's
    number lies, against the band. why: what the number says, or the reason why there is none. ticks: number -> label.
    given_up: mark -> steps after which relearning was given up.
    """

    key: str
    title: str
    values: Mapping[str, float | None]
    band: tuple[float, float] | None
    word: str
    why: str
    ticks: Mapping[float, str]
    given_up: Mapping[str, int] = field(default_factory=dict)

    @property
    def inside(self) -> bool | None:
        """Whether the unlearned network's number lies where another retrained network's might; None where that cannot be told."""
        return None if self.word in UNKNOWN else self.word == AS_RETRAINED

    def at(self, value: float) -> float:
        """A number's place from 0 (left end) to 1; steps on a logarithmic scale that has a 0, since their rule is a ratio."""
        share = log10(1 + max(0.0, value)) / log10(1 + max(self.ticks)) if self.key == STEPS else value
        return min(1.0, max(0.0, share))

    def place(self, mark: str) -> float | None:
        """A mark's place, at the right end where relearning was given up; None where there is no number."""
        value = self.values.get(mark)
        return self.at(value) if value is not None else 1.0 if mark in self.given_up else None

    def text(self, mark: str) -> str:
        """A mark's number with its unit; a dash where there is none."""
        value = self.values.get(mark)
        return self.text_of(value) if value is not None else f"not in {self.given_up[mark]} steps" if mark in self.given_up else "–"

    def text_of(self, value: float) -> str:
        """Any number of this scale with its unit."""
        if self.key == STEPS:
            return f"{round(value, 1):g} {'step' if value == 1 else 'steps'}"
        return f"AUC {value:.2f}" if self.key == ATTACK else percent(value)


def gauges(case: Case, reasons: Mapping[str, str]) -> tuple[Gauge, ...]:
    """Forget accuracy, retain accuracy, membership attack and relearning. reasons: `model/metric` -> why there is no number."""
    return (
        _forget(case, reasons),
        _against_slack(
            case, reasons, "test_retain_accuracy", "Retain accuracy", case.retain_slack, ("below retrained", "above retrained"), PERCENT,
            "correct predictions on test images of the retain classes" if case.request.by_class else "correct predictions on test images",
        ),
        _against_slack(
            case, reasons, ATTACK, "Membership attack", case.auc_slack, ("below retrained", "recognised"), AREAS,
            "how well an attack by loss tells the forget set from test images",
        ),
        _relearning(case, reasons),
    )  # fmt: skip


def more_gauges(case: Case, reasons: Mapping[str, str]) -> tuple[Gauge, ...]:
    """Three further attacks: members by entropy, a linear probe of the features, and the original's last layer put back."""
    return (
        _against_slack(
            case, reasons, MEMBERS, "Attack by entropy", partial(more_members, case), ("below retrained", "recognised"), PERCENT,
            "share of the forget set that an attack by the entropy of the predictions calls members", fewer=partial(fewer_members, case),
        ),
        _against_slack(
            case, reasons, PROBE, "Linear probe", lambda _ours, _theirs: FOUND, ("less is left", "more is left"), PERCENT,
            "balanced accuracy with which a probe of the last features tells the forgotten classes apart",
        ),
        _graft(case, reasons),
    )  # fmt: skip


def _graft(case: Case, reasons: Mapping[str, str]) -> Gauge:
    """By the rule of `recoverability.graft`. Retrained networks whose layers the original's last layer does not fit predict by chance
    there, so that their numbers are left out.
    """
    values, part = _values(case, GRAFT), case.recoverability(reasons).parts[2]
    why = "correct predictions on test images of the forgotten class under the original’s last layer"
    images, stranger = case.forget_images() if case.request.by_class else 0, is_stranger(case.grafted or {})
    band = equal_graft(case.numbers, case.second_reference, case.grafted or {}, images) if case.request.by_class else None
    if stranger:
        values |= {"reference": None, SECOND: None}
        why += "; a retrained network’s layers do not fit it"
    word = {"equal": AS_RETRAINED, "easier": "comes back"}.get(part.word)
    if word is None:
        word = NO_REFERENCE if not case.has_reference else MISSING if values["unlearned"] is None else UNCLEAR
        why = part.sentence
    return Gauge(GRAFT, "Last layer put back", values, band, word, why, PERCENT)


def unjudged(gauge: Gauge) -> Gauge:
    """The same numbers without the band and the word."""
    return replace(gauge, band=None, word=UNJUDGED)


def _forget(case: Case, reasons: Mapping[str, str]) -> Gauge:
    where = "test images of the forget request" if case.request.by_class else "the forget set"
    what = f"correct predictions on {where}" + (", by its wrong labels" if case.request.flips_labels else "")
    return _against_slack(case, reasons, case.forget_metric, "Forget accuracy", case.forget_slack, ("below retrained", "still predicted"),
                          PERCENT, what)  # fmt: skip


def _values(case: Case, metric: str) -> dict[str, float | None]:
    second = case.second_reference if case.has_reference and case.second_reference else {}
    return {model: case.get(metric, model) for model in MODELS} | {SECOND: second.get("unlearned", {}).get(metric)}


def _against_slack(
    case: Case, reasons: Mapping[str, str], metric: str, title: str, slack: Callable[[float, float], float | None],
    sides: tuple[str, str], ticks: Mapping[float, str], why: str, fewer: Callable[[float, float], float | None] | None = None,
) -> Gauge:  # fmt: skip
    """Of a share: the band is the check's, around the reference. sides: the word below the band, and above it.

    fewer: the slack below the reference, where that is another one.
    """
    values, band = _values(case, metric), None
    ours, theirs = values["unlearned"], values["reference"]
    if theirs is not None:
        up, down = (of_side(theirs if ours is None else ours, theirs) for of_side in (slack, fewer or slack))
        if up is not None and down is not None:
            band = max(0.0, theirs - case.allowed(metric, down)), min(1.0, theirs + case.allowed(metric, up))
    if ours is None:
        return Gauge(metric, title, values, band, MISSING, reasons.get(f"unlearned/{metric}") or why, ticks)
    if band is None or theirs is None:
        return Gauge(metric, title, values, None, NO_REFERENCE, why, ticks)
    low, high = band
    word = AS_RETRAINED if low - ROUNDING <= ours <= high + ROUNDING else sides[ours > high]
    return Gauge(metric, title, values, band, word, why, ticks)


def _relearning(case: Case, reasons: Mapping[str, str]) -> Gauge:
    values, band = _values(case, STEPS), equal_steps(case.numbers, case.second_reference)
    found = {model: _GIVEN_UP.match(reasons.get(f"{model}/{STEPS}") or "") for model in MODELS if values[model] is None}
    given_up = {model: int(steps[1]) for model, steps in found.items() if steps}
    part = relearning(case.numbers, case.second_reference, reasons)
    word = {"equal": AS_RETRAINED, "easier": "comes back sooner", "harder": "harder to bring back"}.get(part.word)
    why = "training steps until the forget set is predicted again; fewer: more of it was left"
    if values["unlearned"] is None and "unlearned" not in given_up:
        word, why = MISSING, reasons.get(f"unlearned/{STEPS}") or why
    elif word is None:
        word = NO_REFERENCE if not case.has_reference else NOTHING if values["reference"] == 0 else UNCLEAR
        why = why if word == NO_REFERENCE else part.sentence
    return Gauge(STEPS, "Relearning", values, band, word, why, _decades([*values.values(), *(band or ())]), given_up)


def _decades(values: list[float | None]) -> dict[float, str]:
    """Ticks from 0 to the first power of ten that no value exceeds, at least LEAST_TOP."""
    top = ceil(log10(max([LEAST_TOP, *(value for value in values if value is not None and isfinite(value))])))
    ticks = {0.0: "0"} | {float(10**n): f"{10**n:,}" for n in range(1, top)}
    return ticks | {float(10**top): f"{10**top:,} steps"}
