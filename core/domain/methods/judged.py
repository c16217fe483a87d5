"""A run whose unlearned network was brought from elsewhere: what its spec says of the files."""

from collections.abc import Mapping
import re
from typing import Any

from core.domain.info import MethodInfo
from core.domain.methods.chains import Titles
from core.domain.run import RunSpec

METHOD = "unlearned_elsewhere"  # in a spec; no method that can be chosen
TITLE = "Unlearned elsewhere"
_HASH = re.compile(r"[0-9a-f]{64}")
Brought = tuple[str, str]  # hash of stored weights, and how they are read, as RunSpec has them of the original


def titles_of(methods: Mapping[str, MethodInfo]) -> Titles:
    """Key -> title of every method that a stored run may have, chains among them."""
    return Titles({METHOD: TITLE, **{key: method.title for key, method in methods.items()}})


def params_of(unlearned: Brought, reference: Brought | None = None) -> dict[str, str]:
    """A spec's params: what makes a run that run, beside the original."""
    networks = {"unlearned": unlearned} | ({"reference": reference} if reference else {})
    return {name: text for key, brought in networks.items() for name, text in zip((key, f"{key}_as"), brought, strict=True) if text}


def with_short_hashes(params: Mapping[str, Any]) -> dict[str, Any]:
    """A run's params to be read: of a file's hash the first six digits, as of an original's own weights."""
    return {name: value[:6] if isinstance(value, str) and _HASH.fullmatch(value) else value for name, value in params.items()}


def brought(spec: RunSpec) -> dict[str, Brought]:
    """`unlearned` and perhaps `reference` -> their weights; empty for a run of any other method."""
    if spec.method != METHOD:
        return {}
    networks = ("unlearned", "reference")
    return {name: (str(spec.params[name]), str(spec.params.get(f"{name}_as", ""))) for name in networks if name in spec.params}
