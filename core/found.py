"""What was found of a request's original and reference, kept for every other run of it: whatever is unlearned, they stay the same."""

from dataclasses import dataclass, field
import json
from typing import Any

import numpy as np
import torch

from core.job import Job
from core.kept import to_arrays, to_tensors
from core.metrics.base import Answers, Evidence, NotApplicable
from core.metrics.relearning import Relearning
from core.store.artifacts import Damaged
from core.version import ENGINE, code_version

SHARED = ("original", "reference")
KNOWN = ("relearn", "probes", "loss attack", "entropy attack")  # of what Evidence knows: what takes long to take, and is small
REST = "known"  # name of the array that holds it, as JSON


@dataclass(frozen=True)
class Found:
    """Of original and reference: their answers by model, and what Evidence knew of them alone."""

    answers: dict[str, Answers] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)


def found_key(job: Job) -> str:
    """Names it: by the networks, the request as it is worded (metrics read it), and the code that measures."""
    return job.key("found", code_version(ENGINE), job.spec.request.text, *job.own, job.spec.reference)


def load_found(job: Job) -> Found:
    """Nothing where nothing is kept, or where it is damaged: it is then found again."""
    store, key = job.keeper.store, found_key(job)
    kept = store.kept(key)
    if not kept:
        return Found()
    try:
        tensors = to_tensors(job.keeper.artifacts.get_arrays(kept.file))
    except Damaged:
        store.forget_kept(key)
        return Found()
    known = {name: _lively(value) for name, value in json.loads(tensors.pop(REST).numpy().tobytes()).items()}
    return Found({name: Answers(tensors[f"{name}/train"], tensors[f"{name}/test"]) for name in SHARED if f"{name}/train" in tensors}, known)


def keep_found(job: Job, evidence: Evidence) -> None:
    """Keep what this run found of them, unless that is kept already."""
    known = {name: value for name, value in evidence.known.items() if _is_shared(name)}
    before = load_found(job)
    if before.answers and known.keys() <= before.known.keys():
        return
    tensors = {f"{name}/{half}": getattr(evidence.answers[name], half)
               for name in SHARED if name in evidence.answers for half in ("train", "test")}  # fmt: skip
    text = json.dumps({name: _plain(value) for name, value in known.items()})  # layers stay in their order
    tensors[REST] = torch.from_numpy(np.frombuffer(text.encode(), np.uint8).copy())
    version = code_version(ENGINE)
    job.keeper.store.forget_older("found@", version)
    job.keeper.store.keep(found_key(job), f"found@{version}", job.keeper.artifacts.put_arrays(to_arrays(tensors)), 0.0)


def _is_shared(name: str) -> bool:
    what, _, model = name.rpartition("/")
    return what in KNOWN and model in SHARED


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
