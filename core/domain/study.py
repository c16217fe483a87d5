"""The plan of a study: one request, several variants of methods, several seeds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
import json
from typing import Any, Self

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.json_checks import check_plain, plain_object
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.requests.base import ForgetRequest
from core.domain.requests.registry import request_from
from core.domain.run import check_limit, recipe_text, settings_text
from core.domain.seed_lists import covers
from core.domain.training.recipes import check_recipe

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
        return self.method == SECOND_REFERENCE_METHOD


@dataclass(frozen=True)
class StudyPlan:
    """One request; every variant with every seed is a run.

    draws: of a drawn request, the seed of each seed's own draw, in the order of `seeds`, and the request's own is 0; empty where
    all seeds share the request's draw, as in studies that were stored before there were draws.
    limit: seconds after which each of its runs is stopped; None: never. It decides no number, and the last asked for holds.
    recipe: of training, what is not as the preset has it, of all its runs.
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
    recipe: dict[str, Any] = field(default_factory=dict)

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
        text = self.request.title(data)
        return self.title or f"{text if len(text) <= 32 else text[:31] + '…'} · {self.dataset} · {self.network}"

    @property
    def network(self) -> str:
        """The architecture, and a recipe that is not the preset's."""
        return f"{self.model} ({recipe_text(self.recipe)})" if self.recipe else self.model

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
        return (self.title, self.dataset, self.model, self.request, self.reference, bool(self.draws), self.recipe)

    def to_json(self) -> str:
        """The inverse of `from_json`."""
        plain = asdict(self)
        if not self.recipe:
            del plain["recipe"]  # as studies were written before there were recipes
        return json.dumps(plain)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`. Raises WrongInput, without a full stop, for anything else."""
        raw = {"draws": [], "limit": None, "recipe": {}, **plain_object(text, "a plan")}  # studies of before there were such have none
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
        check_recipe(raw["recipe"])
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
    "recipe": dict,
}  # fmt: skip
