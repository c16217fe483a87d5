"""Which settings a search tries next, by Optuna's TPE; and how much each of them mattered.

Each trial's draw follows from the plan, its number and the trials before it alone: a search that was stopped goes on as if it had not been.
"""

from collections.abc import Callable, Mapping, Sequence
import warnings

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from core.domain.hyperparameters import Value
from core.domain.run import digest
from core.tuning.journal import DIVERGED, DONE, Trial
from core.tuning.objectives import Objective
from core.tuning.plan import SearchPlan
from core.tuning.ranges import Range

AT_RANDOM = 10  # trials before the sampler learns from those that were made
FEWEST = 8  # trials from which importances are computed

optuna.logging.set_verbosity(optuna.logging.ERROR)


def tried_by(plan: SearchPlan, number: int, trials: Sequence[Trial], running: Sequence[Mapping[str, Value]] = ()) -> dict[str, Value]:
    """Name -> value of each tuned parameter, for the trial of a number: of the first the preset's, none where no range holds them.

    running: see `next_values`.
    """
    return next_values(plan, trials, number, running) if number else plan.preset_within() or {}


def next_values(
    plan: SearchPlan, trials: Sequence[Trial], number: int | None = None, running: Sequence[Mapping[str, Value]] = ()
) -> dict[str, Value]:  # fmt: skip
    """Name -> value of each tuned parameter, for the trial of a number; None: the one behind these.

    running: what others try just now; the sampler counts it among the worse, so that no two try alike (`constant_liar` of TPESampler).
    """
    seed = int(digest([plan.draw, len(trials) if number is None else number])[:8], 16)
    study = _study(plan, trials, optuna.samplers.TPESampler(n_startup_trials=AT_RANDOM, seed=seed))
    space = _distributions(plan)
    study.add_trials(
        [create_trial(state=TrialState.RUNNING, params=dict(tried), distributions=space) for tried in running if tried]
    )
    asked = study.ask(_distributions(plan)).params
    return {one.name: one.rounded(asked[one.name]) for one in plan.ranges}


def importances(plan: SearchPlan, trials: Sequence[Trial]) -> dict[str, dict[str, float]]:
    """Objective -> parameter -> share in [0, 1] of its variance over the ranges, by fANOVA (Hutter et al., ICML 2014); they sum to 1.

    Empty with one parameter, where there is nothing to compare, and before FEWEST trials are done; without objectives that never varied.
    """
    done = [trial for trial in trials if trial.state == DONE and trial.tried]
    if len(plan.ranges) < 2 or len(done) < FEWEST:
        return {}
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances  # noqa: PLC0415  # late: seconds, for scikit-learn

    study, found = _study(plan, done, None), {}
    for index, objective in enumerate(plan.measured):
        if len({trial.values[objective.key] for trial in done}) > 1:
            shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=plan.draw), target=_value(index))
            found[objective.key] = {name: float(share) for name, share in shares.items()}
    return found


def _value(index: int) -> Callable[[FrozenTrial], float]:
    return lambda trial: float(trial.values[index])


def _study(plan: SearchPlan, trials: Sequence[Trial], sampler: optuna.samplers.BaseSampler | None) -> optuna.Study:
    """In memory, with these trials told; a diverged one as the worst that there is, a failed one not at all."""
    directions = [StudyDirection.MINIMIZE if objective.low else StudyDirection.MAXIMIZE for objective in plan.measured]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Optuna calls experimental
        study = optuna.create_study(directions=directions, sampler=sampler)
    space = _distributions(plan)
    study.add_trials([_told(trial, plan.measured, space) for trial in trials if trial.tried and trial.state in (DONE, DIVERGED)])
    return study


def _told(trial: Trial, objectives: Sequence[Objective], space: dict[str, BaseDistribution]) -> FrozenTrial:
    values = [trial.values[o.key] if trial.state == DONE else o.worst for o in objectives]
    return create_trial(state=TrialState.COMPLETE, values=values, params=dict(trial.tried), distributions=space)


def _distributions(plan: SearchPlan) -> dict[str, BaseDistribution]:
    return {one.name: _distribution(one) for one in plan.ranges}


def _distribution(one: Range) -> BaseDistribution:
    if one.choices:
        return CategoricalDistribution(one.choices)
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)


