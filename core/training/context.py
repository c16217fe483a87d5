"""The environment that training and a method run in: device, random generator, model factory, progress callback."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
import hashlib

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.domain.errors import WrongInput
from core.domain.run import Recipe
from core.training.grid import Sharded


@dataclass
class RunContext:
    """The environment of one stage of a run.

    `build` makes a new, untrained model on the CPU. `on_progress(share, note)` is called at every step. `statistics` holds
    what the method declared to need of the training set, computed beforehand, by the statistic's key. `sharded`: of a recipe that trains
    by shards or slices, where each example is, and the stages of the original; None of any other. `original_seed`: that trained the
    original; None where nobody said. `validation`: of what the recipe holds out, what whoever retrains may stop by; None for nothing.
    """

    build: Callable[[], nn.Module]
    recipe: Recipe
    seed: int = 0
    device: str = "cpu"
    on_progress: Callable[[float, str], None] = lambda share, note: None
    statistics: Mapping[str, dict[str, Tensor]] = field(default_factory=dict)
    sharded: Sharded | None = None
    original_seed: int | None = None
    validation: Examples | None = None
    generator: torch.Generator = field(init=False)
    recorded: dict[str, Tensor] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.seed)

    def fresh_model(self) -> nn.Module:
        """A new, untrained model on the run's device; the same one for the same seed.

        Layers draw their initial weights from torch's global generator: it is seeded here and restored afterwards.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return self.build().to(self.device)

    def progress(self, share: float, note: str) -> None:
        """share: done so far of this stage, in [0, 1]. A run is cancelled by ending its process."""
        self.on_progress(share, note)

    def part(self, start: float, end: float) -> "RunContext":
        """This context for a part of the work, whose progress 0 to 1 is reported as `start` to `end`; all else is shared."""
        inner = copy(self)
        inner.on_progress = lambda share, note: self.on_progress(start + share * (end - start), note)
        return inner

    def record(self, name: str, values: Mapping[str, Tensor]) -> None:
        """Store arrays for the Inside page with the run, under `name/key`."""
        self.recorded |= {f"{name}/{key}": tensor.detach().cpu() for key, tensor in values.items()}


def derived_seed(seed: int, purpose: str) -> int:
    """An independent seed for each purpose, so that one stage's draws never shift another's."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:7], "big")


def choose_device(wanted: str = "") -> str:
    """`wanted`; where it is '', `cuda` if there is a GPU, else `cpu`. Raises WrongInput where the wanted GPU is not there."""
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise WrongInput(
            f"FORGETSCOPE_DEVICE asks for {wanted}, but PyTorch finds no GPU here; set it to cpu or unset it."
        )
    count = torch.cuda.device_count() if wanted.startswith("cuda:") else 0
    if wanted.startswith("cuda:") and int(wanted.removeprefix("cuda:")) >= count:
        raise WrongInput(f"FORGETSCOPE_DEVICE asks for {wanted}, but the GPUs here go from cuda:0 to cuda:{count - 1}.")
    return wanted or ("cuda" if torch.cuda.is_available() else "cpu")


def synchronise(device: str) -> None:
    """Wait until the device has finished, so that seconds measured next are right."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
