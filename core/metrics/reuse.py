"""Results about the original and the reference alone, stored by metric for all later runs that have these networks."""

from collections.abc import Callable, Mapping
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.metrics.base import Logits, NotApplicable
from core.metrics.relearning import Relearning, steps_at_most
from core.storage.artifacts import Damaged
from core.training.cache import Shared
from core.training.run_setup import RunSetup

# Part of `Evidence.cached`'s names -> the module of core.metrics that computes it: what is slow to compute, and small.
SHARED = {
    "relearn": "relearning", "probes": "linear_probes", "gram": "cka", "graft": "layer_grafting",
    "loss attack": "membership_inference", "kit attack": "membership_inference", "entropy attack": "membership_inference",
    "untrained": "forget_set_outputs",
}  # fmt: skip
UNTRAINED = "untrained"
TEXT = "known"  # name of the array that holds what is no array, as JSON


class SharedResults:
    """Stored results of this run's original and reference, each under what decides it: networks, request, rows, the metric's own code.

    Those of the untrained network, which the run's seed decides, are among them.
    """

    def __init__(self, setup: RunSetup, networks: Mapping[str, str], rows: Tensor | None, operations: int | None) -> None:
        """networks: name -> file, of the original and, where there is one, the reference; rows, operations: see `Evidence`."""
        self._setup, self._networks = setup, networks
        self._shortened = {"relearn": (steps_at_most(operations),), "graft": (operations,)}
        self._rows = () if rows is None else (rows.tolist(),)

    def get(self, name: str) -> Any:
        """The stored value, NotApplicable among them; None where none is stored, it is damaged, or the name is not shared."""
        if (key := self._key(name)) is None or (kept := self._setup.cache.store.kept(key)) is None:
            return None
        try:
            return _decoded(self._setup.cache.artifacts.get_arrays(kept.file))
        except Damaged:
            return None

    def put(self, name: str, value: Any) -> None:
        """Store it, if the name is shared, in place of what another version of its code stored."""
        if (key := self._key(name)) is None:
            return
        setup, (kind, version) = self._setup, self._kind(name)
        for older in (f"{kind}@", f"found/{setup.subject}@", "found@"):  # the last two: as versions before stored them
            setup.cache.store.forget_older(older, version)
        setup.cache.store.keep(key, f"{kind}@{version}", setup.cache.artifacts.put_arrays(_encoded(value)), 0.0)

    def has(self, name: str) -> bool:
        """Whether it is stored."""
        return (key := self._key(name)) is not None and self._setup.cache.has(key)

    def _key(self, name: str) -> str | None:
        part, model = name.partition("/")[0], name.rpartition("/")[2]
        if part not in SHARED or model not in {*self._networks, UNTRAINED}:
            return None
        setup, about = self._setup, () if model == UNTRAINED else ("original", model)  # the original sets the aim of relearning
        files = [self._networks[name] for name in about]
        images = (*self._rows, *self._shortened.get(part, ()))
        return setup.key("result", name, self._kind(name)[1], setup.spec.request.text, *setup.own, files, *images)

    def _kind(self, name: str) -> tuple[str, str]:
        part = name.partition("/")[0]
        return f"result/{part}/{self._setup.subject}", self._setup.results[SHARED[part]]


class SharedLogits:
    """The logits of the original or the reference on the evaluated rows of the training set (None: all) and on the test set."""

    def __init__(self, setup: RunSetup, network: Shared, rows: Tensor | None) -> None:
        self._setup, self._rows = setup, rows
        version = setup.results["predictions"]
        self._kind = f"answers/{setup.subject}@{version}"
        self._key = setup.key("logits", version, network.file, None if rows is None else rows.tolist())
        for kind in (f"answers/{setup.subject}@", "answers@"):  # the second: as versions before stored them
            setup.cache.store.forget_older(kind, version)

    def stored(self) -> bool:
        """Whether they need not be computed."""
        return self._setup.cache.has(self._key)

    def load_or_compute(self, compute: Callable[[], Logits]) -> Logits:
        """The stored ones, or those of `compute`, which are stored."""

        def halves() -> dict[str, Tensor]:
            made = compute()
            return {"train": made.train, "test": made.test}

        found = self._setup.cache.load_or_make(self._key, self._kind, halves, self._setup.device)
        return Logits(found.tensors["train"], found.tensors["test"], self._rows)


def _encoded(value: Any) -> dict[str, np.ndarray]:
    """As arrays; JSON keeps floats exactly."""
    if isinstance(value, dict) and any(isinstance(one, Tensor) for one in value.values()):
        arrays = {f"array/{name}": one.numpy() for name, one in value.items()}
        return {TEXT: _text({"arrays": list(value)}), **arrays}  # layers stay in their order
    if isinstance(value, NotApplicable):
        return {TEXT: _text({"reason": str(value)})}
    if isinstance(value, Relearning):
        return {TEXT: _text({"curve": list(value.curve.items()), "target": value.target})}
    return {TEXT: _text({"value": value})}


def _text(plain: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(plain).encode(), np.uint8)


def _decoded(arrays: dict[str, np.ndarray]) -> Any:
    plain = json.loads(arrays[TEXT].tobytes())
    if "reason" in plain:
        return NotApplicable(plain["reason"])
    if "curve" in plain:
        return Relearning(dict(map(tuple, plain["curve"])), plain["target"])
    if "arrays" in plain:
        return {name: torch.from_numpy(arrays[f"array/{name}"].copy()) for name in plain["arrays"]}
    return plain["value"]
