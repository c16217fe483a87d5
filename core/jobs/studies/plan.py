"""What a study asks for: checked, written down, and turned into runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
import itertools
from typing import Any

from core.domain.errors import WrongInput
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.presets import TUNING_SEEDS
from core.domain.requests.base import ForgetRequest
from core.domain.run import RunSpec, recipe_text
from core.domain.seed_lists import MOST
from core.domain.study import LONGEST_TITLE, StudyPlan, Variant
from core.jobs.catalogue import Catalogue
from core.jobs.validation import make_spec


def make_plan(
    shelves: Catalogue, dataset: str, model: str, request: ForgetRequest,
    asked: Sequence[tuple[str, Mapping[str, Any]]], seeds: Sequence[int],
    *, reference: bool = True, floor: bool = True, title: str = "", draws: Sequence[int] | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> StudyPlan:  # fmt: skip
    """A checked plan; `asked`: methods with their settings. Raises WrongInput with one sentence.

    `draws`, of a drawn request: None, each seed has its own draw, of the same number; a draw for each seed; or (), all seeds have
    the request's draw. `floor` adds `retrain` where it was not asked for and there is a reference to hold it against.
    `recipe`: as for `make_spec`, of all runs.
    """
    if len(title) > LONGEST_TITLE or not title.isprintable():
        raise WrongInput(f"A study's title must be one line of at most {LONGEST_TITLE} letters.")
    if not asked:
        raise WrongInput("The study has no methods; name at least one.")
    specs = [make_spec(shelves, dataset, model, request, m, dict(s), reference=reference, recipe=recipe) for m, s in asked]
    usual = [make_spec(as_shipped(shelves), dataset, model, request, m, dict(s), reference=reference, recipe=recipe) for m, s in asked]
    variants = [
        Variant(method, {name: value for name, value in sorted(spec.params.items()) if name in settings or value != other.params[name]})
        for (method, settings), spec, other in zip(asked, specs, usual, strict=True)
    ]  # what a preset of this home's own decides is spelled out: the study stays what it is when that changes
    if floor and reference and not any(variant.is_floor for variant in variants):
        variants.append(Variant(SECOND_REFERENCE_METHOD))
    about, each = _drawn(specs[0].request, seeds, draws)
    plan = StudyPlan(dataset, model, about, tuple(variants), tuple(seeds), reference, title.strip(), each, recipe=specs[0].recipe)
    cells(plan, shelves)
    return plan


def as_shipped(shelves: Catalogue) -> Catalogue:
    """The shelves without this home's own presets."""
    return replace(shelves, presets=())


def _drawn(request: ForgetRequest, seeds: Sequence[int], draws: Sequence[int] | None) -> tuple[ForgetRequest, tuple[int, ...]]:
    """The request of a plan, and its draws. Raises WrongInput."""
    each = tuple(seeds if draws is None else draws)
    if not request.drawn or (draws is not None and not each):
        return request, ()
    if len(each) != len(seeds):
        raise WrongInput(f"Draws must be one whole number, or one for each of the {len(seeds)} seeds; there are {len(each)}.")
    _check_draws(each, seeds)
    return replace(request, seed=0), each


def _check_draws(draws: Sequence[int], seeds: Sequence[int]) -> None:
    """Raises WrongInput."""
    first: dict[int, int] = {}
    for draw, seed in zip(draws, seeds, strict=True):
        if draw in first:
            raise WrongInput(f"Each seed must have its own draw; seeds {first[draw]} and {seed} have draw {draw} both.")
        if not 0 <= draw < 2**31:
            raise WrongInput(f"A draw must be a whole number from 0 to {2**31 - 1}; got {draw}.")
        first[draw] = seed


def cells(plan: StudyPlan, shelves: Catalogue) -> list[tuple[int, RunSpec]]:
    """(index of the variant, spec) of every run, seed by seed, so that what is trained once is used at once.

    Raises WrongInput, also where two variants come to the same run, or the runs are too many.
    """
    if not plan.seeds:
        raise WrongInput("The study has no seeds; name at least one, such as [0, 1, 2] or '0-2'.")
    if plan.count > MOST:
        raise WrongInput(
            f"A study may have {MOST} runs at most; {len(plan.variants)} variants with {len(plan.seeds)} seeds are {plan.count}."
        )
    firsts: dict[str, tuple[Variant, RunSpec]] = {}
    for variant in plan.variants:
        asked = (plan.dataset, plan.model, plan.request, variant.method, variant.settings)
        for seed in (min(plan.seeds), max(plan.seeds)):
            spec = make_spec(as_shipped(shelves), *asked, seed=seed, reference=plan.reference, recipe=plan.recipe)
        if spec.id in firsts:
            raise WrongInput(f"Each variant must be given once; {variant.text} is the same as {firsts[spec.id][0].text}.")
        firsts[spec.id] = (variant, spec)
    return [
        (index, replace(spec, seed=seed, request=request))
        for seed, request in ((seed, plan.request_of(seed)) for seed in plan.seeds)
        for index, (_, spec) in enumerate(firsts.values())
    ]


def specs(plan: StudyPlan, shelves: Catalogue) -> list[RunSpec]:
    """Every run of the plan, in the order in which it is to be computed."""
    return [spec for _, spec in cells(plan, shelves)]


def with_more_seeds(plan: StudyPlan, count: int, shelves: Catalogue) -> StudyPlan:
    """The plan with so many seeds more, each variant with each: the next after its highest on which no preset was tuned.

    Raises WrongInput where they are too many.
    """
    fresh = (seed for seed in itertools.count(max(plan.seeds) + 1) if seed not in TUNING_SEEDS)
    seeds = (*plan.seeds, *itertools.islice(fresh, count))
    grown = replace(plan, seeds=seeds, draws=plan.draws_of(seeds))
    cells(grown, shelves)
    return grown


def merged(old: StudyPlan, new: StudyPlan, shelves: Catalogue) -> StudyPlan:
    """The old plan grown by the new one's variants and seeds, with its limit; every variant with every seed. Raises WrongInput."""
    if not old.same_subject(new):
        raise WrongInput(
            f"A study is about one request; this one is about {old.request.text} of {old.dataset} with {old.model}"
            f"{'' if old.reference else ', without a reference'}{_draws_text(old)}"
            f"{f', trained with {recipe_text(old.recipe)}' if old.recipe else ''}."
        )
    for seed in set(old.seeds) & set(new.seeds):
        if old.request_of(seed) != new.request_of(seed):
            raise WrongInput(f"Seed {seed} has draw {old.request_of(seed).seed} in this study, and not {new.request_of(seed).seed}.")
    one_seed = (old.seeds[0],)
    known = {spec.id for spec in specs(replace(old, seeds=one_seed, draws=()), shelves)}
    ids = [spec.id for spec in specs(replace(new, seeds=one_seed, draws=()), shelves)]
    variants = [variant for variant, run_id in zip(new.variants, ids, strict=True) if run_id not in known]
    seeds = [seed for seed in new.seeds if seed not in old.seeds]
    draws = (*old.draws, *(new.request_of(seed).seed for seed in seeds)) if old.draws else ()
    _check_draws(draws, (*old.seeds, *seeds)[: len(draws)])
    return replace(old, variants=(*old.variants, *variants), seeds=(*old.seeds, *seeds), draws=draws, limit=new.limit)


def _draws_text(plan: StudyPlan) -> str:
    if not plan.request.drawn:
        return ""
    return ", each seed with its own draw" if plan.draws else ", all seeds with one draw"
