"""Chains of methods: each goes on from the network that the one before it left; made of the methods' classes when one is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from core.data.splits import Splits
from core.domain.hyperparameters import params_of, with_params
from core.domain.methods.chains import JOINT, check_chain, joined_titles, own_params, param_name, renamed
from core.domain.recordings import STEP
from core.domain.requests.base import ForgetRequest
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.training.context import RunContext, derived_seed
from core.training.precomputed import Statistic


@dataclass(frozen=True)
class Chain(UnlearningMethod):
    """Several methods as one. The first is computed as it is alone; each other draws from a seed of its own.

    Statistics of the training set that a later method reads are of the network that it starts from, so they are computed within its
    seconds, and not stored. What it records is filed under its key.
    """

    steps: ClassVar[tuple[type[UnlearningMethod], ...]]

    @property
    def methods(self) -> list[UnlearningMethod]:
        """The methods with their settings."""
        values = {p.name: getattr(self, attribute) for attribute, p in params_of(type(self)).items()}
        own = own_params([step.key for step in self.steps], values)
        return [with_params(step, settings) for step, settings in zip(self.steps, own, strict=True)]

    def statistics(self, request: ForgetRequest) -> tuple[Statistic, ...]:
        """Of the first, which starts from the original."""
        return self.methods[0].statistics(request)

    @property
    def reads(self) -> frozenset[str]:
        """What any of them reads, and the training set where a later one needs statistics of it."""
        first, *behind = self.methods
        whole = frozenset({"train"}) if any(method.keeps for method in behind) else frozenset()
        return first.reads.union(whole, *(method.reads for method in behind))

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """All of them, one after the other; without the statistics of later ones, which depend on the request."""
        return sum(method.passes(train_count, forget_count, recipe) for method in self.methods)

    def check(self, request: ForgetRequest, multi: bool = False) -> None:
        """Raises WrongInput where one of them cannot serve."""
        for method in self.methods:
            method.check(request, multi)

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """What the last one leaves."""
        shares = self._shares(splits, run)
        for at, method in enumerate(self.methods):
            part = run.part(sum(shares[:at]), sum(shares[: at + 1]))
            if not at:
                model = method.unlearn(model, splits.only(method.reads), part).eval()
                continue
            own = RunContext(run.build, run.recipe, derived_seed(run.seed, f"then {method.key}"), run.device, part.progress)
            own.statistics = _computed(method, model, splits, own)
            model = method.unlearn(model, splits.only(method.reads), own).eval()
            run.recorded |= {f"{STEP}{method.key}/{name}": array for name, array in own.recorded.items()}
        return model

    def _shares(self, splits: Splits, run: RunContext) -> list[float]:
        """Of the work, by the passes that each takes."""
        count = 1000  # only proportions matter, and the sets may not be read here
        passes = [max(1.0, method.passes(count, round(count * splits.forget_share), run.recipe)) for method in self.methods]
        return [own / sum(passes) for own in passes]


def _computed(method: UnlearningMethod, model: nn.Module, splits: Splits, run: RunContext) -> dict[str, dict[str, Tensor]]:
    """The statistics that a method needs, of the network that it starts from."""
    wanted = method.statistics(splits.request)
    for statistic in wanted:
        statistic.check(model, len(splits.train))
    return {statistic.key: statistic.compute(model, splits.train, run.part(0.0, 0.0)) for statistic in wanted}


def chained(steps: Sequence[type[UnlearningMethod]]) -> type[Chain]:
    """The class of a chain, whose parameters are the first's, and the others' as `finetune.epochs`. Raises WrongInput."""
    key = JOINT.join(step.key for step in steps)
    check_chain(key)
    declared = [(f.name, f.type, field(default=f.default, metadata=f.metadata)) for f in fields(steps[0]) if "param" in f.metadata]
    for step in steps[1:]:
        for attribute, p in params_of(step).items():
            mine = renamed(p, step.key)
            about = next(f.metadata["param"] for f in fields(step) if f.name == attribute)
            metadata = {"param": {**about, "name": param_name(step.key, p.name), "when": mine.when}}
            declared.append((f"{step.key}__{attribute}", type(p.default), field(default=p.default, metadata=metadata)))

    def united(name: str) -> frozenset[str]:
        return frozenset().union(*(getattr(step, name) for step in steps))

    unable = next((step for step in steps if not step.multi), steps[0])
    said: dict[str, Any] = {
        "key": key, "title": joined_titles(step.title for step in steps), "about": " Then: ".join(step.about for step in steps),
        "uses": united("uses"), "keeps": united("keeps"), "reconstruction": any(step.reconstruction for step in steps),
        "kinds": frozenset.intersection(*(step.kinds for step in steps)), "multi": unable.multi, "not_multi": unable.not_multi,
        "not_ensemble": next(filter(None, (step.not_ensemble for step in steps)), ""),
        "steps": tuple(steps), "__module__": __name__,
    }  # fmt: skip
    made: type[Chain] = make_dataclass(f"Chain{len(steps)}", declared, bases=(Chain,), frozen=True, namespace=said)
    return made
