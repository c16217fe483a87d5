"""What a search of settings varies: a range of each hyperparameter, by default around the preset; neither torch nor Optuna."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Param, Value
from core.domain.json_checks import check_plain

AROUND, AROUND_WHOLE = 10.0, 4  # by default a range goes from the preset divided by this to the preset times this
FROM_ZERO, FROM_ZERO_WHOLE = 1.0, 10  # its upper end where the preset is 0
DECADES = 10.0  # a range whose ends differ by this factor or more is searched on a log scale
DIGITS = 4  # significant digits of a value that is tried
SWITCH = "settings"  # whether a method searches by itself, which no trial does but the preset's


@dataclass(frozen=True)
class Range:
    """The values of one hyperparameter that are tried: from low to high, both included, or the choices."""

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As `parse_range` reads it: `alpha=1:20:log`, `importance=per_sample|batch`."""
        values = "|".join(self.choices) if self.choices else f"{self.low:g}:{self.high:g}" + ":log" * self.log
        return f"{self.name}={values}"

    @property
    def words(self) -> str:
        """As a page says it."""
        if self.choices:
            return f"{self.name}: {' or '.join(self.choices)}"
        return f"{self.name} from {self.low:g} to {self.high:g}" + ", on a log scale" * self.log

    def holds(self, value: object) -> bool:
        """Whether a value lies within it."""
        if self.choices:
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high

    def rounded(self, value: Value) -> Value:
        """A number with few digits, still within the range."""
        if self.choices or self.whole or isinstance(value, str):
            return value
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    @classmethod
    def from_plain(cls, raw: Any) -> Self:
        """The inverse of `dataclasses.asdict`. Raises WrongInput, without a full stop."""
        check_plain("a range", raw, dict)
        for name, wanted in {"name": str, "low": float, "high": float, "log": bool, "whole": bool, "choices": list}.items():
            check_plain(f"{name} of a range", list(raw["choices"]) if name == "choices" and "choices" in raw else raw.get(name), wanted)
        for choice in raw["choices"]:
            check_plain("a choice", choice, str)
        return cls(raw["name"], float(raw["low"]), float(raw["high"]), raw["log"], raw["whole"], tuple(raw["choices"]))


def switch_of(name: str) -> str:
    """The parameter that says whether the method of this one searches by itself; of a chain's later method its own."""
    step, dot, _ = name.rpartition(".")
    return f"{step}{dot}{SWITCH}"


def tunable(params: Iterable[Param]) -> list[Param]:
    """Those that a search can vary: all but the switch of a method's own search."""
    return [p for p in params if p.name != switch_of(p.name) and (not p.choices or len(p.choices) > 1)]


def tuned_at_first(params: Sequence[Param], preset: Mapping[str, Value]) -> list[str]:
    """Names of those that a search varies where nobody says which.

    Those that the method would search by itself; of a method that searches nothing, every number but the size of batches.
    """
    able = [p for p in tunable(params) if p.searched or not p.idle(dict(preset))]
    own = [p.name for p in able if p.searched]
    return own or [p.name for p in able if not p.choices and "batch" not in p.name]


def default_range(p: Param, preset: Value) -> Range:
    """Around the preset's value, within the declared bounds; all of these where the preset is a word."""
    if p.choices:
        return Range(p.name, choices=p.choices)
    low, high = _bounds(p)
    if not isinstance(preset, str):
        near = AROUND_WHOLE if p.whole else AROUND
        ends = (preset / near, preset * near) if preset else (low, FROM_ZERO_WHOLE if p.whole else FROM_ZERO)
        low, high = max(low, ends[0]), min(high, ends[1])
    if p.whole:
        low, high = float(max(int(low), int(_bounds(p)[0]), 1 if preset else 0)), float(int(high))
    else:
        low, high = float(f"{low:.{DIGITS}g}"), float(f"{high:.{DIGITS}g}")
    return Range(p.name, low, high, _on_log(low, high), p.whole)


def _bounds(p: Param) -> tuple[float, float]:
    low, high = -1e300 if p.low is None else p.low, 1e300 if p.high is None else p.high
    return float(low), float(high)


def _on_log(low: float, high: float) -> bool:
    return low > 0 and high / low >= DECADES


def parse_range(text: str, params: Iterable[Param], preset: Mapping[str, Value]) -> Range:
    """From `alpha` (its default range), `alpha=1:20`, `alpha=1:20:log`, `alpha=1:20:linear` or `importance=per_sample|batch`.

    Raises WrongInput.
    """
    known = {p.name: p for p in tunable(params)}
    name, _, values = (piece.strip() for piece in text.partition("="))
    if name not in known:
        raise WrongInput(f"There is no parameter {name!r:.80} that could be tuned here; there are: {', '.join(known) or 'none'}.")
    p = known[name]
    if not values:
        return default_range(p, preset[name])
    if p.choices:
        chosen = tuple(piece.strip() for piece in values.split("|"))
        if not set(chosen) <= set(p.choices) or len(set(chosen)) != len(chosen) or len(chosen) < 2:
            raise WrongInput(f"{name} is tuned over two or more of {', '.join(p.choices)}, with | between them; got {values!r:.80}.")
        return Range(name, choices=chosen)
    ends = values.split(":")
    wanted = f"{name} is tuned over LOW:HIGH, LOW:HIGH:log or LOW:HIGH:linear, within {p.low:g} to {p.high:g}"
    if len(ends) not in (2, 3) or (len(ends) == 3 and ends[2].strip() not in ("log", "linear")):
        raise WrongInput(f"{wanted}; got {values!r:.80}.")
    low, high = (_number(end, wanted, values) for end in ends[:2])
    log = ends[2].strip() == "log" if len(ends) == 3 else _on_log(low, high)
    return checked(Range(name, low, high, log, p.whole), p)


def checked(found: Range, p: Param) -> Range:
    """The same range. Raises WrongInput where it is none, or leaves the declared bounds."""
    low, high = _bounds(p)
    if found.choices:
        fits = len(found.choices) > 1 and set(found.choices) <= set(p.choices)
    else:
        fits = not p.choices and low <= found.low < found.high <= high and not (found.whole and (found.low % 1 or found.high % 1))
    if not fits:
        raise WrongInput(f"{p.name} is tuned within {p.wanted}, from less to more; got {found.text.partition('=')[2]!r:.80}.")
    if found.log and found.low <= 0:
        raise WrongInput(f"A log scale has no 0: {p.name} is tuned from more than 0 there; got {found.low:g}.")
    return found


def _number(text: str, wanted: str, values: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise WrongInput(f"{wanted}; got {values!r:.80}.")
    return number


def spelled(base: Mapping[str, Any], tried: Mapping[str, Value], params: Sequence[Param]) -> dict[str, Value]:
    """A run's params with the values that a trial tries; what has no effect beside them stands at its default, as in every run."""
    values = {**base, **tried}
    values |= {switch_of(name): "given" for name in tried if switch_of(name) in values}
    parsed = {p.name: p.parse(values[p.name]) for p in params}
    return parsed | {p.name: p.default for p in params if p.idle(parsed)}
