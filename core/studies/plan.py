"""What a study asks for: checked, written down, and turned into runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
import json
from typing import Any, Self

from core.asking import check_limit, make_spec
from core.catalogue import Catalogue
from core.comparison import settings_text
from core.descriptions import DatasetInfo
from core.domain import ForgetRequest, RunSpec, WrongInput, check_plain, plain_object, request_from
from core.spread import covers
from core.store.beside import FLOOR
from core.studies.seeds import MOST
from core.wording import title_of

LONGEST_TITLE = 80


@dataclass(frozen=True)
class Variant:
    """A method with those of its parameters that were asked for; the rest is the preset's."""

    method: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """`ssd · alpha=2`, or the method alone where all is the preset's."""
        return " · ".join(filter(None, [self.method, settings_text(self.settings)]))

    @property
    def is_floor(self) -> bool:
        """Whether its numbers are the floor of the study's other numbers."""
        return self.method == FLOOR


@dataclass(frozen=True)
class StudyPlan:
    """One request; every variant with every seed is a run.

    draws: of a drawn request, the seed of each seed's own draw, in the order of `seeds`, and the request's own is 0; empty where
    all seeds share the request's draw, as in studies that were stored before there were draws.
    limit: seconds after which each of its runs is stopped; None: never. It decides no number, and the last asked for holds.
    """

    dataset: str
    model: str
    request: ForgetRequest
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    reference: bool = True
    title: str = ""
    draws: tuple[int, ...] = ()
    limit: float | None = None

    @property
    def covers(self) -> str:
        """What its intervals cover: `over 5 seeds, each with its own draw`."""
        return covers(len(self.seeds), len(self.draws) or int(self.request.drawn))

    def request_of(self, seed: int) -> ForgetRequest:
        """What the runs of one of its seeds forget."""
        return replace(self.request, seed=self.draws[self.seeds.index(seed)]) if self.draws else self.request

    def draws_of(self, seeds: Sequence[int]) -> tuple[int, ...]:
        """`draws` of a plan with these seeds that can be merged into this one: a new seed has its own draw, if any has."""
        known = dict(zip(self.seeds, self.draws, strict=False))
        return tuple(known.get(seed, seed) for seed in seeds) if self.draws else ()

    @property
    def name(self) -> str:
        """The title, else what the study is about; long lists of samples are cut."""
        return self.name_with(None)

    def name_with(self, data: DatasetInfo | None) -> str:
        """The same, in the dataset's own words where it is at hand."""
        text = title_of(self.request, data)
        return self.title or f"{text if len(text) <= 32 else text[:31] + '…'} · {self.dataset} · {self.model}"

    @property
    def count(self) -> int:
        """How many runs it has."""
        return len(self.variants) * len(self.seeds)

    def contains(self, other: Self) -> bool:
        """Whether every run of `other` is one of these, under the same title."""
        return (
            self._about == other._about
            and all(variant in self.variants for variant in other.variants)
            and set(other.seeds) <= set(self.seeds)
            and all(other.request_of(seed) == self.request_of(seed) for seed in other.seeds)
        )

    def same_subject(self, other: Self) -> bool:
        """Whether both ask for the same thing to be forgotten by the same network, held against the same."""
        return self._about[1:] == other._about[1:]

    @property
    def _about(self) -> tuple[object, ...]:
        return (self.title, self.dataset, self.model, self.request, self.reference, bool(self.draws))

    def to_json(self) -> str:
        """The inverse of `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`. Raises WrongInput, without a full stop, for anything else."""
        raw = {"draws": [], "limit": None, **plain_object(text, "a plan")}  # studies of before there were such have none
        for name, wanted in _OF_PLAN.items():
            check_plain(name, raw.get(name), wanted)
        for variant in raw["variants"]:
            check_plain("a variant", variant, dict)
            check_plain("a variant's method", variant.get("method"), str)
            check_plain("a variant's settings", variant.get("settings"), dict)
        for seed in raw["seeds"]:
            check_plain("a seed", seed, int)
        for draw in raw["draws"]:
            check_plain("a draw", draw, int)
        if raw["limit"] is not None:
            check_plain("limit", raw["limit"], float)
            check_limit(raw["limit"])
        if not raw["variants"] or not raw["seeds"]:
            raise WrongInput("variants and seeds should name one at least, but one of them names none")
        if raw["draws"] and len(raw["draws"]) != len(raw["seeds"]):
            raise WrongInput(f"draws should be none, or one for each of {len(raw['seeds'])} seeds, but there are {len(raw['draws'])}")
        variants = tuple(Variant(variant["method"], variant["settings"]) for variant in raw["variants"])
        known: dict[str, Any] = {name: raw[name] for name in _OF_PLAN}
        lists = {"variants": variants, "seeds": tuple(raw["seeds"]), "draws": tuple(raw["draws"])}
        return cls(**{**known, **lists, "request": request_from(raw["request"]), "limit": raw["limit"]})


_OF_PLAN: dict[str, type] = {
    "dataset": str, "model": str, "request": dict, "variants": list, "seeds": list, "reference": bool, "title": str, "draws": list,
}  # fmt: skip


def make_plan(
    shelves: Catalogue, dataset: str, model: str, request: ForgetRequest,
    asked: Sequence[tuple[str, Mapping[str, Any]]], seeds: Sequence[int],
    *, reference: bool = True, floor: bool = True, title: str = "", draws: Sequence[int] | None = None,
) -> StudyPlan:  # fmt: skip
    """A checked plan; `asked`: methods with their settings. Raises WrongInput with one sentence.

    `draws`, of a drawn request: None, each seed has its own draw, of the same number; a draw for each seed; or (), all seeds have
    the request's draw. `floor` adds `retrain` where it was not asked for and there is a reference to hold it against.
    """
    if len(title) > LONGEST_TITLE or not title.isprintable():
        raise WrongInput(f"A study's title must be one line of at most {LONGEST_TITLE} letters.")
    if not asked:
        raise WrongInput("The study has no methods; name at least one.")
    specs = [make_spec(shelves, dataset, model, request, m, dict(s), reference=reference) for m, s in asked]
    variants = [
        Variant(method, {name: spec.params[name] for name in sorted(settings)})
        for (method, settings), spec in zip(asked, specs, strict=True)
    ]
    if floor and reference and not any(variant.is_floor for variant in variants):
        variants.append(Variant(FLOOR))
    about, each = _drawn(specs[0].request, seeds, draws)
    plan = StudyPlan(dataset, model, about, tuple(variants), tuple(seeds), reference, title.strip(), each)
    cells(plan, shelves)
    return plan


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
            spec = make_spec(shelves, *asked, seed=seed, reference=plan.reference)
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


def merged(old: StudyPlan, new: StudyPlan, shelves: Catalogue) -> StudyPlan:
    """The old plan grown by the new one's variants and seeds, with its limit; every variant with every seed. Raises WrongInput."""
    if not old.same_subject(new):
        raise WrongInput(
            f"A study is about one request; this one is about {old.request.text} of {old.dataset} with {old.model}"
            f"{'' if old.reference else ', without a reference'}{_draws_text(old)}."
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
