"""Uploaded weights in the home: checked and stored, and loaded with the normalisation and order of classes that a run names."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.data.registry import info_of, load_dataset
from core.domain.errors import WrongInput
from core.domain.run import WeightsAs
from core.models.registry import MODEL_INFOS, MODELS
from core.storage.artifacts import Artifacts, Damaged
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.training.cache import Shared, to_arrays, to_tensors
from core.training.context import choose_device
from core.training.layer_blocks import classifier
from core.training.uploaded_weights.accuracy_trials import measured, normalisations, normalise_by, normalised_by
from core.training.uploaded_weights.match_architecture import COUNTER, match_tensors, match_weights, not_learned
from core.training.uploaded_weights.read_file import LoadedWeights, read

BYTE = 255  # means 1.0 in most sets of images


def store_weights(home: Home, dataset: str, model: str, path: str, name: str = "") -> dict[str, Any]:
    """Check a file and store its weights: {"weights": the hash that a RunSpec names, "count": how many weights they are, …}.

    "notes": sentences about what was chosen or left out; "carried": whether the file contains the normalisation of pixels.
    `name`: the file's name on the user's side. Raises WrongInput with one sentence; nothing is stored then.
    """
    return store_loaded(home, dataset, model, read(Path(path), name))[0]


def store_loaded(home: Home, dataset: str, model: str, loaded: LoadedWeights) -> tuple[dict[str, Any], nn.Module]:
    """As `store_weights`, for weights already read; also returns the network with these weights. Raises WrongInput."""
    data = info_of(dataset, home.datasets_folder)
    network = MODELS[model](data).eval()
    called = next(info.title for info in MODEL_INFOS if info.key == model)
    matched = match_weights(loaded, network, f"{called} on {dataset}")
    network.load_state_dict(matched.tensors)
    with torch.no_grad():
        logits = network(torch.full((1, data.channels, data.height, data.width), 0.5))
    if not logits.isfinite().all():
        raise WrongInput("With these weights the network's answers are not finite numbers, so nothing can be measured of it.")
    file = Artifacts(home.artifacts_folder).put_arrays(to_arrays(matched.tensors))
    weights = file.partition(".")[0]
    with ResultStore(home.database) as store:
        store.keep(f"own/{weights}", "own weights", file, 0.0)  # a named file is never swept away
    count = sum(p.numel() for p in network.parameters())
    return {"weights": weights, "count": count, "notes": list(matched.notes), "carried": matched.normalised}, network


def tried(home: Home, dataset: str, network: nn.Module, carried: bool) -> dict[str, Any]:
    """The result of `accuracy_trials.measured` for a network that `store_loaded` built, on the device of runs. Raises WrongInput."""
    device = choose_device(os.environ.get("FORGETSCOPE_DEVICE", "").strip())
    return measured(network.to(device), load_dataset(dataset, home.datasets_folder), carried, device)


def load_weights(artifacts: Artifacts, weights: str, network: nn.Module, read_as: str = "", peak: int = BYTE) -> Shared:
    """The weights that `store_weights` stored, checked again, as a RunSpec's `weights_as` reads them; '' for unchanged.

    network: an untrained one of the run's dataset; peak: the byte that means 1.0 there. Raises WrongInput where the weights are gone,
    damaged, or of another architecture, and where they cannot be read so.
    """
    file = f"{weights}.safetensors"
    try:
        tensors = to_tensors(artifacts.get_arrays(file))
    except Damaged as damaged:
        raise WrongInput(f"The weights {weights[:12]} that were uploaded are gone or damaged; upload them again.") from damaged
    stored = match_tensors(tensors, network, "this run's network")
    if not read_as:
        return Shared(stored, file, 0.0, made_now=False)
    wanted = converted(stored, network, WeightsAs.parse(read_as), peak)
    if any(not torch.equal(wanted[key], stored[key]) for key in stored):
        file = artifacts.put_arrays(to_arrays(wanted))
    return Shared(wanted, file, 0.0, made_now=False)


def converted(weights: dict[str, Tensor], network: nn.Module, how: WeightsAs, peak: int = BYTE) -> dict[str, Tensor]:
    """The weights with the chosen normalisation of pixels, and the rows of the last layer in the dataset's order of classes.

    network: an untrained one of the dataset, with the dataset's own normalisation; the chosen one is set in place. Raises WrongInput.
    """
    own = normalised_by(network)
    changed = {}
    if how.normalisation != "file" and own:
        numbers = normalisations(own, peak)
        if how.normalisation not in numbers:
            raise WrongInput(f"The normalisation {how.normalisation} is for images of three channels; these have {len(own[0])}.")
        normalise_by(network, numbers[how.normalisation])
        changed = {key: value for key, value in network.state_dict().items() if key in not_learned(network) and not key.endswith(COUNTER)}
    if how.order:
        layer = network.get_submodule(classifier(network))
        rows = torch.tensor(how.order).argsort()
        for key in (f"{classifier(network)}.{name}" for name, _ in layer.named_parameters(recurse=False)):
            if len(weights[key]) != len(rows):
                raise WrongInput(f"The order of classes names {len(rows)}, and the network answers for {len(weights[key])}.")
            changed[key] = weights[key][rows]
    return {key: changed.get(key, value).contiguous() for key, value in weights.items()}
