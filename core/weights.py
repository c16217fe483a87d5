"""Weights that a user brings: read without running anything, checked key by key against the architecture, kept in the home."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, is_zipfile

from safetensors import safe_open
import torch
from torch import Tensor, nn

from core.data.catalog import info_of
from core.domain import WrongInput
from core.kept import Shared, to_arrays, to_tensors
from core.models import MODEL_INFOS, MODELS
from core.models.normalise import Normalise
from core.store.artifacts import Artifacts, Damaged
from core.store.home import Home
from core.store.results import ResultStore

MOST_BYTES = 2**30  # of a file; .streamlit/config.toml lets as much through
KINDS = (".safetensors", ".pth", ".pt")
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")  # under which training scripts keep the weights
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile and Lightning
FEW = 3  # keys that a sentence names


def take_in(home: Home, dataset: str, model: str, path: str, name: str = "") -> dict[str, Any]:
    """Check a file and keep its weights: {"weights": the hash that a RunSpec names, "count": how many weights they are}.

    `name`: what the file is called where the user has it. Raises WrongInput with one sentence; nothing is kept then.
    """
    data = info_of(dataset, home.datasets_folder)
    network = MODELS[model](data).eval()
    called = next(info.title for info in MODEL_INFOS if info.key == model)
    fitting = fitted(read(Path(path), name), network, f"{called} on {dataset}")
    network.load_state_dict(fitting)
    with torch.no_grad():
        answer = network(torch.full((1, data.channels, data.height, data.width), 0.5))
    if not answer.isfinite().all():
        raise WrongInput("With these weights the network's answers are not finite numbers, so nothing can be measured of it.")
    file = Artifacts(home.artifacts_folder).put_arrays(to_arrays(fitting))
    weights = file.partition(".")[0]
    with ResultStore(home.database) as store:
        store.keep(f"own/{weights}", "own weights", file, 0.0)  # a named file is never swept away
    return {"weights": weights, "count": sum(p.numel() for p in network.parameters())}


def taken_in(artifacts: Artifacts, weights: str, network: nn.Module) -> Shared:
    """What `take_in` kept, checked again. Raises WrongInput where it is gone, damaged, or of another architecture."""
    file = f"{weights}.safetensors"
    try:
        tensors = to_tensors(artifacts.get_arrays(file))
    except Damaged as gone:
        raise WrongInput(f"The weights {weights[:12]} that were uploaded are gone or damaged; upload them again.") from gone
    return Shared(fitted(tensors, network, "this run's network"), file, 0.0, made_now=False)


def read(path: Path, name: str = "") -> dict[str, Tensor]:
    """Name -> tensor on the CPU, of a state dict, perhaps wrapped or prefixed. Raises WrongInput. Runs nothing in the file.

    A .safetensors file can hold nothing but tensors; a .pth or .pt file is a pickle, of which `weights_only` builds tensors
    and plain containers and refuses all else.
    """
    name = name or path.name
    if path.suffix.lower() not in KINDS:
        raise WrongInput(f"Own weights must be a file {', '.join(KINDS[:-1])} or {KINDS[-1]}; got {name!r}.")
    if not path.is_file():
        raise WrongInput(f"There is no file {name if path.name != name else path} to take weights from.")
    if path.stat().st_size > MOST_BYTES:
        raise WrongInput(f"A file of weights may have {MOST_BYTES / 1e9:.1f} GB; {name!r} has {path.stat().st_size / 1e9:.1f}.")
    try:
        found = _safetensors(path) if path.suffix.lower() == KINDS[0] else _pickled(path)
    except WrongInput:
        raise
    except Exception as broken:  # a stranger's file may break its reader in any way
        pickled = "a state dict and nothing else, as torch.save(model.state_dict(), FILE) writes it"
        kind = "a safetensors file" if path.suffix.lower() == KINDS[0] else pickled
        raise WrongInput(f"{name!r} could not be read: it must hold {kind}. Nothing in it was run.") from broken
    return _unwrapped(found, name)


def _safetensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, "pt", device="cpu") as opened:
        return {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118  # its own keys(), it is no mapping


def _pickled(path: Path) -> object:
    zipped = is_zipfile(path)
    if zipped:
        with ZipFile(path) as archive:
            inside = archive.infolist()
        if any(entry.compress_type != ZIP_STORED for entry in inside) or sum(e.file_size for e in inside) > MOST_BYTES:
            raise WrongInput("The weights' file is compressed, which PyTorch's own never are; save it with torch.save.")
    found: object = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    return found


def _unwrapped(found: object, name: str) -> dict[str, Tensor]:
    """Raises WrongInput for what is no state dict, also not inside one of the usual wrappers."""
    inner = found
    for _ in WRAPPERS:  # one in another; not for ever, since a pickle may hold itself
        inner = next((inner[key] for key in WRAPPERS if isinstance(inner.get(key), Mapping)), inner) if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping):
        raise WrongInput(f"{name!r} holds no weights: a state dict is wanted, as torch.save(model.state_dict(), FILE) writes it.")
    for key, value in inner.items():
        if not isinstance(key, str):  # not printed: tuples that hold each other twice would have no end
            raise WrongInput(f"{name!r} holds more than weights: a key is a {type(key).__name__}, not text; save the state dict alone.")
        if not isinstance(value, Tensor):
            raise WrongInput(f"{name!r} holds more than weights: {key[:60]!r} is a {type(value).__name__}; save the state dict alone.")
    state = {str(key): value for key, value in inner.items()}
    while prefix := next((p for p in PREFIXES if state and all(key.startswith(p) for key in state)), ""):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def fitted(state: dict[str, Tensor], network: nn.Module, called: str) -> dict[str, Tensor]:
    """The network's state dict with these values, in its order, floating ones as float32. Raises WrongInput, naming keys.

    What is counted or given by the data, not learned, may be missing: the normalisation of pixels and BatchNorm's counters.
    """
    own = network.state_dict()
    given = {f"{n}.{b}" for n, m in network.named_modules() if isinstance(m, Normalise) for b, _ in m.named_buffers()}
    given |= {key for key in own if key.endswith(".num_batches_tracked")}
    if odd := _named([key for key in own if key not in state and key not in given]):
        raise WrongInput(f"{called[0].upper()}{called[1:]} has weights that the file lacks: {odd}.")
    if odd := _named([key for key in state if key not in own]):
        raise WrongInput(f"The file has weights that {called} has not: {odd}.")
    if odd := _named([f"{key} is {_size(t)} and must be {_size(own[key])}" for key, t in state.items() if t.shape != own[key].shape]):
        raise WrongInput(f"The weights do not fit {called}: {odd}.")
    if odd := _named([f"{key} is {_kind(t)} and must be dense {_kind(own[key])}" for key, t in state.items() if not _usable(t, own[key])]):
        raise WrongInput(f"The weights do not fit {called}: {odd}.")
    state = {key: state[key].detach().to(own[key].dtype).clone() if key in state else own[key].detach().cpu() for key in own}
    if odd := _named([key for key, t in state.items() if not t.isfinite().all()]):
        raise WrongInput(f"The weights must be finite numbers; these hold others: {odd}.")
    return {key: t.contiguous() for key, t in state.items()}


def _usable(given: Tensor, wanted: Tensor) -> bool:
    dense = given.layout == torch.strided and given.device.type == "cpu" and not given.is_quantized
    return dense and not given.is_complex() and given.is_floating_point() == wanted.is_floating_point()


def _named(odd: list[str]) -> str:
    """The first few, and how many more there are."""
    return ", ".join(word[:80] for word in odd[:FEW]) + (f" and {len(odd) - FEW} more" if len(odd) > FEW else "")


def _size(t: Tensor) -> str:
    return "x".join(map(str, t.shape)) or "one number"


def _kind(t: Tensor) -> str:
    said = t.dtype if t.layout == torch.strided else t.layout
    return str(said).removeprefix("torch.") + (" without numbers" if t.device.type == "meta" else "")
