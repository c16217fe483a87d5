"""Where a network stands that is being trained, kept now and then: training that was stopped goes on from there, to the same weights."""

from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from core.storage.artifacts import Damaged
from core.training.cache import ArtifactCache, key_of, to_arrays, to_tensors
from core.training.training_state import Training

EVERY = 30.0  # seconds from one to the next, at least
SHARE = 0.05  # of training that keeping them may take
DAYS = 7  # after which nobody is expected to go on
Curve = list[tuple[float, ...]]  # of each epoch: mean loss and accuracy, and where a share is held out those on it


@dataclass
class Checkpoints:
    """Of one network, by its key; used while nobody else makes it. earlier: seconds that training took before it was stopped."""

    cache: ArtifactCache
    key: str
    kind: str
    curve: Curve = field(default_factory=list)
    earlier: float = 0.0
    began: float = 0.0
    last: float = 0.0
    wait: float = field(default_factory=lambda: EVERY)

    def resume(self, training: Training) -> int:
        """How many epochs are done already; 0 where nothing is kept, or what is kept is damaged."""
        self.began = self.last = perf_counter()
        kept = self.cache.store.kept(self._key)
        if kept is None:
            return 0
        try:
            found = to_tensors(self.cache.artifacts.get_arrays(kept.file))
        except Damaged:
            return 0
        training.restore(found)
        self.curve[:] = [tuple(point) for point in found["curve"].tolist()]
        self.earlier = kept.seconds
        return len(self.curve)

    def ended(self, training: Training) -> None:
        """An epoch has, which the curve knows of: keep it where the last was kept long enough ago."""
        now = perf_counter()
        if now - self.last < self.wait:
            return
        older = self.cache.store.kept(self._key)
        arrays = to_arrays(training.tensors()) | {"curve": as_array(self.curve)}
        file = self.cache.artifacts.put_arrays(arrays)
        self.cache.store.keep(self._key, self.kind, file, self.earlier + now - self.began)
        if older:
            self.cache.artifacts.remove(older.file)
        self.last = perf_counter()
        self.wait = max(EVERY, (self.last - now) / SHARE)

    def done(self) -> None:
        """The network is kept: what led to it goes."""
        if kept := self.cache.store.kept(self._key):
            self.cache.store.forget_kept(self._key)
            self.cache.artifacts.remove(kept.file)

    @property
    def _key(self) -> str:
        return key_of("checkpoint", self.key)


def as_array(curve: Curve) -> np.ndarray:
    """float64 (epochs, 2), or (epochs, 4)."""
    return np.array(curve, dtype=np.float64).reshape(len(curve), -1) if curve else np.zeros((0, 2))
