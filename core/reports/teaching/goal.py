"""A teacher's goal for a run, as text of an address, and how far a finished run meets it; what retraining cannot do, nobody must. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
import re

from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.reports.gauges import ATTACK, Gauge

FORGET, RETAIN, MEMBERSHIP = "forget", "retain", "attack"
LONGEST = 100  # letters of a goal in an address
_PART = re.compile(r"(forget|retain|attack):(\d{1,3}(?:\.\d)?)")
ROUNDING = 1e-9


@dataclass(frozen=True)
class Goal:
    """Shares from 0 to 1; None where it does not matter. forget: accuracy on the forget set, at most. retain: kept share of the original's
    retain accuracy, at least. attack: the membership attack's AUC, at most.
    """

    forget: float | None = None
    retain: float | None = None
    attack: float | None = None

    @property
    def text(self) -> str:
        """As an address has it, in percent: `forget:5,retain:97,attack:55`; '' for no goal. `parse` gives the same goal back."""
        return ",".join(f"{name}:{100 * value:.1f}".removesuffix(".0") for name, value in self._parts())

    @property
    def words(self) -> str:
        """In a sentence without a full stop; '' for no goal."""
        return ", ".join(f"{_TITLE[name]} {_demand(name, value)}" for name, value in self._parts())

    def _parts(self) -> list[tuple[str, float]]:
        values = ((FORGET, self.forget), (RETAIN, self.retain), (MEMBERSHIP, self.attack))
        return [(name, value) for name, value in values if value is not None]


_TITLE = {FORGET: "forget accuracy", RETAIN: "retain accuracy kept", MEMBERSHIP: "membership attack"}


def _demand(name: str, limit: float) -> str:
    return f"at {'least' if name == RETAIN else 'most'} {_number(name, limit)}"


def _number(name: str, value: float) -> str:
    return f"AUC {value:.3g}" if name == MEMBERSHIP else percent(value)


def parse(text: str) -> Goal:
    """From an address. Raises WrongInput with one sentence."""
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")) if len(text) <= LONGEST else [text]:
        well = _PART.fullmatch(part)
        if not well or float(well[2]) > 100 or well[1] in found:
            raise WrongInput(f"The address's goal should be written as forget:5,retain:97,attack:55, each at most once and in percent from "
                             f"0 to 100; got {text!r:.60}.")  # fmt: skip
        found[well[1]] = float(well[2]) / 100
    return Goal(**found)


@dataclass(frozen=True)
class Part:
    """One demand and a run. limit: as the goal says. value: the run's, None where it was not measured. retrained: the references' values.

    judged_by: the limit that it is judged by, which is the floor's edge where a retrained network misses the goal itself. far: whether
    it lies beyond the other edge of the floor, where no retrained network would; the kept accuracy cannot.
    """

    name: str
    limit: float
    value: float | None
    retrained: tuple[float, ...] = ()
    judged_by: float = 0.0
    far: bool = False

    @property
    def honest(self) -> bool | None:
        """Whether each retrained network meets the goal; None where there is none."""
        return None if not self.retrained else all(_meets(self.name, value, self.limit) for value in self.retrained)

    @property
    def met(self) -> bool | None:
        """None where it was not measured."""
        return None if self.value is None else _meets(self.name, self.value, self.judged_by)

    def sentence(self, *, value: bool = True, retrained: bool = True) -> str:
        """With a mark, without a full stop. value, retrained: whether the numbers may be shown."""
        if self.value is None:
            return f"– {_TITLE[self.name].capitalize()}: not measured"
        remarks = [self._honesty(numbers=retrained)] if self.honest is not True else []
        if self.far:
            remarks.append("lower than a retrained network would be, which is no forgetting either")
        number = f" {_number(self.name, self.value)}" if value else ""
        said = f"{'✓' if self.met else '✗'} {_TITLE[self.name].capitalize()}{number}, goal {_demand(self.name, self.limit)}"
        return said + (f": {'; '.join(remarks)}" if remarks else "")

    def _honesty(self, *, numbers: bool) -> str:
        if self.honest is None:
            return "without a retrained network it cannot be told whether that can honestly be met"
        own = f" gives {' or '.join(_number(self.name, one) for one in self.retrained)}" if numbers else " misses it"
        edge = f" ({_demand(self.name, self.judged_by)})" if numbers else ""
        came = "met" if self.met else "missed"
        return f"retraining itself{own}, so that what retraining reaches{edge} is asked for instead, and {came}"


def _meets(name: str, value: float, limit: float) -> bool:
    return value >= limit - ROUNDING if name == RETAIN else value <= limit + ROUNDING


def score(goal: Goal, gauges: Sequence[Gauge]) -> tuple[Part, ...]:
    """A finished run's gauges (forget, retain, attack, relearning, as `core.reports.gauges.gauges` has them) against the goal."""
    forget, retain = gauges[:2]
    attack = next(gauge for gauge in gauges if gauge.key == ATTACK)
    before = retain.values.get("original")
    asked = ((FORGET, goal.forget, forget, 1.0), (RETAIN, goal.retain, retain, before), (MEMBERSHIP, goal.attack, attack, 1.0))
    return tuple(_part(name, limit, gauge, whole) for name, limit, gauge, whole in asked if limit is not None)


def _part(name: str, limit: float, gauge: Gauge, whole: float | None) -> Part:
    """whole: what the gauge's numbers are a share of."""
    ours = gauge.values.get("unlearned")
    if ours is None or not whole:
        return Part(name, limit, None)
    retrained = tuple(value / whole for mark in ("reference", "second") if (value := gauge.values.get(mark)) is not None)
    low, high = (edge / whole for edge in gauge.band) if gauge.band else (None, None)
    far = name != RETAIN and low is not None and ours < low - ROUNDING
    if all(_meets(name, value, limit) for value in retrained):
        return Part(name, limit, ours / whole, retrained, limit, far)
    edges = [*retrained, *(edge for edge in (low, high) if edge is not None)]
    return Part(name, limit, ours / whole, retrained, min(edges) if name == RETAIN else max(edges), far)


def summary(parts: Sequence[Part]) -> str:
    """`Goal: 2 of 3 parts met`."""
    met, one = sum(part.met is True for part in parts), len(parts) == 1
    return f"Goal: {met} of {len(parts)} part{'' if one else 's'} met"
