"""Write down what is on the shelves, for those who must not import torch: python -m core.jobs.write_catalogue FOLDER."""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
import sys
from typing import Any

from core.data import write_image_arrays
from core.data.dataset import Dataset
from core.data.registry import DATASETS, load_dataset
from core.domain.errors import WrongInput
from core.domain.hyperparameters import params_of, with_params
from core.domain.info import ExtensionInfo, MethodInfo
from core.domain.methods.chains import MethodShelf
from core.domain.presets import preset_for
from core.domain.requests.classes import ClassRequest
from core.domain.requests.selected import Rule, Selection, applied
from core.extensions.load import RULES, SECONDS, load_extensions, within
from core.jobs.catalogue import IMAGES, IMPORTING, Catalogue
from core.jobs.validation import preset_values
from core.methods.base import UnlearningMethod
from core.methods.registry import METHODS
from core.metrics.registry import METRICS
from core.models.registry import MODEL_INFOS
from core.models.timm_names import ModelShelf
from core.storage.atomic import folder_beside

REQUEST = "request "  # before the key of a rule, as an extension's keys have it


def describe(ending: Collection[str] = (), say: Callable[[str], object] = lambda _: None) -> Catalogue:
    """The shelves as plain data, extensions included: what one of them brought says so. ending, say: see `load_extensions`."""
    extensions = load_extensions(None, ending, say)
    brought = {key: one.digest for one in extensions for key in one.keys}

    def marked(shelf: str, info: Any, **about: Any) -> Any:
        digest = brought.get(f"{shelf} {info.key}")
        if not digest:
            return info
        about |= {} if shelf == "metric" else {"about": f"{info.about} (An extension.)"}
        return replace(info, title=f"{info.title} (extension)", extension=digest, **about)

    return Catalogue(
        {key: marked("dataset", module.INFO, embedded=False) for key, module in DATASETS.items()},
        ModelShelf({info.key: marked("model", info) for info in MODEL_INFOS}),
        MethodShelf({key: marked("method", describe_method(method)) for key, method in METHODS.items()}),
        {key: marked("metric", metric.info) for key, metric in METRICS.items()},
        *_selected(extensions, say),
    )


def _selected(
    extensions: tuple[ExtensionInfo, ...], say: Callable[[str], object]
) -> tuple[tuple[ExtensionInfo, ...], dict[str, Selection]]:
    """What their rules name. One whose dataset is not here is not offered; one that fails is left out, and its extension says so."""
    found, told = dict[str, Selection](), list[ExtensionInfo]()
    for one in extensions:
        notes, failed = list[str](), set[str]()
        for name in [key for key in one.keys if key.startswith(REQUEST)]:
            say(one.name)  # should the rule end this process
            rule = RULES[name.removeprefix(REQUEST)]
            try:
                with within(SECONDS, f"The forget request {rule.key}"):
                    data = _dataset_of(rule)
                    if data is not None:
                        found[rule.key] = replace(applied(rule, data, len(data.train)), source=f"the extension {one.name}")
            except Exception as error:  # a user's own code may raise anything
                failed.add(name)
                notes.append(str(error) if isinstance(error, WrongInput) else f"{type(error).__name__}: {error}, in the rule {rule.key}")
        told.append(replace(one, keys=tuple(key for key in one.keys if key not in failed), notes=tuple(notes)))
    return tuple(told), found


def _dataset_of(rule: Rule) -> Dataset | None:
    """None where it is not on this machine."""
    try:
        return load_dataset(rule.dataset)
    except WrongInput:
        return None


def describe_method(method: type[UnlearningMethod]) -> MethodInfo:
    """A method's fields as plain data."""
    kinds, uses, keeps = (tuple(sorted(names)) for names in (method.kinds, method.uses, method.keeps))
    params = tuple(params_of(method).values())
    info = MethodInfo(
        method.key, method.title, method.about, method.paper, kinds, uses, keeps, params, method.reconstruction,
        method.explorable, method.multi, "" if method.multi else method.not_multi,
        method.needs_shards, method.not_ensemble,
    )  # fmt: skip
    return replace(info, passes=_passes(method, info))


def _passes(method: type[UnlearningMethod], info: MethodInfo) -> float:
    """Passes over the training set of digits, by the preset of digits."""
    digits, request = DATASETS["digits"].INFO, ClassRequest((0,))
    own: UnlearningMethod = with_params(method, preset_values(info, digits, "small_cnn", request))
    count = digits.train_count
    return own.passes(count, request.count(digits), preset_for("digits", "small_cnn").recipe) / count


def write(folder: Path, ending: Collection[str] = ()) -> None:
    """The catalogue and the embedded datasets' images, whole or not at all: a folder made beside, then renamed.

    ending: extensions that are not to be tried. Which one is being imported stands beside the folder, should that end this process.
    """
    importing = folder.with_name(f"{folder.name}.{IMPORTING}")
    importing.unlink(missing_ok=True)
    with folder_beside(folder.parent) as beside:
        shelves = describe(ending, importing.write_text)
        importing.unlink(missing_ok=True)
        (beside / "catalogue.json").write_text(shelves.to_json())
        for key, info in shelves.datasets.items():
            if info.embedded:
                write_image_arrays.write(beside / IMAGES / key, key)
        if not folder.exists():  # else another process was quicker, with the same content
            beside.rename(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:])
