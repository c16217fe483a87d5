"""A run whose unlearned network was brought from elsewhere: what its spec says of the files."""

from collections.abc import Mapping

from core.domain.info import MethodInfo
from core.domain.run import RunSpec

METHOD = "unlearned_elsewhere"  # in a spec; no method that can be chosen
TITLE = "Unlearned elsewhere"
Brought = tuple[str, str]  # hash of stored weights, and how they are read, as RunSpec has them of the original


def titles_of(methods: Mapping[str, MethodInfo]) -> dict[str, str]:
    """Key -> title of every method that a stored run may have."""
    return {METHOD: TITLE, **{key: method.title for key, method in methods.items()}}


def params_of(unlearned: Brought, reference: Brought | None = None) -> dict[str, str]:
    """A spec's params: what makes a run that run, beside the original."""
    networks = {"unlearned": unlearned} | ({"reference": reference} if reference else {})
    return {name: text for key, brought in networks.items() for name, text in zip((key, f"{key}_as"), brought, strict=True) if text}


def brought(spec: RunSpec) -> dict[str, Brought]:
    """`unlearned` and perhaps `reference` -> their weights; empty for a run of any other method."""
    if spec.method != METHOD:
        return {}
    networks = ("unlearned", "reference")
    return {name: (str(spec.params[name]), str(spec.params.get(f"{name}_as", ""))) for name in networks if name in spec.params}
