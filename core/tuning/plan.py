"""The plan of a search of settings: plain data, from which every trial follows; neither torch nor Optuna."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value
from core.domain.json_checks import check_plain
from core.domain.presets import FRESH_SEEDS, TUNING_SEEDS
from core.domain.run import RunSpec, digest
from core.domain.seed_lists import seeds_text
from core.domain.training.own_recipe import recipe_for
from core.tuning.objectives import BLIND, MODES, USUAL, Objective, objectives_of
from core.tuning.ranges import Range, switch_of

VERSION = 1  # of how trials are measured: another one's are not comparable
MOST_TRIALS, MOST_MINUTES, MOST_SEEDS, MOST_RANGES = 1000, 7 * 24 * 60.0, 10, 20
USUAL_TRIALS = 50
USUAL_SEEDS = TUNING_SEEDS[:1]
NO_WEIGHTS = (
    "A search takes no weights of your own: it trains its originals itself, from its own seeds and, in blind mode, without the validation "
    "part, which your network has seen; what it finds can be used on your weights all the same."
)
JUDGED_ON = FRESH_SEEDS[0]  # the seed with which a trial opens as a run


@dataclass(frozen=True)
class Budget:
    """When a search ends: at so many trials, or when its trials together took so many minutes, whichever comes first."""

    trials: int | None = USUAL_TRIALS
    minutes: float | None = None

    def check(self) -> None:
        """Raises WrongInput."""
        if self.trials is None and self.minutes is None:
            raise WrongInput("A search needs a budget: trials, minutes or both.")
        if self.trials is not None and not 1 <= self.trials <= MOST_TRIALS:
            raise WrongInput(f"A search has 1 to {MOST_TRIALS} trials; got {self.trials}.")
        if self.minutes is not None and not 0 < self.minutes <= MOST_MINUTES:
            raise WrongInput(f"A search takes more than 0 and at most {MOST_MINUTES:g} minutes; got {self.minutes:g}.")

    def spent(self, trials: int, seconds: float) -> bool:
        """Whether so many trials, which took so long together, are enough."""
        return (self.trials is not None and trials >= self.trials) or (self.minutes is not None and seconds >= 60 * self.minutes)

    def share(self, trials: int, seconds: float) -> float:
        """How much of it is spent, in [0, 1]."""
        shares = [trials / self.trials] if self.trials else []
        shares += [seconds / (60 * self.minutes)] if self.minutes else []
        return min(1.0, max(shares))

    @property
    def text(self) -> str:
        """`50 trials`, `2.5 minutes`, or both."""
        trials = [f"{self.trials} trial{'s' * (self.trials != 1)}"] if self.trials is not None else []
        minutes = [f"{self.minutes:g} minute{'s' * (self.minutes != 1)}"] if self.minutes is not None else []
        return " or ".join(trials + minutes)


@dataclass(frozen=True)
class SearchPlan:
    """spec: the run of the preset, which is trial 0 and whose params stand wherever no range names them; its seed is none of the search's.

    seeds: each trial is the mean over them; the seeds on which settings are judged are not among them.
    """

    spec: RunSpec
    mode: str
    ranges: tuple[Range, ...]
    objectives: tuple[str, ...] = USUAL
    seeds: tuple[int, ...] = USUAL_SEEDS
    budget: Budget = field(default_factory=Budget, compare=False)
    draw: int = 0  # seeds the sampler

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of all that decides its trials: a larger budget is the same search."""
        return digest([VERSION, self._deciding()])[:12]

    @property
    def measured(self) -> tuple[Objective, ...]:
        """Its objectives, described."""
        return objectives_of(self.mode, self.objectives)

    @property
    def seeds_text(self) -> str:
        """`seed 10`, `seeds 10-12`."""
        return f"seed{'s' * (len(self.seeds) > 1)} {seeds_text(self.seeds)}"

    def check(self) -> None:
        """Raises WrongInput with one sentence."""
        if self.mode not in MODES:
            raise WrongInput(f"A search is {' or '.join(MODES)}; got {self.mode!r:.40}.")
        objectives_of(self.mode, self.objectives)
        self.budget.check()
        if not 1 <= len(self.seeds) <= MOST_SEEDS or not all(0 <= seed < 2**31 for seed in self.seeds):
            raise WrongInput(f"A search has 1 to {MOST_SEEDS} seeds, whole numbers from 0; got {len(self.seeds)}.")
        if taken := [seed for seed in self.seeds if seed in FRESH_SEEDS]:
            fresh = ", ".join(map(str, FRESH_SEEDS))
            raise WrongInput(
                f"Settings are judged on the seeds {fresh}, so none of them is searched on; got {seeds_text(tuple(taken))}. Take others, "
                f"such as {seeds_text(TUNING_SEEDS)}."
            )
        if not self.ranges:
            raise WrongInput("A search needs a parameter to tune.")
        names = [one.name for one in self.ranges]
        if len(names) > MOST_RANGES or len(set(names)) != len(names):
            raise WrongInput(f"A search tunes 1 to {MOST_RANGES} parameters, each once; got {', '.join(names)[:200]}.")
        if recipe_for(self.spec).sharded:
            raise WrongInput("A search trains its networks as a whole: leave shards and slices out of the recipe.")
        if recipe_for(self.spec).validation and self.mode == BLIND:
            raise WrongInput("A blind search holds out a validation part of its own: leave it out of the recipe, or take the oracle.")
        if self.spec.weights:
            raise WrongInput(NO_WEIGHTS)

    def preset_within(self) -> dict[str, Value] | None:
        """Of trial 0, the tuned values; None where one of them lies in no range, or the method searches by itself."""
        own = {one.name: self.spec.params[one.name] for one in self.ranges}
        inside = all(one.holds(own[one.name]) for one in self.ranges)
        return own if inside and not any(self.spec.params.get(switch_of(name)) == "auto" for name in own) else None

    def _deciding(self) -> dict[str, Any]:
        plain = self.to_plain()
        del plain["budget"]
        ranges = [[one.name, float(one.low), float(one.high), one.log, *one.choices] for one in self.ranges]
        return plain | {"spec": self.spec.id, "ranges": ranges}

    def to_plain(self) -> dict[str, Any]:
        """The inverse of `from_plain`."""
        return {
            "spec": self.spec.to_json(), "mode": self.mode, "ranges": [asdict(one) | {"choices": list(one.choices)} for one in self.ranges],
            "objectives": list(self.objectives), "seeds": list(self.seeds), "budget": asdict(self.budget), "draw": self.draw,
        }  # fmt: skip

    @classmethod
    def from_plain(cls, raw: Any) -> Self:
        """The inverse of `to_plain`. Raises WrongInput."""
        check_plain("a search", raw, dict)
        wanted = {"spec": str, "mode": str, "ranges": list, "objectives": list, "seeds": list, "budget": dict, "draw": int}
        for name, kind in wanted.items():
            check_plain(name, raw.get(name), kind)
        for seed in raw["seeds"]:
            check_plain("a seed", seed, int)
        for key in raw["objectives"]:
            check_plain("an objective", key, str)
        spec, ranges = RunSpec.from_json(raw["spec"]), tuple(map(Range.from_plain, raw["ranges"]))
        found = cls(spec, raw["mode"], ranges, tuple(raw["objectives"]), tuple(raw["seeds"]), budget_from(raw["budget"]), raw["draw"])
        found.check()
        if missing := [one.name for one in ranges if one.name not in spec.params]:
            raise WrongInput(f"a search tunes {missing[0]}, which its run does not have")
        return found

    def with_budget(self, budget: Budget) -> "SearchPlan":
        """The same search, which goes on until another budget is spent."""
        return replace(self, budget=budget)


def budget_from(raw: Mapping[str, Any]) -> Budget:
    """From the plain data that `dataclasses.asdict` makes of it. Raises WrongInput."""
    trials, minutes = raw.get("trials"), raw.get("minutes")
    if trials is not None:
        check_plain("trials", trials, int)
    if minutes is not None:
        check_plain("minutes", minutes, float)
    found = Budget(trials, minutes)
    found.check()
    return found
