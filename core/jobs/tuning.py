"""Searches of settings: asked for, followed, stopped, gone on with, and what a trial becomes; no torch and no Optuna."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Param, Value
from core.domain.info import MethodInfo
from core.domain.presets import FRESH_SEEDS
from core.domain.requests.base import ForgetRequest
from core.domain.run import RunSpec, model_text, settings_text
from core.domain.study import LONGEST_TITLE, StudyPlan
from core.jobs import long_jobs
from core.jobs.background import Progress, cancel_job, job_progress, start_job
from core.jobs.catalogue import Catalogue
from core.jobs.long_jobs import State
from core.jobs.studies.plan import as_shipped
from core.jobs.studies.plan import make_plan as make_study
from core.jobs.submit import PIPELINE
from core.jobs.validation import make_spec
from core.storage.home import Home
from core.storage.queues.lifecycle import SEARCH
from core.tuning import home_presets, journal
from core.tuning.home_presets import HomePreset
from core.tuning.journal import Search
from core.tuning.objectives import USUAL
from core.tuning.plan import JUDGED_ON, USUAL_SEEDS, Budget, SearchPlan
from core.tuning.ranges import parse_range, spelled, switch_of, tunable, tuned_at_first

JUDGES = 3  # fresh seeds of the study that judges settings


@dataclass(frozen=True)
class Standing(State):
    """A search and where it stands."""

    search: Search = field(kw_only=True)

    @property
    def text(self) -> str:
        """`12 of 50 trials, running`."""
        trials, budget = len(self.search.trials), self.search.plan.budget
        of = f" of {budget.trials}" if budget.trials is not None else ""
        return f"{trials}{of} trial{'s' * (trials != 1 or bool(of))}, {self.state}"


def make_plan(
    shelves: Catalogue, dataset: str, model: str, request: ForgetRequest, method: str, settings: dict[str, Any], *, mode: str,
    tuned: Sequence[str] = (), objectives: Sequence[str] = USUAL, seeds: Sequence[int] = USUAL_SEEDS, budget: Budget | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> SearchPlan:  # fmt: skip
    """A checked plan. Raises WrongInput with one sentence.

    settings: what stands fixed where it is not tuned, beside the preset. tuned: as `parse_range` reads them; none for those that a
    search varies first. recipe: of training, what is not to be the preset's.
    """
    spec = make_spec(shelves, dataset, model, request, method, settings, seed=JUDGED_ON, recipe=recipe)
    params = shelves.methods[method].params
    if not tunable(params):
        raise WrongInput(f"{shelves.methods[method].title} has no parameter to tune.")
    wanted = [text for text in tuned if text.strip()] or tuned_at_first(params, spec.params)
    ranges = tuple(parse_range(text, params, spec.params) for text in wanted)
    plan = SearchPlan(spec, mode, ranges, tuple(objectives), tuple(seeds), budget or Budget())
    plan.check()
    _refuse_idle(plan, {p.name: p for p in params})
    return plan


def _refuse_idle(plan: SearchPlan, params: dict[str, Param]) -> None:
    """Raises WrongInput for a parameter that can have no effect in any trial."""
    names = {one.name for one in plan.ranges}
    fixed = plan.spec.params | {switch_of(name): "given" for name in names if switch_of(name) in params}
    for one in plan.ranges:
        p = params[one.name]
        if p.idle(fixed) and p.when[0] not in names:
            raise WrongInput(f"{p.name} has an effect only with {p.when[0]} = {' or '.join(p.when[1:])}; set that, or leave {p.name} out.")


def start(home: Home, plan: SearchPlan, pipeline: str = PIPELINE) -> str:
    """The search's id; one that is there goes on, with this budget. Raises WrongInput; Forbidden where it is another's and stopped."""
    long_jobs.begin(plan, SEARCH, partial(journal.begin, home))
    if not journal.read(home, plan.id).complete and long_jobs.may_go_on(home, journal.files(home), plan.id):
        start_job(home, plan.id, SEARCH, {"search": plan.id}, pipeline)
    return plan.id


def go_on(home: Home, search_id: str, budget: Budget | None = None, pipeline: str = PIPELINE) -> str:
    """A stopped search goes on, one that is complete with a larger budget. Raises WrongInput."""
    plan = journal.read(home, search_id).plan
    return start(home, plan.with_budget(budget) if budget else plan, pipeline)


def stop(home: Home, search_id: str) -> None:
    """Within a second; what was found stays. Raises WrongInput where there is no such search."""
    journal.stamp(home, search_id)
    journal.files(home).check_own(search_id)
    cancel_job(home, search_id)


def remove(home: Home, search_id: str) -> None:
    """Stop and forget it. Raises WrongInput where there is no such search."""
    journal.stamp(home, search_id)
    journal.files(home).check_own(search_id)
    if progress(home, search_id).status == "running":
        stop(home, search_id)
    journal.remove(home, search_id)


def progress(home: Home, search_id: str) -> Progress:
    """How its job stands; one that was never queued is absent."""
    return job_progress(home, search_id)


def standing(home: Home, search_id: str) -> Standing:
    """Raises WrongInput where there is no such search, or it is damaged."""
    now, found = progress(home, search_id), journal.read(home, search_id)  # first how it stands: a trial is stored before its job ends
    share = found.plan.budget.share(len(found.trials), found.took)
    return Standing(**vars(long_jobs.state_of(now, found.complete, share)), search=found)


def standings(home: Home) -> tuple[list[Standing], list[str]]:
    """All searches, the one that changed last first; and a sentence for each that is damaged."""
    return long_jobs.whole_ones(journal.ids(home), partial(standing, home))


def params_of(shelves: Catalogue, search: Search, number: int) -> dict[str, Value]:
    """Every parameter of a trial's run. Raises WrongInput."""
    return spelled(search.plan.spec.params, search.trial(number).tried, method_of(shelves, search).params)


def method_of(shelves: Catalogue, search: Search) -> MethodInfo:
    """Raises WrongInput where it is not on the shelf any more."""
    key = search.plan.spec.method
    if key not in shelves.methods:
        raise WrongInput(f"There is no method {key!r:.80} any more.")
    return shelves.methods[key]


def spec_of(shelves: Catalogue, search: Search, number: int) -> RunSpec:
    """A trial as a run, with a seed that the search never saw and the code as it is now. Raises WrongInput."""
    spec, params = search.plan.spec, params_of(shelves, search, number)
    return make_spec(shelves, spec.dataset, spec.model, spec.request, spec.method, params, seed=JUDGED_ON, recipe=spec.recipe)


def preset_of(shelves: Catalogue, search: Search, number: int | None = None) -> HomePreset:
    """A trial's settings as the home's preset; of no number, those of the closest trial. Raises WrongInput."""
    chosen = search.closest if number is None else number
    if chosen is None:
        raise WrongInput(f"No trial of search {search.id} is done, so there are no settings to use.")
    trial, spec, plan = search.trial(chosen), search.plan.spec, search.plan
    if trial.state != journal.DONE:
        raise WrongInput(f"Trial {chosen} {trial.state}, so its settings are no preset; choose one that is done.")
    found = f"trial {chosen} of the {plan.mode} search {search.id}, for {spec.request.text}, on {plan.seeds_text}"
    return HomePreset(spec.dataset, spec.model, spec.method, spec.request.by_class, params_of(shelves, search, chosen), found,
                      dict(spec.recipe))  # fmt: skip


def use(home: Home, shelves: Catalogue, search: Search, number: int | None = None) -> HomePreset:
    """`preset_of`, from now on this home's default. Raises WrongInput."""
    preset = preset_of(shelves, search, number)
    home_presets.use(home, preset)
    return preset


def judged_plan(home: Home, shelves: Catalogue, search: Search, number: int | None = None) -> StudyPlan:
    """A study on seeds that no setting is searched on: the shipped preset, a trial (of no number, the closest), the other mode's choice.

    The latter is the closest trial of the other mode's last search for the same method and request, where there is one. Raises WrongInput.
    """
    chosen = search.closest if number is None else number
    if chosen is None or search.trial(chosen).state != journal.DONE:
        raise WrongInput(f"Only a trial of search {search.id} that is done can be judged.")
    trials, subject = [(search, chosen)], _subject(search)
    for one in standings(home)[0]:
        other = one.search
        if len(trials) == 1 and other.plan.mode != search.plan.mode and _subject(other) == subject and other.closest is not None:
            trials.append((other, other.closest))
    return _study_of(shelves, search.plan.spec, trials)


def _subject(search: Search) -> tuple[str, str, str, str]:
    spec = search.plan.spec
    return spec.dataset, model_text(spec), spec.request.text, spec.method


def _study_of(shelves: Catalogue, spec: RunSpec, trials: Sequence[tuple[Search, int]]) -> StudyPlan:
    """Of the shipped preset and of trials, those alone that are another run."""
    shipped = as_shipped(shelves)
    asked: dict[str, dict[str, Value]] = {}
    usual = make_spec(shipped, spec.dataset, spec.model, spec.request, spec.method, {}, recipe=spec.recipe)
    for params in (usual.params, *(params_of(shelves, search, number) for search, number in trials)):
        one = make_spec(shipped, spec.dataset, spec.model, spec.request, spec.method, dict(params), recipe=spec.recipe)
        asked.setdefault(one.id, {name: value for name, value in one.params.items() if value != usual.params[name]})
    title = f"{spec.method}: preset, {' and '.join(f'{search.plan.mode} trial {number}' for search, number in trials)}"
    return make_study(shipped, spec.dataset, spec.model, spec.request, [(spec.method, own) for own in asked.values()], FRESH_SEEDS[:JUDGES],
                      title=title[:LONGEST_TITLE], recipe=spec.recipe)  # fmt: skip


def settings_of(search: Search, number: int) -> dict[str, Value]:
    """A trial's values of the tuned parameters; of trial 0 the preset's."""
    tried = search.trial(number).tried
    return {one.name: tried.get(one.name, search.plan.spec.params[one.name]) for one in search.plan.ranges}


def title_of(plan: SearchPlan) -> str:
    """`ssd on digits, small_cnn: class:3, blind, seed 10`."""
    spec = plan.spec
    return f"{spec.method} on {spec.dataset}, {model_text(spec)}: {spec.request.text}, {plan.mode}, {plan.seeds_text}"


def trial_text(search: Search, number: int) -> str:
    """A trial in one line: its settings, its state and its objectives with the mode."""
    trial, plan = search.trial(number), search.plan
    settings = settings_text(settings_of(search, number))
    if trial.state != journal.DONE:
        return f"{settings}  {trial.state}: {trial.why}"
    values = ", ".join(f"{o.title} {trial.values[o.key]:.4f}" for o in plan.measured)
    return f"{settings}  {plan.mode}: {values}"
