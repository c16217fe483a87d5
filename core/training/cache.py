"""Cache of what is trained or computed once and shared by runs: loaded where it is stored, else computed and stored."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from core.domain.run import digest
from core.storage.artifacts import Artifacts, Damaged
from core.storage.runs import ResultStore
from core.training.context import synchronise


@dataclass(frozen=True)
class Shared:
    """Tensors on the CPU; their file; the seconds that computing them took; whether they were computed just now."""

    tensors: dict[str, Tensor]
    file: str
    seconds: float
    made_now: bool


@dataclass(frozen=True)
class ArtifactCache:
    """Cached tensors by key: a digest of all that decides them."""

    store: ResultStore
    artifacts: Artifacts

    def has(self, key: str) -> bool:
        """Whether something is cached under the key (its file may still turn out damaged)."""
        return self.store.kept(key) is not None

    def load(self, key: str) -> dict[str, Tensor] | None:
        """The cached tensors; None where nothing is cached, or what is cannot be used."""
        found = self._load(key, lambda _: True)
        return None if found is None else found.tensors

    def load_or_make(
        self, key: str, kind: str, make: Callable[[], dict[str, Tensor]], device: str,
        fits: Callable[[dict[str, Tensor]], bool] = lambda _: True, earlier: Callable[[], float] = lambda: 0.0,
    ) -> Shared:  # fmt: skip
        """The cached tensors, or those of `make` on the device, stored under kind; what is damaged, or does not fit, is computed again.

        Where another run is just making them, they are waited for. earlier: seconds that `make` had spent on them before it was stopped.
        """
        if cached := self._load(key, fits):
            return cached
        with self.artifacts.making(key):
            if cached := self._load(key, fits):
                return cached
            self.store.forget_kept(key)
            synchronise(device)
            began = perf_counter()
            tensors = {name: tensor.detach().cpu() for name, tensor in make().items()}
            seconds = earlier() + perf_counter() - began
            file = self.artifacts.put_arrays(to_arrays(tensors))
            self.store.keep(key, kind, file, seconds)
        return Shared(tensors, file, seconds, made_now=True)

    def _load(self, key: str, fits: Callable[[dict[str, Tensor]], bool]) -> Shared | None:
        """None where nothing is cached, or what is cannot be used."""
        if cached := self.store.kept(key):
            with suppress(Damaged):
                tensors = to_tensors(self.artifacts.get_arrays(cached.file))
                if fits(tensors):
                    return Shared(tensors, cached.file, cached.seconds, made_now=False)
        return None


def to_arrays(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """NumPy arrays on the CPU, which the store writes without torch."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}


def to_tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Copies, so that they may be written to."""
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def key_of(*parts: object) -> str:
    """A digest of plain parts."""
    return digest(list(parts))
