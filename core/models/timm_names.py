"""Networks of the library timm by name, `timm:NAME`: which names there are, read from its sources without importing it."""

from difflib import get_close_matches
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
import re
from typing import Any

from core.domain.code_version import TIMM
from core.domain.errors import WrongInput
from core.domain.info import ModelInfo

SHAPE = re.compile(r"[a-z][a-z0-9_]{1,60}(\.[A-Za-z0-9_-]{1,60})?")
EXAMPLE = f"{TIMM}resnet18.a1_in1k"
_DEFINED = re.compile(r"^@register_model\s*\ndef (\w+)\(", re.MULTILINE)
_TAGGED = re.compile(r"""^\s*['"]([a-z0-9_]+\.[\w-]+)['"]\s*:""", re.MULTILINE)


def timm_version() -> str:
    """Of the installed library; '' where there is none."""
    try:
        return version("timm")
    except PackageNotFoundError:
        return ""


def offer() -> str:
    """One sentence for whoever asks which networks there are."""
    if found := timm_version():
        return f"Besides these, any network of timm {found} by its name, with random weights: {EXAMPLE}."
    return f"With the library timm (pip install timm), any network of its by name, with random weights: {EXAMPLE}."


def is_timm(model: str) -> bool:
    """Whether a model's key names a network of timm's."""
    return model.startswith(TIMM)


def name_of(model: str) -> str:
    """timm's name of the network that a key names. Raises WrongInput."""
    name = model.removeprefix(TIMM)
    if not SHAPE.fullmatch(name):
        raise WrongInput(f"A network of timm's is asked for as {EXAMPLE}; got {model!r:.80}.")
    if not timm_version():
        raise WrongInput(f"{model} needs the library timm, which is not installed here; pip install timm adds it.")
    known = _names()
    if name not in known and name.partition(".")[0] not in known:
        near = get_close_matches(name, known, 3)
        raise WrongInput(f"timm {timm_version()} has no network {name!r}" + (f"; the nearest are {', '.join(near)}." if near else "."))
    tags = sorted(one.partition(".")[2] for one in known if one.startswith(name.partition(".")[0] + "."))
    if name not in known and tags:  # a few are put together when timm is imported, which then knows
        raise WrongInput(f"timm {timm_version()} has no {name!r}; behind the dot may stand {', '.join(tags[:10])}.")
    return name


def info_of(model: str) -> ModelInfo:
    """What forms and reports say of it. Raises WrongInput."""
    name = name_of(model)
    return ModelInfo(model, f"{name} (timm)", f"{name} of timm {timm_version()}, with random weights.")


class ModelShelf(dict[str, ModelInfo]):
    """Descriptions of networks by key; those of timm's are on no list, and found by their names."""

    def __missing__(self, key: str) -> ModelInfo:
        """Raises WrongInput for a network of timm's that is not there, KeyError for all else."""
        if is_timm(key):
            return info_of(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        """Whether it is on the list, or one of timm's."""
        if isinstance(key, str) and is_timm(key):
            try:
                return bool(name_of(key))
            except WrongInput:
                return False
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """As of a dict."""
        if key in self:
            return self[key]
        return default


@cache
def _names() -> frozenset[str]:
    """Of all networks and their sets of weights, which say how a network is built too."""
    spec = find_spec("timm")
    places = spec.submodule_search_locations if spec else None
    sources = [file.read_text(encoding="utf-8") for place in places or () for file in sorted(Path(place, "models").glob("*.py"))]
    return frozenset(name for source in sources for shape in (_DEFINED, _TAGGED) for name in shape.findall(source))
