"""What runs share, without torch: which of their stages come to the same network, statistic or evaluation."""

from contextlib import suppress

from core.domain.code_version import shared_part
from core.domain.errors import WrongInput
from core.domain.run import RunSpec

Key = tuple[object, ...]


def spec_of(text: object) -> RunSpec | None:
    """Of a stored run; None where its row is damaged."""
    with suppress(WrongInput):
        return RunSpec.from_json(text)  # type: ignore[arg-type]  # whatever else it is, that is refused
    return None


def shared_work(spec: RunSpec) -> dict[str, Key]:
    """Stage -> what decides what it trains or computes for other runs too; runs that agree in it share it."""
    flips = spec.request.text if spec.request.flips_labels else ""
    by = (spec.dataset, spec.model, spec.seed, spec.device, shared_part(spec.engine), tuple(sorted(spec.recipe.items())))
    original = (*by, flips, spec.weights, spec.weights_as)
    found: dict[str, Key] = {"precompute": ("precompute", *original, spec.method)}
    if not spec.weights:
        found["train"] = ("train", *original)
    if spec.reference:
        found["reference"] = ("reference", *by, spec.request.text)
    return found | {"evaluate": ("evaluate", *original, spec.request.text, spec.reference)}  # the original's and the reference's
