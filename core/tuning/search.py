"""A search of settings from its plan to its last trial: prepared once, then one trial after the other, each stored as it ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isnan
from time import perf_counter
import traceback

from torch import nn

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value, params_of
from core.domain.run import RunSpec
from core.methods.registry import METHODS
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.storage.shared.remote_parts import open_shared
from core.training.loop import Diverged
from core.tuning import journal
from core.tuning.desk import PREPARED, rank, share_of
from core.tuning.journal import DIVERGED, DONE, FAILED, Search, Trial
from core.tuning.measures import Blind, Measured, Oracle, blind, oracle
from core.tuning.networks import BlindJob, Networks, Say, networks_of
from core.tuning.objectives import BLIND, SECONDS
from core.tuning.plan import SearchPlan
from core.tuning.ranges import spelled
from core.tuning.sampler import tried_by

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
    lock = journal.hold(home, search_id)
    try:
        return _go_on(home, journal.read(home, search_id), report)
    finally:
        lock.release()


def _go_on(home: Home, found: Search, report: Report) -> dict[str, int]:
    if found.complete:
        return {"trials": len(found.trials)}
    with prepared(home, found.plan, report) as seeds:
        if not found.prepared:
            journal.add(home, found.id, {"prepared": {"original": seconds_of(seeds)}})
        while (number := found.next_number()) is not None:
            plan, before = found.plan, len(found.trials)
            report(share_of(found), f"trial {number + 1}, {plan.mode}")
            journal.add_trial(home, plan.id, attempt(plan, seeds, number, tried_by(plan, number, found.made)))
            found = journal.read(home, plan.id)  # a larger or smaller budget may have come meanwhile
            rank(home, found, before)
            found.check_hope()
    return {"trials": len(found.trials)}


def work_through(
    home: Home, plan: SearchPlan, ask: Callable[[float], tuple[int, dict[str, Value]] | None], tell: Callable[[Trial], None],
    report: Report,
) -> None:  # fmt: skip
    """Make one trial after the other of a search that somebody else keeps, who makes others meanwhile. Raises WrongInput.

    ask: the seconds of its originals -> the number and the values of the next trial, None where there is none.
    """
    with prepared(home, plan, report) as seeds:
        while asked := ask(seconds_of(seeds)):
            tell(attempt(plan, seeds, *asked))


@contextmanager
def prepared(home: Home, plan: SearchPlan, report: Report) -> Iterator[list[Seed]]:
    """What all trials of a plan share, of each of its seeds. Raises WrongInput."""
    with open_shared(home) as (store, artifacts):

        def prepare(index: int) -> Seed:
            spec = replace(plan.spec, seed=plan.seeds[index])

            def say(start: float, what: str) -> Say:
                """Progress of one half of what comes before the first trial."""
                return lambda share, note: report(
                    PREPARED * (index + start + share / 2) / len(plan.seeds), f"{what} of seed {spec.seed}" + f": {note}" * bool(note)
                )

            return seed_of(home, store, artifacts, spec, plan, say)

        yield [prepare(index) for index in range(len(plan.seeds))]


def seconds_of(seeds: Sequence[Seed]) -> float:
    """That training the originals took."""
    return sum(one.networks.original.seconds for one in seeds)


def seed_of(
    home: Home, store: ResultStore, artifacts: Artifacts, spec: RunSpec, plan: SearchPlan, say: Callable[[float, str], Say]
) -> Seed:  # fmt: skip
    """What one seed's trials share. Raises WrongInput, also where an objective cannot be measured."""
    networks = networks_of(home, store, spec, plan.mode, say(0.0, "original"), artifacts)
    measure: Blind | Oracle
    if plan.mode == BLIND:
        if not isinstance(networks.job, BlindJob):
            raise TypeError("a blind search needs a job without its validation part")
        measure = blind(networks.job)
    else:
        measure = oracle(networks.job, say(0.5, "reference"))
    return Seed(networks, measure)


def attempt(plan: SearchPlan, seeds: list[Seed], number: int, tried: dict[str, Value]) -> Trial:
    """The trial of a number and of these values. What goes wrong in it is its state and a sentence, and no exception."""
    began = perf_counter()
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
