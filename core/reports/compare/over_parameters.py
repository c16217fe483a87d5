"""A metric over a parameter of a method, or over a part of the training recipe: points with intervals, a line for each other setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, isnan
import re
from typing import TYPE_CHECKING, NamedTuple

from core.domain.code_version import shared_part
from core.domain.methods.judged import METHOD
from core.domain.training.own_recipe import preset_recipe
from core.reports.compare.runs_by_seed import once, scenarios
from core.reports.intervals import Spread, spread

if TYPE_CHECKING:
    import pandas as pd

RECIPE = "recipe"  # in place of a method's key: a part of the training recipe, whatever the method
SUBJECT = 5  # parts of a line's key that say which original and reference its runs have
LINES = 6  # of a figure; of more, those with most points are drawn
_RECIPE = re.compile(r"^(?P<model>[^ ]+) \((?P<said>.*)\)$")


class Axis(NamedTuple):
    """What is varied. of: the key of a method, or RECIPE."""

    of: str
    name: str

    @property
    def title(self) -> str:
        """As a page offers it."""
        return f"{self.of}: {self.name.replace('_', ' ')}"


@dataclass(frozen=True)
class Line:
    """One line: points by the value of the parameter, in order. A value is a number, or a word."""

    name: str
    points: Mapping[float | str, Spread] = field(default_factory=dict)


@dataclass(frozen=True)
class Curve:
    """lines: those that are drawn; left_out: how many more there are.

    levels: of the original and the reference, by value: what the recipe varies varies them, what a method varies does not. None where
    the runs are about several requests or networks, which have several references.
    """

    lines: tuple[Line, ...]
    left_out: int
    levels: Mapping[str, Mapping[float | str, Spread]]

    @property
    def values(self) -> list[float | str]:
        """All values of the parameter, numbers first, in order."""
        return sorted({value for line in self.lines for value in line.points}, key=_order)


def _order(value: float | str) -> tuple[bool, float, str]:
    return isinstance(value, str), 0.0 if isinstance(value, str) else value, str(value)


def settings_in(text: str) -> dict[str, str]:
    """Name -> value, of settings as `settings_text` writes them."""
    return {name: value for name, equals, value in (part.partition("=") for part in text.split(" · ")) if equals}


def recipe_in(model: str) -> tuple[str, dict[str, str]]:
    """The network, with whose weights it has where these are somebody's own; and what of its training recipe is not the preset's.

    Of a model as `model_text` writes it.
    """
    if not (found := _RECIPE.match(model)):
        return model, {}
    weights, _, recipe = found["said"].rpartition("; ") if "; " in found["said"] else ("", "", found["said"])
    pairs = [word.partition("=") for word in recipe.split()]
    if not all(equals for _, equals, _ in pairs):
        return model, {}
    return f"{found['model']} ({weights})" if weights else found["model"], {name: value for name, _, value in pairs}


def axes(frame: "pd.DataFrame") -> list[Axis]:
    """Parameters that take two values or more among these runs. frame: as `comparison` makes it."""
    seen = dict[Axis, set[str]]()
    told = frame.loc[(frame["control"] == "") & (frame["method"] != METHOD), ["method", "settings"]].drop_duplicates()
    for method, settings in zip(told["method"], told["settings"], strict=True):
        for name, value in settings_in(settings).items():
            seen.setdefault(Axis(method, name), set()).add(value)
    recipes = [recipe_in(model)[1] for model in frame["model"].unique()]
    for recipe in recipes:
        for name, value in recipe.items():
            seen.setdefault(Axis(RECIPE, name), set()).add(value)
    found = [axis for axis, values in seen.items() if len(values) > 1 or (axis.of == RECIPE and any(axis.name not in r for r in recipes))]
    return sorted(found, key=lambda axis: (axis.of == RECIPE, axis))


def curve(frame: "pd.DataFrame", axis: Axis, metric: str) -> Curve:
    """The metric's means over runs that differ by seed and draw alone, with their 95 % intervals.

    frame: as `comparison` makes it. A run whose recipe does not name the part that is varied has the preset's value of it.
    """
    lines = dict[tuple[str, ...], dict[float | str, list[float]]]()
    of_axis = frame if axis.of == RECIPE else frame[(frame["method"] == axis.of) & (frame["control"] == "")]
    parts = [of_axis[name] for name in ("dataset", "model", "method", "settings", "control", metric, "engine", "reference")]
    for dataset, model, method, settings, control, value, engine, held, request in zip(*parts, scenarios(of_axis), strict=True):
        architecture, recipe = recipe_in(model)
        own = settings_in(settings)
        at = own.pop(axis.name, None) if axis.of != RECIPE else recipe.pop(axis.name, None)
        if at is None and axis.of == RECIPE:
            at = str(preset_recipe(dataset, architecture.partition(" ")[0]).get(axis.name, ""))
        if not at or isnan(value):
            continue
        trained = " ".join(f"{name}={value}" for name, value in sorted(recipe.items()))
        subject = (dataset, architecture, request, trained, f"version {shared_part(engine)}")
        told = (method, control or "the method itself", "with a reference" if held else "without a reference")
        others = (*subject, *told, *(f"{n}={v}" for n, v in sorted(own.items())))
        lines.setdefault(others, {}).setdefault(_number_in(at), []).append(float(value))
    ordered = sorted(lines.items(), key=lambda item: -len(item[1]))
    names = _differing([key for key, _ in ordered[:LINES]])
    drawn = [
        Line(name, {value: spread(points[value]) for value in sorted(points, key=_order)})
        for name, (_, points) in zip(names, ordered[:LINES], strict=True)
    ]
    values = [value for line in drawn for value in line.points]
    one = len({key[:SUBJECT] for key, _ in ordered}) == 1
    levels = {model: _levels(of_axis, axis, f"{model}.{metric}", values) for model in ("reference", "original")} if one else {}
    return Curve(tuple(drawn), max(0, len(ordered) - LINES), {model: found for model, found in levels.items() if found})


def _levels(frame: "pd.DataFrame", axis: Axis, column: str, values: Sequence[float | str]) -> dict[float | str, Spread]:
    """Of one network beside the unlearned: its mean by value of the parameter."""
    if column not in frame:
        return {}
    shared = once(frame)
    if axis.of != RECIPE:
        over = spread(shared[column])
        return dict.fromkeys(sorted(set(values), key=_order), over) if over.n else {}
    by_value = dict[float | str, list[float]]()
    for dataset, model, value in zip(shared["dataset"], shared["model"], shared[column], strict=True):
        architecture, recipe = recipe_in(model)
        at = recipe.get(axis.name) or preset_recipe(dataset, architecture.partition(" ")[0]).get(axis.name, "")
        if not isnan(value):
            by_value.setdefault(_number_in(str(at)), []).append(float(value))
    return {value: spread(by_value[value]) for value in sorted(by_value, key=_order)}


def _number_in(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if isfinite(number) else text


def _differing(keys: Sequence[tuple[str, ...]]) -> list[str]:
    """Names of lines: what of each is not alike in all."""
    alike = set(keys[0]).intersection(*keys[1:]) if keys else set()
    return [" · ".join(part for part in key if part and part not in alike) or "all else alike" for key in keys]
