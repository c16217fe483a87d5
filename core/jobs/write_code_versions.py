"""Writes down what each part of the engine is now, where that was not done before: python -m core.jobs.write_code_versions.

To be called before a release, so that later changes of a new family of metrics or kind of request count; see `core.domain.code_version`.
"""

from core.data.registry import DATASETS
from core.domain.code_version import ADDED, is_first, write_first
from core.domain.presets import PRESETS
from core.domain.requests.registry import KINDS
from core.methods.registry import METHODS
from core.metrics.registry import FAMILIES
from core.models.registry import MODELS


def parts(everything: bool) -> list[str]:
    """Names of parts: kinds of request and families of metrics, and where nothing was ever written down, everything else."""
    kinds = dict.fromkeys(f"request:{kind.__module__.rpartition('.')[2]}" for kind in KINDS.values())
    families = [*kinds, *(f"metric:{family.__name__.rpartition('.')[2]}" for family in FAMILIES)]
    if not everything:
        return families
    named = {"dataset": list(DATASETS), "model": list(MODELS), "method": list(METHODS)}
    return ["training", "running", "analysis", ADDED, *(f"{kind}:{key}" for kind, keys in named.items() for key in keys), *families]


if __name__ == "__main__":
    whole = is_first()
    write_first(parts(whole), [*PRESETS, *(("", model) for model in MODELS)] if whole else [])
