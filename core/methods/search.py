"""`settings = auto`: a short search inside the run for the one or two settings that decide, on what whoever erases has.

It reads a fixed draw of the forget set and one of the retain set, MOST images of each at most: no reference, no test image. The retained
ones are images that the original was trained on, and that a method which trains may train on too: their accuracy shows damage, not
how well the network generalises. Settings stand in an order, the gentlest first. With a(S): accuracy on a set,

    classes to forget,        a(forget) <= GONE         and a(retain) >= the original's - DROP;
    and wrong labels          the first trial that holds both ends the search; where a trial is cheap, the gentlest that does is sought,
                              and from there on stronger ones, while more is forgotten and none of the retained draw is lost
    other requests            a(retain) >= the original's - DROP   and a(forget) >= a(retain) - DROP; of these the strongest

A class must not be recognised any more. Single images must: a network that never saw them classifies them as well as others like them,
and one that recognises them less often marks them as erased. By bisection, since forgetting and damage both grow with strength: where it
does too much the next trial is gentler, else stronger. Where no trial holds both, the one that falls short by least is taken, and
`met` says so.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from math import inf, isnan, nan
from time import perf_counter
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from core.data.splits import Splits
from core.domain.hyperparameters import param
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.training.context import RunContext
from core.training.loop import Diverged, share_right

MOST = 300  # images of each set that are drawn
GONE, DROP = 0.02, 0.02  # accuracy that may be left on classes to forget; that may be lost on retained images
TRIALS = 2  # that a forecast counts: a search has one at least, and `most_trials` at most
FURTHER = 2  # rungs above the gentlest that holds which are tried at most
BEARABLE = 0.1  # accuracy lost beyond DROP up to which stronger settings are tried, where a class is not forgotten yet
Rung = Mapping[str, float]  # setting -> value


@dataclass(frozen=True)
class Trial:
    """What one rung did: accuracy on the draw of the forget set and on that of the retain set; NaN both where it diverged."""

    rung: int
    forget: float
    retain: float

    @property
    def diverged(self) -> bool:
        """Whether it left no network: too strong, whatever was asked."""
        return isnan(self.retain)


@dataclass(frozen=True)
class Objective:
    """retain: accuracy of the original on the draw of the retain set. erase: whether nothing of the forget set may be recognised."""

    retain: float
    erase: bool

    def forgotten(self, trial: Trial) -> bool:
        """Whether what must go has gone; where images must stay recognised, whatever was done to them is enough."""
        return not self.erase or trial.forget <= GONE + 1e-9

    def harmful(self, trial: Trial) -> bool:
        """Whether it did too much."""
        return self.harm(trial) > 1e-9

    def harm(self, trial: Trial) -> float:
        """By how much accuracy that must stay falls short; without a network, without end."""
        if trial.diverged:
            return inf
        marked = 0.0 if self.erase else max(0.0, trial.retain - DROP - trial.forget)
        return max(0.0, self.retain - DROP - trial.retain) + marked

    def shortfall(self, trial: Trial) -> float:
        """0 where both bars hold."""
        return self.harm(trial) + (max(0.0, trial.forget - GONE) if self.erase else 0.0)

    def met(self, trial: Trial) -> bool:
        """Whether both bars hold."""
        return self.forgotten(trial) and not self.harmful(trial)

    def best(self, trials: Sequence[Trial]) -> Trial:
        """The least shortfall; of equal ones the gentlest where classes go, else the strongest."""
        return min(trials, key=lambda t: (round(self.shortfall(t), 9), t.rung if self.erase else -t.rung))


def bisect(rungs: int, attempt: Callable[[int], Trial], objective: Objective, *, gentlest: bool = False) -> list[Trial]:
    """The trials in the order in which they were made, the middle one first.

    `gentlest`: a trial that holds does not end it. Nothing stronger is tried than what diverged.
    """
    trials = list[Trial]()

    def between(low: int, high: int, stop: Callable[[Trial], bool]) -> int:
        """The lowest of low..high - 1 at which `stop` holds, `high` where none does; `stop` is taken to hold from there on."""
        while low < high:
            middle = (low + high) // 2
            trials.append(attempt(middle))
            if objective.erase and objective.met(trials[-1]) and not gentlest:
                return high
            low, high = (low, middle) if stop(trials[-1]) else (middle + 1, high)
        return high

    reached = between(0, rungs, lambda t: objective.harmful(t) or (objective.erase and objective.forgotten(t)))
    harms = [objective.harm(t) for t in trials if t.rung == reached]
    if objective.erase and harms and harms[0] <= BEARABLE and not any(map(objective.forgotten, trials)):
        end = min((t.rung for t in trials if t.diverged), default=rungs)
        between(max(t.rung for t in trials if not t.diverged) + 1, end, lambda t: t.diverged or objective.forgotten(t))
    return trials


def further(best: Trial, rungs: int, attempt: Callable[[int], Trial], trials: list[Trial]) -> Trial:
    """The strongest of a few rungs from the gentlest that holds on: while more is forgotten, and no retained image of the draw is lost.

    The gentlest stands at the edge: of a class whose last two images of the draw are still recognised, more of others may be.
    """
    done = {trial.rung: trial for trial in trials}
    for _ in range(FURTHER):
        rung = best.rung + 1
        if not best.forget or rung >= rungs:
            break
        if rung not in done:
            trials.append(attempt(rung))
        stronger = done.get(rung) or trials[-1]
        if stronger.diverged or stronger.retain < best.retain or stronger.forget >= best.forget:
            break
        best = stronger
    return best


def most_trials(rungs: int, *, gentlest: bool = False) -> int:
    """Of `bisect` from the middle one on: then down to where harm begins, then up from the middle where a class is not forgotten yet.

    gentlest: and of `further`.
    """
    return 1 + (rungs // 2).bit_length() + ((rungs - 1) // 2).bit_length() + FURTHER * gentlest


def search(
    rungs: Sequence[Rung], make: Callable[[Rung, RunContext], nn.Module], model: nn.Module, splits: Splits, run: RunContext, *,
    gentlest: bool = False, on_best: Callable[[], None] = lambda: None,
) -> Rung:  # fmt: skip
    """The chosen rung; records what was tried under `search/`.

    `make(rung, context)` gives the network of these settings, to be evaluated at once; its context draws from a generator of its own, as
    that of a run with these settings given. `gentlest`: see `bisect`. `on_best` is called when what `make` gave last is the best so far.
    Raises Diverged where no trial left a network.
    """
    began, sets = perf_counter(), (splits.forget.sample(MOST), splits.retain.sample(MOST))
    before = share_right(model, *sets, device=run.device)
    objective = Objective(before[1], splits.request.by_class or splits.request.flips_labels)
    most = most_trials(len(rungs), gentlest=gentlest)

    def attempt(rung: int) -> Trial:
        done[0] += 1
        part = run.part(min(done[0] - 1, most - 1) / most, min(done[0], most) / most)
        try:
            after = share_right(make(rungs[rung], alone(part)), *sets, device=run.device)
        except Diverged:
            after = [nan, nan]
        part.progress(1.0, f"trial {done[0]}")
        made.append(Trial(rung, *after))
        if not made[-1].diverged and objective.best(made) is made[-1]:
            on_best()
        return made[-1]

    done, made = [0], list[Trial]()
    trials = bisect(len(rungs), attempt, objective, gentlest=gentlest)
    best = objective.best(trials)
    if gentlest and objective.erase and objective.met(best):
        best = further(best, len(rungs), attempt, trials)
    if best.diverged:
        settings = "; ".join(", ".join(f"{name} = {value:g}" for name, value in rungs[t.rung].items()) for t in trials)
        raise Diverged(f"Every trial of the search of settings diverged; it tried {settings}. Give gentler ones, with settings = given.")
    tried = {name: torch.tensor([rungs[t.rung][name] for t in trials], dtype=torch.float64) for name in rungs[0]}
    run.record("search", {
        "accuracies": torch.tensor([before, *([t.forget, t.retain] for t in trials)]),
        "chosen": torch.tensor(float(trials.index(best))), "met": torch.tensor(objective.met(best), dtype=torch.uint8),
        "trials": torch.tensor(float(len(trials))), "seconds": torch.tensor(perf_counter() - began),
        **{f"of_{name}": values for name, values in tried.items()},
        **{f"to_{name}": torch.tensor(value, dtype=torch.float64) for name, value in rungs[best.rung].items()},
    })  # fmt: skip
    return rungs[best.rung]


def alone(run: RunContext, state: Tensor | None = None) -> RunContext:
    """The same environment with recordings of its own, and draws of its own: from the seed, or from a generator's `state` on."""
    own = RunContext(run.build, run.recipe, run.seed, run.device, run.progress, run.statistics)
    if state is not None:
        own.generator.set_state(state)
    return own


@dataclass(frozen=True)
class Searching(UnlearningMethod):
    """A method that can choose some of its settings itself."""

    ladder: ClassVar[tuple[Rung, ...]] = ()  # the gentlest first; of a method that makes its own, none
    settings: str = param(
        "given", choices=("given", "auto"),
        help="auto: a search on a draw of the forget set and one of the retain set chooses the settings that decide most. The retained "
        "images are no validation part: a method that trains on the retain set trains on them too.",
    )  # fmt: skip

    @property
    def reads(self) -> frozenset[str]:
        """The search evaluates both sets."""
        return self.uses | ({"forget", "retain"} if self.settings == "auto" else set())

    def passes_of_search(self, train_count: int, forget_count: int, trials: int = TRIALS) -> float:
        """Of the evaluations: of the original, and after each trial; 0 where the settings are given."""
        images = min(MOST, forget_count) + min(MOST, train_count - forget_count)
        return 0.0 if self.settings == "given" else (1 + trials) * images / 3

    def given(self, rung: Rung) -> Any:
        """The same method with these settings."""
        return replace(self, settings="given", **rung)


@dataclass(frozen=True)
class SearchingInSteps(Searching):
    """A method of two parts: what no searched setting changes, computed once, and what comes after it, once for each trial."""

    share_before: ClassVar[float] = 0.0  # of the progress bar, for the first part

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> Any:
        """What `after` is given; no setting of the ladder may change it. By default nothing is computed."""

    @abstractmethod
    def after(self, made: Any, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The unlearned model. `made`: what `before` gave, to be left as it is; `model`: as `before` left it."""

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """What `passes` says, of the first part."""
        return 0.0

    def rungs(self, recipe: Recipe) -> tuple[Rung, ...]:
        """What is tried on a network that this recipe trained, the gentlest first."""
        return self.ladder

    @abstractmethod
    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """What `passes` says, of the second part."""

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Both parts; of a search TRIALS times the second, with the settings that it begins with."""
        counts = train_count, forget_count
        first = self.passes_before(*counts, recipe) + self.passes_of_search(*counts)
        if self.settings == "given":
            return first + self.passes_after(*counts, recipe)
        rungs = self.rungs(recipe)
        begins = self.given(rungs[len(rungs) // 2])
        return first + TRIALS * float(begins.passes_after(*counts, recipe))

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """Both parts, with the given settings or with those that a search chooses: as a run with them given would."""
        if self.settings == "given":
            return self.after(self.before(model, splits, run.part(0, self.share_before)), model, splits, run.part(self.share_before, 1))
        original = deepcopy(model)
        made = self.before(model, splits, run.part(0, self.share_before))
        state, latest, best = run.generator.get_state(), list[tuple[nn.Module, RunContext]](), list[tuple[nn.Module, RunContext]]()

        def make(rung: Rung, context: RunContext) -> nn.Module:
            latest.clear()  # besides the best so far there is one that is being made
            own = alone(context, state)
            latest.append((self.given(rung).after(made, deepcopy(model), splits, own), own))
            return latest[0][0]

        def keep() -> None:
            best[:] = latest  # which is not made once more where it is the one that is chosen

        search(self.rungs(run.recipe), make, original, splits, run.part(self.share_before, 1), on_best=keep)
        ((chosen, own),) = best
        run.recorded |= own.recorded
        run.progress(1.0, "settings chosen")
        return chosen
