"""The one place that checks what is asked, for the pages and the command line alike."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
import os
import re
from typing import Any, TypeVar

from core.domain.code_version import run_version
from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value, as_given, check_names
from core.domain.info import DatasetInfo, MethodInfo, unfit_recipe
from core.domain.methods import judged
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.methods.chains import check_chain, joined_params, steps_of
from core.domain.methods.judged import METHOD, Brought, params_of
from core.domain.presets import ForClasses, OfCeiling, not_offered, preset_for
from core.domain.requests.base import ForgetRequest
from core.domain.requests.classes import ClassRequest
from core.domain.run import LONGEST_LIMIT, Recipe, RunSpec, WeightsAs
from core.domain.training.own_recipe import own_recipe, with_own
from core.domain.training.ranks import check_ranks
from core.domain.training.recipes import LOG
from core.domain.training.sharding import check_sharding
from core.domain.training.validation_share import check_validation
from core.jobs.catalogue import Catalogue
from core.jobs.cluster.asked import RAY
from core.models.timm_names import is_timm, name_of
from core.storage.processes import gpus
from core.tuning.home_presets import HomePreset, preset_in

T = TypeVar("T")
RECIPE_PANEL = "Training recipe"  # of the forms
NO_FLOOR = (
    "There is no second reference: the reference was brought, and one that is trained here, by another recipe, would not show how far two "
    "like it lie apart."
)
NAMED = 12  # keys that a sentence names
UNITS = {"": 1, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}  # seconds


def preset_values(
    method: MethodInfo, data: DatasetInfo, model: str, request: ForgetRequest, own: Iterable[HomePreset] = (),
    recipe: Mapping[str, Any] | None = None,
) -> dict[str, Value]:  # fmt: skip
    """Every parameter of the method by name, as the preset of this dataset and model sets it for a checked request.

    own: the home's presets, which go before those that are shipped; of a method that has changed since, the values that it still takes.
    recipe: what of the recipe of training is not the pair's preset, as `own_recipe` gives it; a home's preset counts for its own recipe.
    """
    if chosen := preset_in(own, data.key, model, method.key, request.by_class, recipe or {}):
        return preset_values(method, data, model, request) | _taken(chosen.values, method)
    if method.steps:
        return joined_params(steps_of(method.key), [preset_values(step, data, model, request, own, recipe) for step in method.steps])
    preset = preset_for(data.key, model).methods.get(method.key, {})
    values = {p.name: p.default for p in method.params}
    for name, value in preset.items():
        if not isinstance(value, OfCeiling | ForClasses):
            values[name] = value
        elif request.by_class:
            values[name] = value.at(data.train_count, request.count(data))
        elif isinstance(value, ForClasses) and value.otherwise is not None:
            values[name] = value.otherwise
    return values


def _taken(values: dict[str, Value], method: MethodInfo) -> dict[str, Value]:
    """Those that the method declares and takes."""
    found = dict[str, Value]()
    for p in method.params:
        with suppress(WrongInput, KeyError):
            found[p.name] = p.parse(values[p.name])
    return found


def make_spec(
    shelves: Catalogue, dataset: str, model: str, request: ForgetRequest, method: str, settings: dict[str, Any],
    *, seed: int = 0, reference: bool = True, weights: str = "", weights_as: str = "", weights_follow: bool = False,
    recipe: Mapping[str, Any] | None = None,
) -> RunSpec:  # fmt: skip
    """A checked spec with every parameter spelled out. Raises WrongInput with one sentence that says what was wanted.

    `weights`, `weights_as`: what `stored_weights.store_weights` called the original's uploaded weights, and how they are read.
    `weights_follow`: they come later, when what else is asked has been checked. `recipe`: of training, what is not to be the preset's.
    """
    data = dataset_of(shelves, dataset)
    if is_timm(model):
        name_of(model)
    _pick(shelves.models, model, "model")
    check_chain(method)
    for step in steps_of(method):
        _pick(shelves.methods, step, "method")
    chosen = _pick(shelves.methods, method, "method")
    if bound := next((step for step in chosen.steps if step.needs_shards or LOG in step.keeps), None):
        raise WrongInput(f"{bound.title} reads how the original was trained, so it cannot be part of a chain.")
    if not (weights or weights_follow) and (reason := not_offered(dataset, model)):
        raise WrongInput(reason)
    request.check(data)
    if unfit := chosen.unfit(data, request.kind):
        raise WrongInput(unfit)
    if not 0 <= seed < 2**31:
        raise WrongInput(f"The seed must be a whole number from 0 to {2**31 - 1}; got {str(seed)[:60]}.")
    if weights and request.flips_labels:
        raise WrongInput(f"A {request.kind} request changes labels before the original is trained, which weights of your own have been.")
    if (weights or weights_follow) and LOG in chosen.keeps:
        raise WrongInput(f"{chosen.title} needs a {LOG}, and there is none of weights that were not trained here; choose another method.")
    if weights_as:
        WeightsAs.parse(weights_as)
    check_names(settings, [p.name for p in chosen.params])
    if len(request.classes) == 1:  # the same request in other words is the same run
        request = ClassRequest(request.classes)
    own = own_recipe(dataset, model, recipe or {})
    values = preset_values(chosen, data, model, request, shelves.presets, own) | as_given(settings, chosen.params)
    params = {p.name: p.parse(values[p.name]) for p in chosen.params}
    idle = [p for p in chosen.params if p.idle(params)]
    params |= {p.name: p.default for p in idle}  # what has no effect must not make another run
    version = run_version(dataset, model, method)
    _check_recipe(data, request, chosen, with_own(preset_for(dataset, model).recipe, own), bool(weights) or weights_follow)
    return RunSpec(dataset, model, request, method, params, seed, reference, asked_device(), version, weights, weights_as, own)


class NeedsShards(WrongInput):
    """A method that needs a recipe by shards or slices was asked for without one.

    The message names the command line's option; on_form: the same sentence for a reader of a form, which names its panel.
    """

    def __init__(self, method: MethodInfo, message: str) -> None:
        super().__init__(message)
        self.on_form = (
            f"{method.title} needs an original that was trained by shards or slices; set them under {RECIPE_PANEL} on this page, such as "
            "shards = 5 and slices = 3."
        )


def _check_recipe(data: DatasetInfo, request: ForgetRequest, method: MethodInfo, recipe: Recipe, brought: bool) -> None:
    """Raises WrongInput where the method, the data, the request or weights of one's own do not go with the recipe."""
    if unfit := unfit_recipe(method.title, recipe.shards, recipe.slices, method.needs_shards, method.not_ensemble):
        raise NeedsShards(method, unfit) if method.needs_shards else WrongInput(unfit)
    if recipe.sharded and brought:
        raise WrongInput("Weights of your own are of a network that was trained elsewhere, as a whole: leave out shards and slices.")
    check_sharding(recipe, data.train_count)
    check_validation(recipe, data, request, brought)
    if recipe.validation and LOG in method.keeps:
        raise WrongInput(f"{method.title} goes through the whole training again, on all training images: leave out the validation share.")
    check_ranks(recipe, method, asked_device(), 0 if os.environ.get(RAY) else len(gpus()))  # a cluster has others


def judged_spec(
    shelves: Catalogue, dataset: str, model: str, request: ForgetRequest, *, original: Brought, unlearned: Brought,
    brought: Brought | None = None, seed: int = 0, reference: bool = True, recipe: Mapping[str, Any] | None = None,
) -> RunSpec:  # fmt: skip
    """A checked spec of a run whose unlearned network was made elsewhere. Raises WrongInput.

    original, unlearned, brought: the weights of the two and of a reference, as stored, and how they are read; reference: whether
    there is one at all, trained here where none is brought; recipe: by which.
    """
    if recipe and (brought or not reference):
        raise WrongInput("A training recipe is for a reference that is trained here; this run trains nothing, so leave the recipe out.")
    base = make_spec(shelves, dataset, model, request, "original", {}, seed=seed, reference=reference, weights=original[0],
                     weights_as=original[1], weights_follow=True, recipe=recipe)  # fmt: skip
    if request.flips_labels:
        raise WrongInput(f"A {request.kind} request changes labels before the original is trained, which was trained elsewhere.")
    return replace(base, method=METHOD, params=params_of(unlearned, brought), engine=run_version(dataset, model, METHOD))


def dataset_of(shelves: Catalogue, key: str) -> DatasetInfo:
    """Raises WrongInput with the keys that there are."""
    return _pick(shelves.datasets, key, "dataset")


def why_no_floor(spec: RunSpec) -> str:
    """Why no second reference can be trained under this run, in one sentence; '' where one can."""
    if not spec.reference:
        return "A second reference is held against the reference, and this run has none."
    if "reference" in judged.brought(spec):
        return NO_FLOOR
    return ""


def floor_spec(spec: RunSpec, shelves: Catalogue) -> RunSpec:
    """The run that shows the floor under this one: the network retrained a second time, from another seed.

    By the code as it is now: beside a run of another engine it is not that run's floor.
    """
    second = make_spec(shelves, spec.dataset, spec.model, spec.request, SECOND_REFERENCE_METHOD, {}, seed=spec.seed,
                       weights=spec.weights, weights_as=spec.weights_as, recipe=spec.recipe)  # fmt: skip
    return replace(second, device=spec.device)


def again(spec: RunSpec, shelves: Catalogue, *, reference: bool) -> RunSpec:
    """The same question to the code as it is now: what it has new stands at its preset, what it knows no more is left out.

    Raises WrongInput.
    """
    if spec.method == METHOD:
        files = judged.brought(spec)
        same = judged_spec(shelves, spec.dataset, spec.model, spec.request, original=(spec.weights, spec.weights_as),
                           unlearned=files["unlearned"], brought=files.get("reference"), seed=spec.seed, reference=reference,
                           recipe=spec.recipe)  # fmt: skip
        return replace(same, device=spec.device)
    known = [p.name for p in _pick(shelves.methods, spec.method, "method").params]
    settings = {name: value for name, value in spec.params.items() if name in known}
    asked = make_spec(shelves, spec.dataset, spec.model, spec.request, spec.method, settings,
                      seed=spec.seed, reference=reference, weights=spec.weights, weights_as=spec.weights_as,
                      recipe=spec.recipe)  # fmt: skip
    return replace(asked, device=spec.device)


def asked_device() -> str:
    """FORGETSCOPE_DEVICE, '' where it is not set. Raises WrongInput for a device that PyTorch cannot have."""
    asked = os.environ.get("FORGETSCOPE_DEVICE", "").strip()
    if not re.fullmatch(r"(cpu|cuda(:\d+)?)?", asked):
        raise WrongInput(f"FORGETSCOPE_DEVICE must be cpu, cuda or cuda:N; got {asked!r}.")
    return asked


def limit_of(text: str, what: str = "A time limit") -> float | None:
    """Seconds from `90`, `90s`, `15min`, `2h`, `1h 30min` or `1.5h`; None where it says nothing. Raises WrongInput."""
    words = text.strip().lower()
    if not words:
        return None
    well = re.fullmatch(r"\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?\s*(?:s|min|m|h|d)\s*)+", words)
    pieces = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)", words) if well else []
    seconds = sum(float(number) * UNITS[unit] for number, unit in pieces)
    if not 1 <= seconds <= LONGEST_LIMIT:
        raise WrongInput(f"{what} must be from 1 second to 365 days, such as 90, 15min, 2h or 1h 30min; got {text!r:.60}.")
    return seconds


def _pick(shelf: dict[str, T], key: str, what: str) -> T:
    if key not in shelf:
        first = list(shelf)[:NAMED]
        near = get_close_matches(key, list(shelf)[NAMED:], 1)
        left = len(shelf) - len(first) - len(near)
        more = f" and {left} more, which `list {what}s` names" if left else ""
        raise WrongInput(f"There is no {what} {key!r:.80}; choose one of: {', '.join(near + first)}{more}.")
    return shelf[key]
