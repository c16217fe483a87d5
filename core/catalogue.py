"""What can be asked for, known without importing torch, and the one place that checks what is asked."""

from dataclasses import asdict, dataclass
from functools import cache
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from core.descriptions import DatasetInfo, MethodInfo, MetricInfo, ModelInfo
from core.domain import ForgetRequest, RunSpec, WrongInput
from core.params import Value, check_names, param_from_dict
from core.presets import preset_for
from core.store.trouble import told
from core.version import ENGINE, code_version

T = TypeVar("T")
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
            {k: DatasetInfo(**_tuples(v)) for k, v in raw["datasets"].items()},
            {k: ModelInfo(**v) for k, v in raw["models"].items()},
            {
                k: MethodInfo(**_tuples({**v, "params": map(param_from_dict, v["params"])}))
                for k, v in raw["methods"].items()
            },
            {k: MetricInfo(**v) for k, v in raw["metrics"].items()},
        )


def _tuples(raw: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list | map) else v for k, v in raw.items()}


def catalogue(root: Path) -> Catalogue:
    """Read from the home folder; written there first, by a process of its own, when the engine's version is new."""
    return _read(_written(root, "catalogue.json"))


def is_written(root: Path) -> bool:
    """Whether `catalogue` will answer at once."""
    return (root / "catalogue" / code_version(ENGINE) / "catalogue.json").is_file()


def dataset_images(root: Path, dataset: str) -> dict[str, np.ndarray]:
    """`train_images` uint8 (N, C, H, W), `train_labels` int64 (N,), the same for test, and `peak` (the byte of 1.0)."""
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
        with told(folder):
            if folder.exists():
                shutil.rmtree(folder)
        command = [sys.executable, "-m", "core.describe", str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise WrongInput(f"The engine could not describe itself into {folder}: {last}")
    return folder / file


def preset_values(method: MethodInfo, dataset: str, model: str) -> dict[str, Value]:
    """Every parameter of the method by name, as the preset of this dataset and model sets it."""
    return {p.name: p.default for p in method.params} | preset_for(dataset, model).methods.get(method.key, {})


def make_spec(
    shelves: Catalogue, dataset: str, model: str, request: ForgetRequest, method: str, settings: dict[str, Any],
    *, seed: int = 0, reference: bool = True,
) -> RunSpec:  # fmt: skip
    """A checked spec with every parameter spelled out. Raises WrongInput with one sentence that says what was wanted."""
    data = _pick(shelves.datasets, dataset, "dataset")
    _pick(shelves.models, model, "model")
    chosen = _pick(shelves.methods, method, "method")
    check_request(request, data)
    if request.kind not in chosen.kinds:
        raise WrongInput(f"{chosen.title} serves requests of kind {', '.join(chosen.kinds)}, not {request.kind}.")
    if not 0 <= seed < 2**31:
        raise WrongInput(f"The seed must be a whole number from 0 to {2**31 - 1}; got {seed}.")
    check_names(settings, [p.name for p in chosen.params])
    values = preset_values(chosen, dataset, model) | settings
    params = {p.name: p.parse(values[p.name]) for p in chosen.params}
    return RunSpec(dataset, model, request, method, params, seed, reference, asked_device(), code_version(ENGINE))


def asked_device() -> str:
    """FORGETSCOPE_DEVICE, '' where it is not set. Raises WrongInput for a device that PyTorch cannot have."""
    asked = os.environ.get("FORGETSCOPE_DEVICE", "").strip()
    if not re.fullmatch(r"(cpu|cuda(:\d+)?)?", asked):
        raise WrongInput(f"FORGETSCOPE_DEVICE must be cpu, cuda or cuda:N; got {asked!r}.")
    return asked


def _pick(shelf: dict[str, T], key: str, what: str) -> T:
    if key not in shelf:
        raise WrongInput(f"There is no {what} {key!r}; choose one of: {', '.join(shelf)}.")
    return shelf[key]


def check_request(request: ForgetRequest, data: DatasetInfo) -> None:
    """Raises WrongInput where the request names something that is not there, nothing, or everything."""
    if request.kind == "random":
        _check_random(request, data)
        return
    by_class = request.by_class
    limit = len(data.classes) if by_class else data.train_count
    noun, plural = ("class", "classes") if by_class else ("training index", "training indices")
    if not request.picks:
        raise WrongInput(f"The forget set is empty; name at least one {noun} of {data.key}, 0 to {limit - 1}.")
    for pick in request.picks:
        if not 0 <= pick < limit:
            raise WrongInput(f"{data.key} has no {noun} {pick}; its {plural} go from 0 to {limit - 1}.")
    if len(request.picks) >= limit:
        raise WrongInput(f"The request would forget everything; leave at least one {noun} of {data.key} to keep.")


def _check_random(request: ForgetRequest, data: DatasetInfo) -> None:
    amount, total = request.amount, data.train_count
    wanted = f"a share between 0 and 1 or a whole count from 1 to {total - 1}"
    if not (amount > 0 and (amount < 1 or amount % 1 == 0)):
        raise WrongInput(f"A random request needs {wanted}; got {amount:g}.")
    count = request.random_count(total)
    if not count:
        raise WrongInput(f"The forget set is empty: {amount:g} of {total} examples is less than one; give {wanted}.")
    if count >= total:
        raise WrongInput(
            f"The request would forget everything; {data.key} has {total} training examples, give {wanted}."
        )
    if not 0 <= request.seed < 2**31:
        raise WrongInput(
            f"The seed of a random request must be a whole number from 0 to {2**31 - 1}; got {request.seed}."
        )
