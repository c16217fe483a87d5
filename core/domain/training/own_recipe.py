"""The recipe of a run: what of it is not as the preset has it, and the whole of it."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from math import ceil
from typing import Any

from core.domain.hyperparameters import Value
from core.domain.info import DatasetInfo
from core.domain.presets import preset_for
from core.domain.run import Recipe, RunSpec
from core.domain.training.recipes import PARTS, RECIPE, parsed_recipe


def preset_recipe(dataset: str, model: str) -> dict[str, Value]:
    """The recipe of a pair's preset, by the names of `RECIPE`."""
    plain = asdict(preset_for(dataset, model).recipe)
    return {**{part.name: plain.get(part.name, "") for part in RECIPE}, "schedule": "one_cycle" if plain["one_cycle"] else "constant"}


def brought(data: DatasetInfo) -> bool:
    """Whether a user added the dataset, or an extension has it; keys of added ones end in a digest, `flowers@0123abcd`."""
    return "@" in data.key or bool(data.extension)


def usual_recipe(data: DatasetInfo, model: str) -> dict[str, Value]:
    """What of the recipe is not as the preset has it where the user asks for nothing, as a RunSpec's `recipe`.

    On a dataset that a user or an extension brought, a recipe that was not found on it makes at least the preset's `least_steps`: three
    epochs of 10,000 images are 471 steps, of 1,000 images 48, which train no network worth unlearning. Of the shipped ones
    `make presets` tells whether their recipes do.
    """
    if not brought(data):
        return {}
    preset = preset_for(data.key, model)
    epochs = ceil(preset.least_steps / max(1, ceil(data.train_count / preset.recipe.batch_size)))
    return {"epochs": min(epochs, int(PARTS["epochs"].high or epochs))} if epochs > preset.recipe.epochs else {}


def asked_recipe(data: DatasetInfo, model: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a user asks for, and of what he does not name, the usual."""
    return usual_recipe(data, model) | dict(asked)


def said_recipe(dataset: str, model: str, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What must be asked for to get a RunSpec's `recipe` whatever is usual for the dataset, whose size and origin need not be known."""
    preset = preset_for(dataset, model)
    return ({"epochs": preset.recipe.epochs} if preset.least_steps else {}) | dict(recipe)


def own_recipe(dataset: str, model: str, asked: Mapping[str, Any]) -> dict[str, Value]:
    """What of an asked recipe is not as the preset has it: a RunSpec's `recipe`. Raises WrongInput."""
    preset = preset_recipe(dataset, model)
    values = preset | parsed_recipe(asked)
    without_effect = {part.name for part in RECIPE if part.idle(values)}  # which must not make another run
    return {name: value for name, value in values.items() if value != preset[name] and name not in without_effect}


def with_own(recipe: Recipe, own: Mapping[str, Any]) -> Recipe:
    """The recipe with what is its user's own, by the names of `RECIPE`."""
    values = {name: value for name, value in own.items() if name != "schedule"}
    return replace(recipe, **values, one_cycle=own["schedule"] == "one_cycle" if "schedule" in own else recipe.one_cycle)


def recipe_for(spec: RunSpec) -> Recipe:
    """By which a run's original and reference are trained."""
    return with_own(preset_for(spec.dataset, spec.model).recipe, spec.recipe)


def trained_data(spec: RunSpec, data: DatasetInfo) -> DatasetInfo:
    """The dataset with the counts of what the run's networks are trained on."""
    return data.trained_on(recipe_for(spec).validation)


def forget_count(spec: RunSpec, data: DatasetInfo) -> int:
    """Images of the forget set: of a rule those that are left where a share is held out; a draw is as large as it says.

    About, where `is_about`.
    """
    return spec.request.count(data if spec.request.drawn else trained_data(spec, data))


def is_about(spec: RunSpec) -> bool:
    """Whether `forget_count` is about right alone: how many of a column's value are held out is not known beforehand."""
    return bool(recipe_for(spec).validation) and spec.request.by_rule and not spec.request.by_class
