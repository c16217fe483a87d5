"""What can be asked for, known without importing torch: the shelves, as the engine described them for its version."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
import json
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any

from filelock import FileLock
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from core.descriptions import Column, DatasetInfo, MethodInfo, MetricInfo, ModelInfo
from core.domain import WrongInput
from core.params import param_from_dict
from core.store.home import open_home
from core.store.trouble import told
from core.version import ENGINE, code_version

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Catalogue:
    """Everything on the shelves, by key."""

    datasets: dict[str, DatasetInfo]
    models: dict[str, ModelInfo]
    methods: dict[str, MethodInfo]
    metrics: dict[str, MetricInfo]

    def to_json(self) -> str:
        """The inverse of `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Catalogue":
        """The inverse of `to_json`."""
        raw = json.loads(text)
        return cls(
            {k: dataset_from(v) for k, v in raw["datasets"].items()},
            {k: ModelInfo(**v) for k, v in raw["models"].items()},
            {
                k: MethodInfo(**_tuples({**v, "params": map(param_from_dict, v["params"])}))
                for k, v in raw["methods"].items()
            },
            {k: MetricInfo(**v) for k, v in raw["metrics"].items()},
        )


def dataset_from(raw: dict[str, Any]) -> DatasetInfo:
    """From `asdict` by way of JSON."""
    return DatasetInfo(**_tuples({**raw, "columns": [Column(**_tuples(c)) for c in raw["columns"]]}))


def _tuples(raw: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list | map) else v for k, v in raw.items()}


def catalogue(root: Path) -> Catalogue:
    """Read from the home folder; written there first, by a process of its own, when the engine's version is new."""
    return _read(_written(root, "catalogue.json"))


def is_written(root: Path) -> bool:
    """Whether `catalogue` will answer at once."""
    return (root / "catalogue" / code_version(ENGINE) / "catalogue.json").is_file()


def dataset_images(root: Path, dataset: str) -> dict[str, np.ndarray]:
    """`train_images` uint8 (N, C, H, W), `train_labels` int64 (N,) or uint8 (N, A), the same for test, and `peak` (the byte of 1.0)."""
    file = f"{dataset}.safetensors"
    try:
        return load_file(_written(root, file))
    except SafetensorError:  # damaged
        return load_file(_written(root, file, anew=True))


def _read(path: Path) -> Catalogue:
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except (ValueError, TypeError, KeyError, AttributeError):  # damaged, or not ours
        path = _written(path.parents[2], path.name, anew=True)
        return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, _changed: int) -> Catalogue:
    return Catalogue.from_json(path.read_text())


def _written(root: Path, file: str, anew: bool = False) -> Path:
    """The file, which the engine can always write again: a damaged one costs seconds and nothing else."""
    folder = root / "catalogue" / code_version(ENGINE)
    if anew or not (folder / file).is_file():
        lock = FileLock(root / "catalogue.lock")  # who comes second waits for the first one's files
        with told(folder), lock:
            if anew or not (folder / file).is_file():
                _write(folder)
    return folder / file


def _write(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    command = [sys.executable, "-m", "core.describe", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise WrongInput(f"The engine could not describe itself into {folder}: {last}")


if __name__ == "__main__":  # `make run` starts this beside the server: a fresh home's first page need not wait for it
    with suppress(WrongInput):  # the page says it again, where it is read
        catalogue(open_home().root)
