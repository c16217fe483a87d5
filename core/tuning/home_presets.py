"""Settings that are this home's defaults for a dataset, a model and a method: chosen from a search of settings, in one JSON file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
import json
from pathlib import Path
from typing import Any

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value
from core.domain.json_checks import check_plain
from core.domain.run import check_params, recipe_text
from core.domain.training.recipes import check_recipe
from core.storage import atomic
from core.storage.access import actors
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home

LARGEST = 2**20  # bytes of the file


@dataclass(frozen=True)
class HomePreset:
    """by_class: for requests that name classes, else for all others. values: every parameter. found: where they come from, in words.

    recipe: what of the recipe of training is not the pair's preset, as a RunSpec has it: it is the default of runs by that recipe alone.
    """

    dataset: str
    model: str
    method: str
    by_class: bool
    values: dict[str, Value] = field(default_factory=dict)
    found: str = ""
    recipe: dict[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is the default of."""
        return _key(self.dataset, self.model, self.method, self.by_class, self.recipe)

    @property
    def text(self) -> str:
        """One line."""
        network = f"{self.model} ({recipe_text(self.recipe)})" if self.recipe else self.model
        return f"{self.method} on {self.dataset} with {network}, {'classes' if self.by_class else 'other requests'}: {self.found}"


def _key(dataset: str, model: str, method: str, by_class: bool, recipe: Mapping[str, Any]) -> tuple[Any, ...]:
    return dataset, model, method, by_class, tuple(sorted(recipe.items()))


def read(root: Path) -> tuple[HomePreset, ...]:
    """All of a home; entries that are damaged are left out."""
    path = Home(root).presets_file
    try:
        about = path.stat()
    except OSError:
        return ()
    return _read(path, (about.st_mtime_ns, about.st_size)) if about.st_size <= LARGEST else ()


@lru_cache(maxsize=8)
def _read(path: Path, _changed: tuple[int, int]) -> tuple[HomePreset, ...]:
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return ()
    found = []
    for entry in raw if isinstance(raw, list) else []:
        try:
            found.append(_preset(entry))
        except WrongInput:
            continue
    return tuple(found)


def _preset(entry: Any) -> HomePreset:
    check_plain("a preset", entry, dict)
    wanted = {"dataset": str, "model": str, "method": str, "by_class": bool, "values": dict, "found": str}
    for name, kind in wanted.items():
        check_plain(name, entry.get(name), kind)
    for value in entry["values"].values():
        check_plain("a value", value, type(value) if type(value) in (int, float) else str)
    check_params(entry["values"])
    recipe = entry.get("recipe", {})  # which older ones lack, since they counted for the preset's
    check_plain("recipe", recipe, dict)
    check_recipe(recipe)
    return HomePreset(**{name: entry[name] for name in wanted}, recipe=recipe)


def preset_in(
    presets: Iterable[HomePreset], dataset: str, model: str, method: str, by_class: bool, recipe: Mapping[str, Any]
) -> HomePreset | None:
    """The one for a dataset, a model, a method, a kind of request and a recipe's own part."""
    wanted = _key(dataset, model, method, by_class, recipe)
    return next((one for one in presets if one.key == wanted), None)


def use(home: Home, preset: HomePreset) -> None:
    """Make it the default; another one of the same key goes. Raises WrongInput where the disk does not let."""
    _write(home, [*(one for one in read(home.root) if one.key != preset.key), preset])


def give_up(home: Home, preset: HomePreset) -> None:
    """The shipped preset is the default again."""
    _write(home, [one for one in read(home.root) if one.key != preset.key])


def _write(home: Home, presets: Sequence[HomePreset]) -> None:
    actors.require_admin("choose this home's presets, which are everybody's defaults")
    with told(home.presets_file):
        atomic.write(home.presets_file, json.dumps([asdict(one) for one in presets], indent=1).encode())
