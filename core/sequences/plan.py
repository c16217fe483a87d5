"""The plan of a sequence of forget requests: plain data, from which every step follows; no torch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo, MethodInfo
from core.domain.json_checks import check_plain
from core.domain.requests.base import ForgetRequest
from core.domain.requests.random import RandomRequest
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, digest
from core.domain.seed_lists import covers, seeds_text
from core.domain.training.own_recipe import recipe_for
from core.domain.training.recipes import LOG

VERSION = 1  # of how steps are made and measured: another one's are not comparable
FEWEST, MOST, MOST_SEEDS = 2, 50, 10
USUAL, USUAL_OF, USUAL_SEEDS = 10, "random:1%", (0, 1, 2)
SHOWN = 6  # requests that a title names


@dataclass(frozen=True)
class SequencePlan:
    """specs: the run of each request as if it were the only one, in order; their seed is none of the sequence's.

    whole: the run that forgets all of them in one request; None where no one request names them all. parts: every request is the same
    random one, and the j-th forgets the j-th part of its draw. own_draws: then each seed draws by its own number. retrain: whether a
    network is retrained for each request, which it is held against.
    """

    specs: tuple[RunSpec, ...]
    whole: RunSpec | None = None
    parts: bool = False
    own_draws: bool = False
    seeds: tuple[int, ...] = USUAL_SEEDS
    retrain: bool = True

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of all that decides its steps."""
        specs = [spec.id for spec in (*self.specs, *([self.whole] if self.whole else []))]
        return digest([VERSION, specs, self.parts, self.own_draws, list(self.seeds), self.retrain])[:12]

    @property
    def spec(self) -> RunSpec:
        """The first request's: dataset, model, method and recipe are those of all."""
        return self.specs[0]

    @property
    def count(self) -> int:
        """How many requests it has."""
        return len(self.specs)

    @property
    def requests_text(self) -> str:
        """`10 requests of random:0.01`, or their texts."""
        if self.parts:
            return f"{self.count} requests of {self.spec.request.text}"
        texts = [spec.request.text[:40] for spec in self.specs]
        return ", ".join(texts[:SHOWN]) + f" and {len(texts) - SHOWN} more" * (len(texts) > SHOWN)

    @property
    def title(self) -> str:
        """`ssd on digits, small_cnn: 10 requests of random:0.01, seeds 0-2`."""
        seeds = f"seed{'s' * (len(self.seeds) > 1)} {seeds_text(self.seeds)}"
        return f"{self.spec.method} on {self.spec.dataset}, {self.spec.model}: {self.requests_text}, {seeds}"

    def covers(self, done: int) -> str:
        """What intervals of so many of its seeds cover: `over 3 seeds, each with its own draw`."""
        draws = done if self.own_draws else int(any(spec.request.drawn for spec in self.specs))
        return covers(done, draws) + (f" of {len(self.seeds)}" if done < len(self.seeds) else "")

    def of_seed(self, spec: RunSpec, seed: int) -> RunSpec:
        """One of its specs as a run with one of its seeds."""
        request = replace(spec.request, seed=seed) if self.own_draws else spec.request
        return replace(spec, seed=seed, request=request)

    def check(self) -> None:
        """Raises WrongInput with one sentence."""
        if not FEWEST <= self.count <= MOST:
            raise WrongInput(f"A sequence has {FEWEST} to {MOST} requests; got {self.count}.")
        seeds = self.seeds
        if not 1 <= len(seeds) <= MOST_SEEDS or len(set(seeds)) < len(seeds) or not all(0 <= seed < 2**31 for seed in seeds):
            raise WrongInput(f"A sequence has 1 to {MOST_SEEDS} seeds, different whole numbers from 0; got {seeds_text(seeds)[:60]}.")
        if self.spec.weights:
            raise WrongInput("A sequence trains its originals itself, from its own seeds, so it takes no weights of your own.")
        if recipe_for(self.spec).sharded:
            raise WrongInput("A sequence trains its networks as a whole: leave shards and slices out of the recipe.")
        if recipe_for(self.spec).validation:
            raise WrongInput("A sequence trains on all training images that are left: leave validation out of the recipe.")
        if len({(s.dataset, s.model, s.method, s.device, str(s.recipe)) for s in self.specs}) > 1:
            raise WrongInput("All requests of a sequence go to one network of one dataset, by one method.")
        if flips := [spec.request for spec in self.specs if spec.request.flips_labels]:
            raise WrongInput(
                f"The request {flips[0].text} changes labels before the original is trained, and in a sequence only the first could; "
                "take other requests."
            )
        if not self.parts:
            refuse_overlaps([spec.request for spec in self.specs])
        elif len({spec.id for spec in self.specs}) > 1 or not isinstance(self.spec.request, RandomRequest):
            raise WrongInput("The parts of one draw are all asked for by the same random request.")

    def to_plain(self) -> dict[str, Any]:
        """The inverse of `from_plain`."""
        specs = self.specs[:1] if self.parts else self.specs
        return {
            "specs": [spec.to_json() for spec in specs], "count": self.count, "whole": self.whole.to_json() if self.whole else "",
            "parts": self.parts, "own_draws": self.own_draws, "seeds": list(self.seeds), "retrain": self.retrain,
        }  # fmt: skip

    @classmethod
    def from_plain(cls, raw: Any) -> Self:
        """The inverse of `to_plain`. Raises WrongInput."""
        check_plain("a sequence", raw, dict)
        wanted = {"specs": list, "count": int, "whole": str, "parts": bool, "own_draws": bool, "seeds": list, "retrain": bool}
        for name, kind in wanted.items():
            check_plain(name, raw.get(name), kind)
        for seed in raw["seeds"]:
            check_plain("a seed", seed, int)
        for text in raw["specs"]:
            check_plain("a run", text, str)
        if not raw["specs"] or not 0 < raw["count"] <= MOST:
            raise WrongInput("a sequence has requests")
        specs = [RunSpec.from_json(text) for text in raw["specs"]]
        whole = RunSpec.from_json(raw["whole"]) if raw["whole"] else None
        specs = specs * raw["count"] if raw["parts"] else specs
        found = cls(tuple(specs), whole, raw["parts"], raw["own_draws"], tuple(raw["seeds"]), raw["retrain"])
        found.check()
        return found


def unfit(method: MethodInfo) -> str:
    """Why a method cannot serve a sequence, in one sentence; '' where it can."""
    if method.needs_shards or LOG in method.keeps:
        return f"{method.title} reads how the original was trained, and from its second request on a sequence starts from another network."
    return ""


def refuse_overlaps(requests: Sequence[ForgetRequest]) -> None:
    """Raises WrongInput where two requests name the same thing; images that two draws share are found where they are drawn."""
    seen = dict[object, int]()
    for number, request in enumerate(requests, 1):
        kind = "class" if request.by_class else request.kind
        names: list[object] = [(kind, request.column, pick) for pick in request.picks] if request.picks else [request.text]
        for name in names:
            if seen.setdefault(name, number) != number:
                raise overlap(seen[name], number)


def overlap(first: int, second: int, images: int = 0) -> WrongInput:
    """The one sentence. images: how many training images both name; 0 where that was not counted."""
    what = f"{images} training image{'s' * (images != 1)}" if images else "training images"
    return WrongInput(
        f"Requests {first} and {second} of the sequence share {what}, and what is forgotten is no longer there to be forgotten; "
        f"requests must not overlap. Parts of one draw never do: {USUAL} requests of {USUAL_OF}, say."
    )


def request_of(text: str, data: DatasetInfo | None = None) -> ForgetRequest:
    """As `parse_request`; a share may be written in percent: `random:1%`. Raises WrongInput."""
    kind, _, value = text.strip().partition(":")
    amount, at, seed = value.partition("@")
    if amount.endswith("%"):
        try:
            share = float(amount[:-1]) / 100
        except ValueError:
            share = 1.0
        if not 0 < share < 1:
            raise WrongInput(f"A share in percent is more than 0 and less than 100, as {USUAL_OF}; got {text!r:.60}.")
        value = f"{share:.10g}{at}{seed}"
    return parse_request(f"{kind}:{value}", data)


def parts_of(text: str, data: DatasetInfo) -> tuple[RandomRequest, bool]:
    """The random request of which each request of a sequence is a part; and whether each seed draws by its own number: no `@SEED`.

    Raises WrongInput.
    """
    request = request_of(text, data)
    if not isinstance(request, RandomRequest) or request.flips_labels:
        raise WrongInput(f"The parts of a draw are random ones, such as {USUAL_OF} or random:20@7; got {text!r:.60}. List other requests.")
    request.check(data)
    return request, "@" not in text
