"""Single files of a finished run, as they are downloaded: made when they are asked for, and whole or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import numpy as np
from safetensors.numpy import save

from core.domain.errors import WrongInput
from core.export.bundle.layout import MOST_HELD, NETWORKS, STATISTIC
from core.export.bundle.write import write
from core.figures.palette import MODEL_TITLE
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore


@dataclass(frozen=True)
class Download:
    """One file. about: what is in it, in a sentence. make: its content; raises WrongInput where what it is made of is gone."""

    label: str
    file_name: str
    about: str
    make: Callable[[], bytes]


def downloads(home: Home, run_id: str) -> list[Download]:
    """What there is of a finished run: weights, statistics, recordings, masks and scores; files that are gone are left out."""
    with ResultStore(home.database) as store:
        files = store.artifacts(run_id)
    artifacts = Artifacts(home.artifacts_folder)
    there = {name: file for name, file in files.items() if artifacts.has(file)}
    kinds = {
        **{name: (f"Weights, {MODEL_TITLE[name].lower()}", "The network's state dict.") for name in NETWORKS},
        **{name: ("Importances", f"What the method measured of the training set first ({name.removeprefix(STATISTIC).partition('-')[0]}), "
                  "by parameter.") for name in there if name.startswith(STATISTIC)},
        "recorded": ("Recordings", "What the method handed over, such as importances to the forget set and factors of dampening."),
        "examples": ("Per-example scores", "Loss, entropy, confidence and prediction of each example by each network."),
        "answers": ("Probabilities", "Of every class for each example, by network; rows as in the per-example scores."),
    }  # fmt: skip
    found = [
        Download(label, _name(run_id, name, there[name]), about, partial(artifacts.content, there[name]))
        for name, (label, about) in kinds.items() if name in there
    ]  # fmt: skip
    if "touched" in there and "unlearned" in there:
        about = "For each weight whether it is among those that the method changed most: all that changed, a tenth at most."
        make = partial(_masks, artifacts, there["touched"], there["unlearned"])
        found.append(Download("Masks", _name(run_id, "masks", there["touched"]), about, make))
    return found


def bundle_of(home: Home, any_id: str, *, weights: bool = True) -> bytes:
    """The bundle of one run or study, as a page gives it. Raises WrongInput, too, where it is too large to be held in memory."""
    stream = BytesIO()
    write(home, [any_id], stream, weights=weights, most=MOST_HELD)
    return stream.getvalue()


def _masks(artifacts: Artifacts, packed: str, network: str) -> bytes:
    """Parameter -> bool array in its shape; they are stored eight to a byte."""
    shapes = {name: array.shape for name, array in artifacts.get_arrays(network).items()}
    masks = {}
    for name, bits in artifacts.get_arrays(packed).items():
        if name not in shapes:
            raise WrongInput(f"The masks name {name}, which the network has not; run it again.")
        masks[name] = np.unpackbits(bits)[: int(np.prod(shapes[name]))].reshape(shapes[name]).astype(bool)
    return bytes(save(masks))


def _name(run_id: str, name: str, file: str) -> str:
    """`b5c847207323-examples.parquet`."""
    return f"{run_id}-{name.replace('/', '-')}.{file.rpartition('.')[2]}"
