"""A duel of two seats over one network: its rules, how it stands, and what turns one standing into the next. Pure.

The Forgetter has a few tries to unlearn within a budget of kept accuracy and hands one over; the Attacker, who does not see how it was
made, uses a few tools on it and says of each whether it shows a trace. What that is worth: `core.reports.teaching.duel`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
import json
from typing import Any, Self

from core.domain.errors import WrongInput
from core.domain.json_checks import check_plain, plain_object

FORGETTER, ATTACKER = "forgetter", "attacker"
SEATS = (FORGETTER, ATTACKER)
FORGET, ATTACK, CALL, OVER = "forget", "attack", "call", "over"
TURN = {FORGET: FORGETTER, ATTACK: ATTACKER, CALL: ATTACKER}  # stage -> whose turn it is
BUDGETS = (0.8, 1.0)  # the least and the most that can be asked for
MOST_TRIES, MOST_TOOLS, MOST_RUNS = 5, 3, 40  # MOST_RUNS: those asked for, with the failed ones, which cost no try
MOST_SEED = 2**31 - 1
WORD = 80  # letters of a stored word


@dataclass(frozen=True)
class Rules:
    """What both seats know before they begin. budget: share of the original's retain accuracy that must be kept. tries: finished runs
    that the Forgetter may have. tools: how many the Attacker may use. seed: of all networks of the duel.
    """

    dataset: str = "digits"
    model: str = "small_cnn"
    budget: float = 0.95
    tries: int = 3
    tools: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises WrongInput for what nobody could play by."""
        least, most = BUDGETS
        if not least <= self.budget <= most:
            raise WrongInput(f"The budget is {100 * least:g} % to {100 * most:g} % of the retain accuracy; got {100 * self.budget:g} %.")
        for what, value, top in (("tries", self.tries, MOST_TRIES), ("tools", self.tools, MOST_TOOLS)):
            if not 1 <= value <= top:
                raise WrongInput(f"A duel has from 1 to {top} {what}; got {value}.")
        if not 0 <= self.seed <= MOST_SEED:
            raise WrongInput(f"The seed must be a whole number from 0 to {MOST_SEED}; got {self.seed}.")


@dataclass(frozen=True)
class Duel:
    """How a duel stands. version: grows with each change, so that two browsers cannot both make the next one.

    runs: ids of the Forgetter's runs in the order of asking. handed: the one that was handed over. tools: those that the Attacker
    chose, in order. calls: tool -> whether he calls what it shows a trace. successor: code of the duel that was begun after this one,
    with the seats swapped.
    """

    code: str
    rules: Rules = field(default_factory=Rules)
    version: int = 0
    stage: str = FORGET
    runs: tuple[str, ...] = ()
    handed: str = ""
    tools: tuple[str, ...] = ()
    calls: Mapping[str, bool] = field(default_factory=dict)
    successor: str = ""

    def to_json(self) -> str:
        """As the database has it, without code and version, which have columns of their own."""
        plain = asdict(self)
        del plain["code"], plain["version"]
        return json.dumps(plain, sort_keys=True)

    @classmethod
    def from_json(cls, code: str, version: int, text: object) -> Self:
        """The inverse of `to_json`. Raises WrongInput, without a full stop, for what is no duel."""
        raw = plain_object(text, "a duel")
        rules = _of(raw, "rules", dict)
        for name, wanted in {"dataset": str, "model": str, "budget": float, "tries": int, "tools": int, "seed": int}.items():
            _of(rules, name, wanted)
        stage, calls = _of(raw, "stage", str), _of(raw, "calls", dict)
        if stage not in (*TURN, OVER):
            raise WrongInput(f"stage should be one of {', '.join((*TURN, OVER))}, but is {stage!r:.40}")
        if not all(type(called) is bool for called in calls.values()):
            raise WrongInput("calls should be true or false")
        names = ("dataset", "model", "budget", "tries", "tools", "seed")
        return cls(
            code, Rules(**{name: rules[name] for name in names}), version, stage, _words(raw, "runs"), _of(raw, "handed", str),
            _words(raw, "tools"), calls, _of(raw, "successor", str),
        )  # fmt: skip

    def asked(self, run_id: str) -> Self:
        """The Forgetter asks for a run. Raises WrongInput where it is not his turn, or he has asked for this one."""
        self._need(FORGET, "the Forgetter has handed over already")
        if run_id in self.runs:
            raise WrongInput("This is one of your tries already: the same request, method and settings. Change something.")
        if len(self.runs) >= MOST_RUNS:
            raise WrongInput(f"This duel has asked for {MOST_RUNS} runs, which is the most; hand one over, or begin another duel.")
        return self._next(runs=(*self.runs, run_id))

    def withdrawn(self, run_id: str) -> Self:
        """A run that could not be asked for after all, or ended without numbers, is no try."""
        return self._next(runs=tuple(one for one in self.runs if one != run_id))

    def handed_over(self, run_id: str) -> Self:
        """The Attacker's turn. Raises WrongInput where it was that before, or the run is none of the tries."""
        self._need(FORGET, "the Forgetter has handed over already")
        if run_id not in self.runs:
            raise WrongInput("Only one of this duel's tries can be handed over.")
        return self._next(stage=ATTACK, handed=run_id)

    def chose(self, tools: tuple[str, ...], usable: int) -> Self:
        """The Attacker's tools. usable: how many could be used on this network; where there are fewer than the rules give, all are."""
        self._need(ATTACK, "the tools are chosen already")
        wanted = min(self.rules.tools, usable)
        if len(set(tools)) != wanted or len(tools) != wanted:
            raise WrongInput(f"The Attacker uses {wanted} different {'tool' if wanted == 1 else 'tools'}; got {len(tools)}.")
        return self._next(stage=CALL, tools=tools)

    def called(self, calls: Mapping[str, bool]) -> Self:
        """What the Attacker says of each of his tools; the duel is over."""
        self._need(CALL, "the Attacker has decided already" if self.stage == OVER else "no tool was used yet")
        if set(calls) != set(self.tools):
            raise WrongInput("The Attacker decides on every tool that he has used.")
        return self._next(stage=OVER, calls=dict(calls))

    def followed_by(self, code: str) -> Self:
        """Another duel goes on where this one ended."""
        self._need(OVER, "it is not over yet")
        return self._next(successor=code)

    def _need(self, stage: str, otherwise: str) -> None:
        if self.stage != stage:
            raise WrongInput(f"That came too late or too early in duel {self.code}: {otherwise}.")

    def _next(self, **changes: Any) -> Self:
        return replace(self, version=self.version + 1, **changes)


def _of(raw: dict[str, Any], name: str, wanted: type) -> Any:
    check_plain(name, raw.get(name), wanted)
    return raw[name]


def _words(raw: dict[str, Any], name: str) -> tuple[str, ...]:
    found = _of(raw, name, list)
    for word in found:
        check_plain(f"one of {name}", word, str)
    return tuple(found)
