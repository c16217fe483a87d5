"""Matches a file's weights with an architecture, key by key, and converts them to its shapes and types."""

import torch
from torch import Tensor, nn

from core.domain.errors import WrongInput
from core.models.layers import Normalise
from core.training.uploaded_weights.read_file import AVERAGED, LoadedWeights

COUNTER = ".num_batches_tracked"  # of BatchNorm; decides nothing
FEW = 3  # keys that a sentence names


def match_weights(loaded: LoadedWeights, network: nn.Module, called: str) -> LoadedWeights:
    """The weights without prefix and as `match_tensors` converts them. Raises WrongInput.

    called: the network in words, for error messages.
    """
    plain = unprefixed(loaded, network)
    normalised = any(key in plain.tensors for key in not_learned(network) if not key.endswith(COUNTER))
    return LoadedWeights(match_tensors(plain.tensors, network, called), plain.notes, normalised)


def unprefixed(loaded: LoadedWeights, network: nn.Module) -> LoadedWeights:
    """The weights without the prefix under which all that the network wants lies, such as `net.`; else as they are.

    Keys without the prefix are left out, with a note. Raises WrongInput where two prefixes fit.
    """
    state = loaded.tensors
    needed = [key for key in network.state_dict() if key not in not_learned(network)]
    if not needed or all(key in state for key in needed):
        return loaded
    first = needed[0]
    prefixes = sorted({key.removesuffix(first) for key in state if key.endswith(f".{first}")})
    complete = [prefix for prefix in prefixes if all(prefix + key in state for key in needed)]
    raw = [prefix for prefix in complete if not AVERAGED.fullmatch(prefix)]
    notes = []
    if len(raw) > 1 or (not raw and len(complete) > 1):
        where = _named([repr(prefix) for prefix in raw or complete])
        raise WrongInput(f"The file holds such a network more than once, under {where}; save one of them alone.")
    prefix = next(iter(raw or complete or (prefixes if len(prefixes) == 1 else [])), "")
    if not prefix:
        return loaded
    own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    others = [key for key in state if not key.startswith(prefix)]
    if not raw and complete:
        notes.append(f"Taken were averaged weights, under {prefix!r:.60}.")
    if others:
        notes.append(f"The network's weights lie under {prefix!r:.60}; what lies beside them was left out: {_named(others)}.")
    return LoadedWeights(own, (*loaded.notes, *notes))


def not_learned(network: nn.Module) -> set[str]:
    """Keys that a file may lack: BatchNorm's counters and the normalisation, which the dataset gives."""
    given = {f"{n}.{b}" for n, m in network.named_modules() if isinstance(m, Normalise) for b, _ in m.named_buffers()}
    return given | {key for key in network.state_dict() if key.endswith(COUNTER)}


def match_tensors(state: dict[str, Tensor], network: nn.Module, called: str) -> dict[str, Tensor]:
    """The network's state dict with these values, in its order, floating ones as float32. Raises WrongInput, naming keys.

    What is counted or given by the data, not learned, may be missing: the normalisation of pixels and BatchNorm's counters.
    A counter of another form (early PyTorch saved an array of one number) is brought into its own.
    """
    own = network.state_dict()
    given = not_learned(network)
    state = {key: _counter(t) if key.endswith(COUNTER) and key in own else t for key, t in state.items()}
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


def _counter(given: Tensor) -> Tensor:
    """As the one whole number that it is; 0 where it is something else, since it decides nothing."""
    dense = given.layout == torch.strided and given.device.type == "cpu" and not given.is_quantized and not given.is_complex()
    if not dense or given.numel() != 1 or not given.isfinite().all():
        return torch.tensor(0)
    return given.detach().reshape(()).to(torch.int64)


def _usable(given: Tensor, wanted: Tensor) -> bool:
    dense = given.layout == torch.strided and given.device.type == "cpu" and not given.is_quantized
    return dense and not given.is_complex() and given.is_floating_point() == wanted.is_floating_point()


def _named(odd: list[str]) -> str:
    """The first few, and how many more there are."""
    return ", ".join(word[:80] for word in odd[:FEW]) + (f" and {len(odd) - FEW} more" if len(odd) > FEW else "")


def _size(t: Tensor) -> str:
    return "x".join(map(str, t.shape)) or "one number"


def _kind(t: Tensor) -> str:
    kind = t.dtype if t.layout == torch.strided else t.layout
    return str(kind).removeprefix("torch.") + (" without numbers" if t.device.type == "meta" else "")
