"""Reads a file of weights without running anything in it, and extracts the state dict from what training scripts save."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
import re

from safetensors import safe_open
import torch
from torch import Tensor

from core.domain.errors import WrongInput
from core.storage.disk_and_memory_errors import out_of_memory
from core.training.uploaded_weights.scan_file import SAFETENSORS, ZIP, broken, scan

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module")  # names of the weights inside
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile and Lightning
AVERAGED = re.compile(r"(?i)(.*[_.])?(ema|swa|averaged)([_.].*)?")  # names of weights averaged over training


@dataclass(frozen=True)
class LoadedWeights:
    """tensors: name -> tensor on the CPU; notes: a sentence for each thing that was chosen or left out.

    normalised: whether the file contains the normalisation of pixels; set by `match_architecture.match_weights`.
    """

    tensors: dict[str, Tensor]
    notes: tuple[str, ...] = ()
    normalised: bool = False


def read(path: Path, name: str = "") -> LoadedWeights:
    """The state dict of a file, perhaps wrapped or prefixed. Raises WrongInput. Runs nothing in the file.

    A .safetensors file can hold nothing but tensors; all others are pickles, of which `weights_only` builds tensors and
    plain containers and refuses all else. name: the file's name on the user's side.
    """
    name = name or path.name
    safe = path.suffix.lower() == SAFETENSORS
    try:
        scan(path, name)
        content = _safetensors(path) if safe else _pickled(path)
    except WrongInput:
        raise
    except Exception as error:  # an untrusted file may make its parser raise anything
        if out_of_memory(error):
            raise WrongInput(f"{name!r} asks for more memory than a file of its size may; nothing of it was kept.") from error
        raise broken(name, "a safetensors file" if safe else "") from error
    return _unwrapped(content, name)


def _safetensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, "pt", device="cpu") as opened:
        return {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118  # its own keys(), it is no mapping


def _pickled(path: Path) -> object:
    with open(path, "rb") as file:
        zipped = file.read(len(ZIP)) == ZIP
    content: object = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    return content


def _unwrapped(content: object, name: str) -> LoadedWeights:
    """The state dict itself, or the one inside the usual wrappers. Raises WrongInput where there is none."""
    inner = content
    notes: list[str] = []
    for _ in WRAPPERS:  # one in another; not for ever, since a pickle may hold itself
        if not isinstance(inner, Mapping):
            break
        key, note = _wrapper(inner)
        if not key:
            break
        inner, notes = inner[key], [*notes, note]
    if not isinstance(inner, Mapping):
        raise WrongInput(f"{name!r} holds no weights: a state dict is wanted, as torch.save(model.state_dict(), FILE) writes it.")
    for key, value in inner.items():
        if not isinstance(key, str):  # not printed: tuples that hold each other twice would have no end
            raise WrongInput(f"{name!r} holds more than weights: a key is a {type(key).__name__}, not text; save the state dict alone.")
        if not isinstance(value, Tensor):
            raise WrongInput(f"{name!r} holds more than weights: {key[:60]!r} is a {type(value).__name__}; save the state dict alone.")
    state = {str(key): value for key, value in inner.items()}
    if len(state) > 1 and all(key.startswith(PREFIXES[0]) for key in state if key != "n_averaged"):
        state.pop("n_averaged", None)  # the count of torch's AveragedModel
    while prefix := next((p for p in PREFIXES if state and all(key.startswith(p) for key in state)), ""):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return LoadedWeights(state, tuple(filter(None, notes)))


def _wrapper(outer: Mapping[object, object]) -> tuple[str, str]:
    """The key under which the weights lie, and a note for the user; '' where this is the state dict itself."""
    raw = next((key for key in WRAPPERS if isinstance(outer.get(key), Mapping)), "")
    averaged = [k for k, value in outer.items() if isinstance(k, str) and AVERAGED.fullmatch(k) and isinstance(value, Mapping)]
    if raw and averaged:
        other = f"averaged ones lie beside them under {averaged[0][:60]!r}, save those alone to use them"
        return raw, f"Taken were the weights under {raw!r}; {other}."
    if averaged:
        return averaged[0], f"Taken were averaged weights, under {averaged[0][:60]!r}; the file has no others."
    return raw, ""
