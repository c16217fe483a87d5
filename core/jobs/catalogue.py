"""What can be asked for, known without importing torch: the shelves, as the engine described them for its version."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache, lru_cache
import json
import os
from pathlib import Path
import shutil
import subprocess
from tempfile import TemporaryDirectory

from filelock import FileLock
import numpy as np

from core.data.importing import store as imported
from core.data.write_image_arrays import CONTENTS, SENTENCE
from core.domain.code_version import catalogue_version
from core.domain.errors import WrongInput
from core.domain.extension_files import extension_files
from core.domain.hyperparameters import param_from_dict
from core.domain.info import DatasetInfo, ExtensionInfo, MethodInfo, MetricInfo, ModelInfo, dataset_from, tuples
from core.domain.methods.chains import MethodShelf, steps_of
from core.domain.requests.selected import SelectedRequest, Selection
from core.domain.run import RunSpec
from core.models.timm_names import ModelShelf
from core.storage.access import actors
from core.storage.disk_and_memory_errors import DiskTrouble, told
from core.storage.home import Home, open_home
from core.storage.processes import python_module
from core.tuning import home_presets
from core.tuning.home_presets import HomePreset

IMPORTING = "importing"  # how the note is called that says which extension is being imported
LONGEST = 900  # seconds of a description, or of writing a dataset's images
IMAGES = "images"  # the folder of a dataset's images, beside the catalogue


@dataclass(frozen=True)
class Catalogue:
    """Everything on the shelves, by key; extensions: those that were found, also those that put nothing there, with why.

    selections: what rules of extensions name, by key. presets: settings that are defaults in this home.
    """

    datasets: dict[str, DatasetInfo]
    models: dict[str, ModelInfo]
    methods: dict[str, MethodInfo]
    metrics: dict[str, MetricInfo]
    extensions: tuple[ExtensionInfo, ...] = ()
    selections: dict[str, Selection] = field(default_factory=dict)
    presets: tuple[HomePreset, ...] = ()

    def to_json(self) -> str:
        """The inverse of `from_json`, which knows no presets."""
        return json.dumps(asdict(replace(self, presets=())))

    @classmethod
    def from_json(cls, text: str) -> "Catalogue":
        """The inverse of `to_json`."""
        raw = json.loads(text)
        return cls(
            {k: dataset_from(v) for k, v in raw["datasets"].items()},
            ModelShelf({k: ModelInfo(**v) for k, v in raw["models"].items()}),
            MethodShelf({
                k: MethodInfo(**tuples({**v, "params": map(param_from_dict, v["params"])}))
                for k, v in raw["methods"].items()
            }),
            {k: MetricInfo(**v) for k, v in raw["metrics"].items()},
            tuple(ExtensionInfo(**tuples(one)) for one in raw["extensions"]),
            {key: Selection(**tuples(one)) for key, one in raw["selections"].items()},
        )


def catalogue(root: Path) -> Catalogue:
    """Read from the home folder; written there first, by a process of its own, when the engine's version is new.

    With the datasets that the user added, of which a damaged one is left out, and the home's own presets.
    """
    shelves, folder = _read(_written(root, "catalogue.json", _write)), Home(root).datasets_folder
    SelectedRequest.sets = shelves.selections
    if own := home_presets.read(root):
        shelves = replace(shelves, presets=own)
    try:
        added = _added(folder, folder.stat().st_mtime_ns)
    except OSError:  # nothing was ever added
        return shelves
    return replace(shelves, datasets={**shelves.datasets, **added})


@lru_cache(maxsize=8)
def _added(folder: Path, _changed: int) -> dict[str, DatasetInfo]:
    found = {}
    for key in imported.keys(folder):
        with suppress(WrongInput):  # damaged, or removed since it was listed
            found[key] = imported.info_of(folder, key)
    return found


def reload(root: Path) -> None:
    """Describe everything anew, extensions too: a library that one of them lacked may have been installed. Raises Forbidden."""
    actors.require_member("have the shelves described anew")
    _written(root, "catalogue.json", _write, anew=True)


def usable_extensions(root: Path, spec: RunSpec | None = None) -> frozenset[str] | None:
    """Names of those that can be imported, of a run those that it needs; None where that was not found out yet."""
    if not extension_files():
        return frozenset()
    if not is_written(root):
        return None
    usable = [one for one in catalogue(root).extensions if not one.error]
    if spec is not None:
        wanted = {f"dataset {spec.dataset}", f"model {spec.model}", *(f"method {step}" for step in steps_of(spec.method))}
        usable = [one for one in usable if any(key in wanted or key.startswith("metric ") for key in one.keys)]
    return frozenset(one.name for one in usable)


def is_written(root: Path) -> bool:
    """Whether `catalogue` will answer at once."""
    return (root / "catalogue" / catalogue_version() / "catalogue.json").is_file()


def dataset_images(root: Path, dataset: str) -> dict[str, np.ndarray]:
    """Arrays mapped into memory, read-only; written there first, by a process of its own, when they are asked for.

    `train_images` uint8 (N, C, H, W); `train_labels` int64 (N,), or uint8 (N, A) for attributes; `train_column/NAME` int64
    (N,), an index into the column's values; the same for test; `peak` (the byte of 1.0). Raises WrongInput where the dataset
    is not to be had; nothing is downloaded. What the user added is mapped from where it was put.
    """
    if imported.KEY.fullmatch(dataset):
        return {**imported.arrays_of(Home(root).datasets_folder, dataset), "peak": np.array(255)}
    try:
        return _mapped(_written_images(root, dataset))
    except WrongInput:  # which is a ValueError: the engine has said why, and would say it again
        raise
    except (ValueError, TypeError, KeyError, OSError, EOFError):  # damaged, or swept away by a newer version
        return _mapped(_written_images(root, dataset, anew=True))


def _mapped(folder: Path) -> dict[str, np.ndarray]:
    names = json.loads((folder / CONTENTS).read_text())
    files = {name: folder / f"{index}.npy" for index, name in enumerate(names)}
    arrays = {name: np.load(file, mmap_mode="r", allow_pickle=False) for name, file in files.items()}
    return arrays | {"peak": arrays["peak"].reshape(())}  # a single number comes back from the map as a row of one


def _written_images(root: Path, dataset: str, anew: bool = False) -> Path:
    return _written(root, f"{IMAGES}/{dataset}/{CONTENTS}", lambda folder: _replace_images(folder, dataset), anew).parent


def _replace_images(folder: Path, dataset: str) -> None:
    _write_images(folder, dataset)
    for old in folder.parents[2].glob(f"*/{IMAGES}/{dataset}"):
        if old != folder:  # another version's: hundreds of MB, for a set of colour images
            shutil.rmtree(old, ignore_errors=True)


def _write_images(folder: Path, dataset: str) -> None:
    described = folder.parents[1] / "catalogue.json"
    brought = described.is_file() and (info := _read(described).datasets.get(dataset)) is not None and info.extension
    module = "core.extensions.write_images" if brought else "core.data.write_image_arrays"
    status, last = _run(module, folder, dataset)
    if status:
        raise WrongInput(last if status == SENTENCE else f"The engine could not write the images of {dataset} into {folder}: {last}")


def _read(path: Path) -> Catalogue:
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except (ValueError, TypeError, KeyError, AttributeError):  # damaged, or not ours
        path = _written(path.parents[2], path.name, _write, anew=True)
        return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, _changed: int) -> Catalogue:
    return Catalogue.from_json(path.read_text())


def _written(root: Path, file: str, write: Callable[[Path], None], anew: bool = False) -> Path:
    """A file of this version's catalogue. The engine can always write its folder again: a damaged one costs seconds and nothing else.

    Where the home takes no file, it lies in a folder of this process's own, so that what is stored can still be looked at.
    """

    def within(base: Path) -> Path:
        path = base / "catalogue" / catalogue_version() / file
        if anew or not path.is_file():
            with told(path.parent), FileLock(base / "catalogue.lock"):  # who comes second waits for the first one's files
                if anew or not path.is_file():
                    write(path.parent)
        return path

    try:
        return within(root)
    except DiskTrouble:
        return within(_elsewhere())


@cache
def _elsewhere() -> Path:
    """Of this process; it goes when the process ends."""
    _KEPT.append(TemporaryDirectory(prefix="forgetscope-", ignore_cleanup_errors=True))
    return Path(_KEPT[-1].name)


_KEPT: list["TemporaryDirectory[str]"] = []  # one that nothing holds would be gone at once


def _write(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    importing, ending = folder.with_name(f"{folder.name}.{IMPORTING}"), list[str]()
    while True:
        status, last = _run("core.jobs.write_catalogue", folder, *ending)
        if not status and (folder / "catalogue.json").is_file():
            break
        name = importing.read_text() if importing.is_file() else ""
        if not name or name in ending:
            raise WrongInput(f"The engine could not describe itself into {folder}: {last}")
        ending.append(name)  # an extension that ended the process; the next one does without
    importing.unlink(missing_ok=True)


def _run(module: str, *words: object) -> tuple[int, str]:
    """Its exit status, and the last line of what it wrote on stderr."""
    try:
        done = subprocess.run(**python_module(module, *words), capture_output=True, text=True, check=False, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return 1, f"it took longer than {LONGEST} seconds"
    return done.returncode, (done.stderr.strip().splitlines() or ["it said nothing"])[-1]


if __name__ == "__main__":  # `make run` starts this beside the server: a fresh home's first page need not wait for it
    os.nice(10)  # the first page, Story, does without it and goes first
    with suppress(WrongInput):  # the page says it again, where it is read
        catalogue(open_home().root)
