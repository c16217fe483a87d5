"""Cached evaluation results of the original and reference models, reused by later runs."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from typing import Any

import numpy as np
import torch
from torch import nn

from core.metrics.base import Evidence, Logits, NotApplicable
from core.metrics.relearning import Relearning
from core.storage.artifacts import Damaged
from core.training.cache import Shared
from core.training.loop import predict
from core.training.run_setup import RunSetup

CACHED = ("relearn", "probes", "loss attack", "kit attack", "entropy attack")  # parts of `Evidence.cache`: slow, and small
TEXT = "known"  # name of the array that holds it, as JSON


@dataclass(frozen=True)
class CachedEvaluation:
    """Entries of `Evidence.cache` that depend on the original or the reference alone, and the key that they are stored under."""

    key: str
    values: Mapping[str, Any]


def shared_logits(setup: RunSetup, network: Shared, model: nn.Module) -> Logits:
    """The logits of the original or the reference on all data: from the cache, or computed now."""
    for kind in (f"answers/{setup.subject}@", "answers@"):  # the second: as versions before stored them
        setup.cache.store.forget_older(kind, setup.engine)

    def predict_all() -> dict[str, torch.Tensor]:
        halves = {"train": setup.splits.train, "test": setup.splits.test}
        return {half: predict(model, examples, setup.device) for half, examples in halves.items()}

    key, kind = setup.key("answers", setup.engine, network.file), f"answers/{setup.subject}@{setup.engine}"
    stored = setup.cache.load_or_make(key, kind, predict_all, setup.device)
    return Logits(stored.tensors["train"], stored.tensors["test"])


def evaluation_key(setup: RunSetup, networks: Mapping[str, str]) -> str:
    """Names a cached evaluation: by the networks' files (name -> file), the request's text, and the version of the code."""
    return setup.key("found", setup.engine, setup.spec.request.text, *setup.own, sorted(networks.items()))


def load_evaluation(setup: RunSetup, networks: Mapping[str, str]) -> CachedEvaluation:
    """The cached evaluation, empty where none is stored or its file is damaged. networks: name -> file."""
    key = evaluation_key(setup, networks)
    cached = setup.cache.store.kept(key)
    if not cached:
        return CachedEvaluation(key, {})
    try:
        text = setup.cache.artifacts.get_arrays(cached.file)[TEXT].tobytes()
    except Damaged:
        return CachedEvaluation(key, {})
    return CachedEvaluation(key, {name: _from_json(value) for name, value in json.loads(text).items()})


def store_evaluation(setup: RunSetup, cached: CachedEvaluation, evidence: Evidence) -> None:
    """Store this run's results of original and reference, unless all were cached before. cached: as loaded when it began."""
    values = {name: value for name, value in evidence.cache.items() if _is_shared(name)}
    if values.keys() <= cached.values.keys():
        return
    text = json.dumps({name: _to_json(value) for name, value in values.items()})  # layers stay in their order
    arrays = {TEXT: np.frombuffer(text.encode(), np.uint8)}
    for kind in (f"found/{setup.subject}@", "found@"):  # likewise
        setup.cache.store.forget_older(kind, setup.engine)
    setup.cache.store.keep(cached.key, f"found/{setup.subject}@{setup.engine}", setup.cache.artifacts.put_arrays(arrays), 0.0)


def _is_shared(name: str) -> bool:
    what, _, model = name.rpartition("/")
    return what in CACHED and model in ("original", "reference")


def _to_json(value: Any) -> Any:
    """As plain data; JSON keeps floats exactly."""
    if isinstance(value, NotApplicable):
        return {"reason": str(value)}
    if isinstance(value, Relearning):
        return {"curve": value.curve, "target": value.target}
    return {"value": value}


def _from_json(stored: dict[str, Any]) -> Any:
    if "reason" in stored:
        return NotApplicable(stored["reason"])
    return Relearning(tuple(stored["curve"]), stored["target"]) if "curve" in stored else stored["value"]
