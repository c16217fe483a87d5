"""What a module of an extension declares, in the words of the house's own files; the module has been imported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
import inspect
from types import ModuleType
from typing import Any

from core.analysis.saliency.explainers import Explainer
from core.data.registry import Source
from core.domain.errors import WrongInput
from core.domain.extension_files import KEY
from core.domain.info import DatasetInfo, ModelInfo
from core.domain.requests.selected import Rule
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.metrics.base import Metric
from core.models.inspection import Builder, Parts, marked

ANY_RECIPE = Recipe(10, 64, 0.1)
OTHER = "Extensions"  # heading of a metric that names no family


@dataclass
class Declared:
    """By key: what an extension puts on each shelf."""

    methods: dict[str, type[UnlearningMethod]] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    models: dict[str, tuple[ModelInfo, Builder]] = field(default_factory=dict)
    datasets: dict[str, Source] = field(default_factory=dict)
    requests: dict[str, Rule] = field(default_factory=dict)
    explainers: dict[str, Explainer] = field(default_factory=dict)

    @property
    def shelves(self) -> dict[str, dict[str, Any]]:
        """Name of the shelf -> what lies on it."""
        return {"method": self.methods, "metric": self.metrics, "model": self.models, "dataset": self.datasets,
                "request": self.requests, "explainer": self.explainers}  # fmt: skip

    @property
    def keys(self) -> tuple[str, ...]:
        """As `ExtensionInfo.keys` has them."""
        return tuple(f"{shelf} {key}" for shelf, things in self.shelves.items() for key in things)


def declared_in(module: ModuleType) -> Declared:
    """Methods are the classes that derive from `UnlearningMethod`; metrics stand in `METRICS`, with a heading in `FAMILY`.

    A network is `INFO` and `build`, with `PARTS` where its author names some, or a tuple of these in `NETWORKS`. A
    dataset is `INFO` and `load`, or what has both, in `DATASETS`. Rules of forget requests stand in `REQUESTS`, and explainers in
    `EXPLAINERS`.
    Raises WrongInput for what is none of these, or has no key that a command line can take.
    """
    found = Declared()
    for method in _methods(module):
        _put(found.methods, "method", method.key, method)
    family = str(getattr(module, "FAMILY", OTHER))
    for metric in _listed(module, "METRICS", Metric, "a Metric (core.metrics.base)"):
        _put(found.metrics, "metric", metric.info.key, replace(metric, info=replace(metric.info, family=family)))
    for info, build, parts in _networks(module):
        if not isinstance(info, ModelInfo) or not callable(build) or not isinstance(parts, Parts):
            raise WrongInput("A network is a ModelInfo and a function that builds it of a DatasetInfo, and Parts if any are named.")
        _put(found.models, "model", info.key, (info, marked(info.key, build, parts)))
    for source in _datasets(module):
        if not isinstance(getattr(source, "INFO", None), DatasetInfo) or not callable(getattr(source, "load", None)):
            raise WrongInput("A dataset has a DatasetInfo as INFO and a function load() that returns a Dataset.")
        _put(found.datasets, "dataset", source.INFO.key, source)
    for rule in _listed(module, "REQUESTS", Rule, "a Rule (core.domain.requests.selected)"):
        _put(found.requests, "request", rule.key, rule)
    for explainer in _listed(module, "EXPLAINERS", Explainer, "an Explainer (core.analysis.saliency.explainers)"):
        if explainer.explain is None or explainer.layered or explainer.baseline:
            raise WrongInput("An Explainer of an extension has a function `explain`, and chooses neither a layer nor a baseline.")
        _put(found.explainers, "explainer", explainer.key, explainer)
    return found


def check_new(found: Declared, taken: Mapping[str, Mapping[str, object]]) -> None:
    """taken: shelf -> what lies there already. Raises WrongInput for a key that is there."""
    for shelf, things in found.shelves.items():
        for key in things:
            if key in taken[shelf]:
                raise WrongInput(f"There is a {shelf} {key!r} already; an extension's needs a key of its own.")


def _put(shelf: dict[str, Any], kind: str, key: object, thing: object) -> None:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise WrongInput(f"The key of a {kind} is 2 to 48 small letters, digits and _, a letter first; got {str(key)!r:.60}.")
    if key in shelf:
        raise WrongInput(f"It declares two {kind}s with the key {key!r}.")
    shelf[key] = thing


def _methods(module: ModuleType) -> Iterator[type[UnlearningMethod]]:
    for value in vars(module).values():
        own = isinstance(value, type) and value.__module__.startswith(module.__name__)
        if own and issubclass(value, UnlearningMethod) and not inspect.isabstract(value):
            missing = [word for word in ("key", "title", "about") if not isinstance(getattr(value, word, None), str)]
            if missing:
                raise WrongInput(f"The method {value.__name__} lacks {' and '.join(missing)}.")
            if not 0 <= value().passes(1000, 100, ANY_RECIPE) < float("inf"):
                raise WrongInput(f"passes() of the method {value.__name__} must be a number from 0.")
            yield value


def _networks(module: ModuleType) -> Iterator[tuple[Any, Any, Any]]:
    if hasattr(module, "build") and isinstance(getattr(module, "INFO", None), ModelInfo):
        yield module.INFO, module.build, getattr(module, "PARTS", Parts())
    for listed in _listed(module, "NETWORKS", tuple, "a pair (ModelInfo, build)"):
        if len(listed) not in (2, 3):
            raise WrongInput("NETWORKS lists pairs (ModelInfo, build), or with Parts as a third.")
        yield (*listed, Parts())[:3]


def _datasets(module: ModuleType) -> Iterator[Any]:
    if hasattr(module, "load") and isinstance(getattr(module, "INFO", None), DatasetInfo):
        yield module
    yield from _listed(module, "DATASETS", object, "")


def _listed(module: ModuleType, name: str, wanted: type, words: str) -> list[Any]:
    """What a module lists under a name, where it lists anything."""
    listed = getattr(module, name, ())
    if not isinstance(listed, tuple | list) or not all(isinstance(one, wanted) for one in listed):
        raise WrongInput(f"{name} is a tuple, and each entry {words or 'a dataset'}.")
    return list(listed)
