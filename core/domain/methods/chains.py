"""Chains of methods, `ssd+finetune`: the first starts from the original, each other from the network that the one before it left."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar, overload

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Param
from core.domain.info import MethodInfo

JOINT = "+"
MOST = 3  # methods of a chain
NO_STEP = {  # methods that no chain can have, by their keys or by what they need -> why
    "original": "it changes nothing",
    "retrain": "it starts from an untrained network, whatever was done before it",
    "unlearned_elsewhere": "its network is brought",
    "amnesiac": "it takes back steps of the original's training, wherever the network went from there",
    "sisa": "it trains again what the original was made of, whatever another method made of that",
}

T = TypeVar("T")


def steps_of(method: str) -> tuple[str, ...]:
    """The methods of a chain in order; of a single method that one."""
    return tuple(method.split(JOINT))


def is_chain(method: str) -> bool:
    """Whether a method's key names several."""
    return JOINT in method


def chain_of(first: str, then: str | Iterable[str]) -> str:
    """The key of a chain; the method's own where nothing follows it. then: a method, or several in order."""
    return JOINT.join([first, *([then] if isinstance(then, str) else then)])


def check_chain(method: str) -> None:
    """Raises WrongInput for a chain that there cannot be, whatever methods there are."""
    steps = steps_of(method)
    if len(steps) > MOST:
        raise WrongInput(f"A chain has {MOST} methods at most; got {len(steps)}.")
    for step in steps:
        if len(steps) > 1 and (why := NO_STEP.get(step)):
            raise WrongInput(f"{step} cannot be part of a chain: {why}.")
        if steps.count(step) > 1:
            raise WrongInput(f"A chain has each method once, so that its parameters can be told apart; {step!r:.60} is there twice.")


def param_name(step: str, name: str) -> str:
    """How a chain calls a parameter of a method behind the first."""
    return f"{step}.{name}"


def own_params(steps: Sequence[str], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A chain's values by method, each under its own name."""
    behind = [{k.removeprefix(f"{step}."): v for k, v in values.items() if k.startswith(f"{step}.")} for step in steps[1:]]
    return [{k: v for k, v in values.items() if k.partition(".")[0] not in steps[1:] or "." not in k}, *behind]


def joined_params(steps: Sequence[str], values: Sequence[Mapping[str, T]]) -> dict[str, T]:
    """The inverse of `own_params`."""
    behind = zip(steps[1:], values[1:], strict=True)
    return {**values[0], **{param_name(step, name): value for step, own in behind for name, value in own.items()}}


def renamed(p: Param, step: str) -> Param:
    """A parameter as a chain declares it, of a method behind the first."""
    return replace(p, name=param_name(step, p.name), when=(param_name(step, p.when[0]), *p.when[1:]) if p.when else ())


def joined_titles(titles: Iterable[str]) -> str:
    """What a chain is called."""
    return ", then ".join(titles)


def joined(steps: Sequence[MethodInfo]) -> MethodInfo:
    """The description of a chain. It serves what all of its methods serve and reads what any of them reads."""
    first, *behind = steps
    params = (*first.params, *(renamed(p, step.key) for step in behind for p in step.params))
    unable = next((step for step in steps if not step.multi), first)
    digests = [step.extension for step in steps if step.extension]
    return MethodInfo(
        JOINT.join(step.key for step in steps), joined_titles(step.title for step in steps),
        " Then: ".join(step.about for step in steps), "; ".join(filter(None, (step.paper for step in steps))),
        tuple(kind for kind in first.kinds if all(kind in step.kinds for step in behind)),
        _union(step.uses for step in steps), _union(step.keeps for step in steps), params,
        any(step.reconstruction for step in steps), multi=unable.multi, not_multi=unable.not_multi,
        not_ensemble=next(filter(None, (step.not_ensemble for step in steps)), ""), passes=sum(step.passes for step in steps),
        extension=digests[0] if digests else "", steps=tuple(steps),
    )  # fmt: skip


def _union(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for own in names for name in own}))


class WithChains(dict[str, T], Generic[T]):
    """What is known of each method, by key; of a chain, what `join` makes of its methods' (`ssd+finetune` is on no list)."""

    join: Callable[[Sequence[Any]], Any]

    def __missing__(self, key: str) -> T:
        """Raises KeyError."""
        if is_chain(key) and key in self:
            found: T = type(self).join([self[step] for step in steps_of(key)])
            return found
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        """Whether it is on the list, or a chain of methods that are."""
        if not isinstance(key, str) or not is_chain(key):
            return super().__contains__(key)
        try:
            check_chain(key)
        except WrongInput:
            return False
        return all(super(WithChains, self).__contains__(step) for step in steps_of(key))

    @overload  # type: ignore[override]  # a default of another type makes no sense here
    def get(self, key: str) -> T | None: ...
    @overload
    def get(self, key: str, default: T) -> T: ...
    def get(self, key: str, default: T | None = None) -> T | None:
        """As of a dict."""
        if key in self:
            return self[key]
        return default


class MethodShelf(WithChains[MethodInfo]):
    """Descriptions of methods by key."""

    join = staticmethod(joined)


class Titles(WithChains[str]):
    """Titles of methods by key."""

    join = staticmethod(joined_titles)
