"""Settings that turn a method into its own control: the same work without the idea that the method is named for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.domain.code_version import shared_part
from core.domain.run import RunSpec

SECOND_REFERENCE_METHOD = "retrain"  # the method that trains the second reference


@dataclass(frozen=True)
class Control:
    """`param` set to one of `values` makes the control; `idle`: params that some of those values leave without effect."""

    param: str
    values: Mapping[str, str]  # value -> what the control is, in words
    idle: tuple[str, ...] = ()


CONTROLS = {
    "aru": Control("mask", {"random": "a random mask", "largest": "the opposite mask"}),
    "masked_small_gradients": Control("mask", {"random": "a random mask", "largest": "the opposite mask"}),
    "unsir": Control(
        "noise", {"none": "no noise", "gaussian": "plain noise"},
        ("noise_count", "noise_steps", "noise_rate", "penalty", "norm_mode", "impair", "copies"),
    ),
}  # fmt: skip


def control_title(spec: RunSpec) -> str:
    """What control a run is, in words; '' for one that is none."""
    control = CONTROLS.get(spec.method)
    return "" if control is None else control.values.get(str(spec.params.get(control.param)), "")


def is_control_of(other: RunSpec, spec: RunSpec) -> bool:
    """Whether `other` is `spec` with the idea taken out, and is alike in all else that decides its numbers."""
    control = CONTROLS.get(spec.method)
    if control is None or control_title(spec) or not control_title(other):
        return False
    free = {control.param, *control.idle}
    return deciding(other) == deciding(spec) and other.engine == spec.engine and _fixed(other.params, free) == _fixed(spec.params, free)


def deciding(spec: RunSpec) -> tuple[Any, ...]:
    """All of a spec but the method's parameters and whether it has a reference."""
    return (spec.dataset, spec.model, spec.request, spec.method, spec.seed, spec.device, shared_part(spec.engine), spec.weights,
            spec.weights_as, tuple(sorted(spec.recipe.items())))


def _fixed(params: Mapping[str, Any], free: set[str]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in free}
