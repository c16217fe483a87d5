"""A search of settings from its plan to its last trial: prepared once, then one trial after the other, each stored as it ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isnan
from time import perf_counter
import traceback

from filelock import FileLock, Timeout
from torch import nn

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value, params_of
from core.domain.run import RunSpec
from core.methods.registry import METHODS
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.training.loop import Diverged
from core.tuning import journal
from core.tuning.journal import DIVERGED, DONE, FAILED, Search, Trial
from core.tuning.measures import Blind, Measured, Oracle, blind, oracle
from core.tuning.networks import BlindJob, Networks, Say, networks_of
from core.tuning.objectives import BLIND, SECONDS
from core.tuning.plan import SearchPlan
from core.tuning.ranges import spelled
from core.tuning.sampler import importances, next_values

PREPARED = 0.1  # of the progress, for what comes before the first trial
RANKED_EVERY = 25  # trials after which importances are computed anew; and at the end
HOPELESS = 10  # trials, all of them failed, after which a search ends

Report = Callable[..., None]  # share, what is being done


@dataclass(frozen=True)
class Seed:
    """One of a search's seeds: its networks, and how a trial is measured."""

    networks: Networks
    measure: Callable[[nn.Module], Measured]


def search(home: Home, search_id: str, report: Report) -> dict[str, int]:
    """Go on with a stored search until its budget is spent; what is made already is not made again. Raises WrongInput.

    Another process that computes the same search is waited for no longer than a moment.
    """
    lock = FileLock(journal.file_of(home, search_id).with_suffix(".lock"))
    try:
        with lock.acquire(timeout=5.0), ResultStore(home.database) as store:
            return _go_on(home, store, journal.read(home, search_id), report)
    except Timeout:
        raise WrongInput(f"Search {search_id} is being computed by another process.") from None


def _go_on(home: Home, store: ResultStore, found: Search, report: Report) -> dict[str, int]:
    plan = found.plan
    if found.complete:
        return {"trials": len(found.trials)}
    seeds = [_prepared(home, store, plan, index, report) for index in range(len(plan.seeds))]
    if not found.prepared:
        journal.add(home, plan.id, {"prepared": {"original": sum(one.networks.original.seconds for one in seeds)}})
    trials, took = list(found.trials), found.took
    while not plan.budget.spent(len(trials), took):
        share = PREPARED + (1 - PREPARED) * plan.budget.share(len(trials), took)
        report(share, f"trial {len(trials) + 1}, {plan.mode}")
        trial = attempt(plan, seeds, trials)
        journal.add_trial(home, plan.id, trial)
        trials, took = [*trials, trial], took + trial.took
        last = plan.budget.spent(len(trials), took)
        if (last or len(trials) % RANKED_EVERY == 0) and (ranked := importances(plan, trials)):
            journal.add(home, plan.id, {"importances": ranked})
        if len(trials) >= HOPELESS and all(one.state == FAILED for one in trials):
            raise WrongInput(f"The first {len(trials)} trials all failed, the last of them so: {trial.why}")
        plan = journal.read(home, plan.id).plan  # a larger or smaller budget may have come meanwhile
    return {"trials": len(trials)}


def _prepared(home: Home, store: ResultStore, plan: SearchPlan, index: int, report: Report) -> Seed:
    spec = replace(plan.spec, seed=plan.seeds[index])

    def say(start: float, what: str) -> Say:
        """Progress of one half of what comes before the first trial."""
        return lambda share, note: report(
            PREPARED * (index + start + share / 2) / len(plan.seeds), f"{what} of seed {spec.seed}" + f": {note}" * bool(note)
        )

    return seed_of(home, store, spec, plan, say)


def seed_of(home: Home, store: ResultStore, spec: RunSpec, plan: SearchPlan, say: Callable[[float, str], Say]) -> Seed:
    """What one seed's trials share. Raises WrongInput, also where an objective cannot be measured."""
    networks = networks_of(home, store, spec, plan.mode, say(0.0, "original"))
    measure: Blind | Oracle
    if plan.mode == BLIND:
        if not isinstance(networks.job, BlindJob):
            raise TypeError("a blind search needs a job without its validation part")
        measure = blind(networks.job)
    else:
        measure = oracle(networks.job, say(0.5, "reference"))
    return Seed(networks, measure)


def attempt(plan: SearchPlan, seeds: list[Seed], trials: list[Trial]) -> Trial:
    """The trial behind these: the first is the preset. What goes wrong in it is its state and a sentence, and no exception."""
    number, began = len(trials), perf_counter()
    tried = next_values(plan, trials) if number else plan.preset_within() or {}
    try:
        params = params_of_trial(plan, tried)
        values, told, seconds = mean_over(plan, seeds, params)
    except (Diverged, WrongInput) as error:
        state = DIVERGED if isinstance(error, Diverged) else FAILED
        return Trial(number, tried, state, took=perf_counter() - began, why=_line(error))
    except (RuntimeError, ArithmeticError, ValueError, MemoryError) as error:  # of some settings alone: the search goes on
        traceback.print_exc()
        return Trial(number, tried, FAILED, took=perf_counter() - began, why=f"{type(error).__name__}: {_line(error)}")
    return Trial(number, tried, DONE, values, told, seconds, perf_counter() - began)


def params_of_trial(plan: SearchPlan, tried: Mapping[str, Value]) -> dict[str, Value]:
    """Every parameter of the run that a trial is."""
    return spelled(plan.spec.params, tried, list(params_of(METHODS[plan.spec.method]).values()))


def mean_over(plan: SearchPlan, seeds: list[Seed], params: dict[str, Value]) -> tuple[dict[str, float], dict[str, float], float]:
    """Objectives, what is told besides, and the method's seconds, each the mean over the seeds. Raises Diverged or WrongInput."""
    found, seconds = list[Measured](), list[float]()
    for seed in seeds:
        model, took = seed.networks.unlearned(params)
        found.append(seed.measure(model))
        seconds.append(took)
    values = {key: _mean([one.values[key] for one in found]) for key in plan.objectives if key != SECONDS}
    if SECONDS in plan.objectives:
        values[SECONDS] = _mean(seconds)
    for objective in plan.measured:
        if isnan(values[objective.key]):
            raise WrongInput(f"The {objective.title} needs ten forgotten and ten other images, which there are not; search without it.")
    told = {name: _mean([one.told[name] for one in found]) for name in found[0].told}
    return values, {name: value for name, value in told.items() if not isnan(value)}, _mean(seconds)


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:400]
