"""Declare a hyperparameter once: its default, bounds and meaning; forms, command line, checks and docs read it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from core.domain.errors import WrongInput

Value = float | int | str
SEARCHED_UNLESS = ("settings", "given")  # `when` of a param that `settings = auto` chooses


@dataclass(frozen=True)
class Param:
    """What the world may know of one hyperparameter.

    `low` and `high` are inclusive. `words` are values allowed beside a number ("percentile"). A param with `choices` takes
    one of them and nothing else. `renamed`: what earlier versions called such a value, and its word now.
    """

    name: str
    default: Value
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    whole: bool = False
    when: tuple[str, ...] = ()  # (other param, the values of it that give this one a meaning)
    symbol: str = ""
    help: str = ""
    notes: tuple[tuple[str, str], ...] = ()  # (a choice, the sentence to say when it is made)
    format: str = "%g"

    @property
    def wanted(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            return " or ".join(self.choices)
        number = f"a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}"
        return " or ".join([number, *self.words])

    @property
    def searched(self) -> bool:
        """Whether `settings = auto` chooses it; of a chain's later method, its own `settings`."""
        return bool(self.when) and (self.when[0].rpartition(".")[2], *self.when[1:]) == SEARCHED_UNLESS

    def idle(self, values: dict[str, Value]) -> bool:
        """Whether this param has no effect beside those values of the others."""
        before_searches = "given" if self.when == SEARCHED_UNLESS else None  # runs of versions that searched nothing
        return bool(self.when) and values.get(self.when[0], before_searches) not in self.when[1:]

    def note(self, value: Value) -> str:
        """What whoever sets this param to `value` must be told; '' for nothing."""
        return dict(self.notes).get(str(value), "")

    def parse(self, raw: object) -> Value:
        """The value in its own type. Raises WrongInput with what was wanted."""
        text = str(raw).strip()
        text = dict(self.renamed).get(text, text)
        if text in (*self.choices, *self.words):
            return text
        number = None if self.choices else _number(text)
        if number is None or not self._within(number):
            raise WrongInput(f"{self.name} must be {self.wanted}; got {text!r:.80}.")
        return int(number) if self.whole else number

    def _within(self, number: float) -> bool:
        low, high = self.low if self.low is not None else -float("inf"), self.high
        return low <= number <= (high if high is not None else float("inf")) and not (self.whole and number % 1)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def used(values: dict[str, Any], declared: Iterable[Param]) -> dict[str, Any]:
    """Those values that had an effect: a param of another mode is left out. Names that are not declared are kept."""
    idle = {p.name for p in declared if p.idle(values)}
    return {name: value for name, value in values.items() if name not in idle}


def as_given(settings: dict[str, Any], declared: Iterable[Param]) -> dict[str, Any]:
    """The settings; where one of them would be searched for otherwise, and nobody says that it is to be, as given."""
    return {**{p.when[0]: "given" for p in declared if p.searched and p.name in settings}, **settings}


def param(default: Value, **about: Any) -> Any:
    """A dataclass field that carries its own Param; its name is the field's, without a trailing underscore, if it is given none."""
    return field(default=default, metadata={"param": {"whole": isinstance(default, int), **about}})


def params_of(cls: type) -> dict[str, Param]:
    """Field name -> Param, in the order of declaration."""
    return {
        f.name: Param(**{"name": f.name.rstrip("_"), "default": f.default, **f.metadata["param"]})
        for f in fields(cls)
        if "param" in f.metadata
    }


def with_params(cls: type, values: dict[str, Value]) -> Any:
    """An instance of `cls` from values by param name; names left out take their defaults. Raises WrongInput."""
    declared = {p.name: (attribute, p) for attribute, p in params_of(cls).items()}
    check_names(values, list(declared))
    return cls(**{declared[name][0]: declared[name][1].parse(value) for name, value in values.items()})


def check_names(values: dict[str, Value], known: list[str]) -> None:
    """Raises WrongInput for a name that is not a param."""
    for name in values:
        if name not in known:
            raise WrongInput(f"There is no parameter {name!r:.80} here; the parameters are: {', '.join(known) or 'none'}.")


def param_from_dict(raw: dict[str, Any]) -> Param:
    """From the plain data that `dataclasses.asdict` makes of it."""
    lists = {name: tuple(raw[name]) for name in ("choices", "words", "when")}
    pairs = {name: tuple((first, second) for first, second in raw[name]) for name in ("renamed", "notes")}
    return Param(**{**raw, **lists, **pairs})
