"""What was found of a run's original and reference, kept for other runs: whatever is unlearned, those two stay the same."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from typing import Any

import numpy as np
import torch
from torch import nn

from core.metrics.base import Answers, Evidence, NotApplicable
from core.metrics.relearning import Relearning
from core.storage.artifacts import Damaged
from core.training.cache import Shared
from core.training.loop import predict
from core.training.run_setup import RunSetup

KNOWN = ("relearn", "probes", "loss attack", "entropy attack")  # of what Evidence knows: what takes long to take, and is small
TEXT = "known"  # name of the array that holds it, as JSON


@dataclass(frozen=True)
class Found:
    """What Evidence knew of original and reference alone, and the key that names it."""

    key: str
    known: Mapping[str, Any]


def answers_of(setup: RunSetup, network: Shared, model: nn.Module) -> Answers:
    """The logits of a network that runs share, on all data: from the store, or asked for now."""
    for kind in (f"answers/{setup.subject}@", "answers@"):  # the second: as versions before stored them
        setup.cache.store.forget_older(kind, setup.engine)

    def ask() -> dict[str, torch.Tensor]:
        halves = {"train": setup.splits.train, "test": setup.splits.test}
        return {half: predict(model, examples, setup.device) for half, examples in halves.items()}

    key, kind = setup.key("answers", setup.engine, network.file), f"answers/{setup.subject}@{setup.engine}"
    told = setup.cache.load_or_make(key, kind, ask, setup.device)
    return Answers(told.tensors["train"], told.tensors["test"])


def found_key(setup: RunSetup, networks: Mapping[str, str]) -> str:
    """Names it: by the networks' files (name -> file), the request as it is worded, which metrics read, and the code that measures."""
    return setup.key("found", setup.engine, setup.spec.request.text, *setup.own, sorted(networks.items()))


def load_found(setup: RunSetup, networks: Mapping[str, str]) -> Found:
    """Nothing known where nothing is kept, or where it is damaged: it is then found again. networks: name -> file."""
    key = found_key(setup, networks)
    kept = setup.cache.store.kept(key)
    if not kept:
        return Found(key, {})
    try:
        text = setup.cache.artifacts.get_arrays(kept.file)[TEXT].tobytes()
    except Damaged:
        return Found(key, {})
    return Found(key, {name: _lively(value) for name, value in json.loads(text).items()})


def keep_found(setup: RunSetup, found: Found, evidence: Evidence) -> None:
    """Keep what this run knows of the two, unless it was all found before. found: what this run began with."""
    known = {name: value for name, value in evidence.known.items() if _is_shared(name)}
    if known.keys() <= found.known.keys():
        return
    text = json.dumps({name: _plain(value) for name, value in known.items()})  # layers stay in their order
    arrays = {TEXT: np.frombuffer(text.encode(), np.uint8)}
    for kind in (f"found/{setup.subject}@", "found@"):  # likewise
        setup.cache.store.forget_older(kind, setup.engine)
    setup.cache.store.keep(found.key, f"found/{setup.subject}@{setup.engine}", setup.cache.artifacts.put_arrays(arrays), 0.0)


def _is_shared(name: str) -> bool:
    what, _, model = name.rpartition("/")
    return what in KNOWN and model in ("original", "reference")


def _plain(value: Any) -> Any:
    """JSON gives floats back as they were."""
    if isinstance(value, NotApplicable):
        return {"reason": str(value)}
    if isinstance(value, Relearning):
        return {"curve": value.curve, "target": value.target}
    return {"value": value}


def _lively(told: dict[str, Any]) -> Any:
    if "reason" in told:
        return NotApplicable(told["reason"])
    return Relearning(tuple(told["curve"]), told["target"]) if "curve" in told else told["value"]
