"""A pipeline, an analysis, a search and a sequence, without torch; the spec's params, and the analysis's settings, say how it behaves."""

import signal
import time

import numpy as np

from core.analysis.registry import LOOKS
from core.domain.errors import WrongInput
from core.domain.run import Measurement
from core.jobs.worker import JOBS
from core.sequences import journal as steps
from core.storage.artifacts import Artifacts
from core.storage.queues.lifecycle import SEARCH, SEQUENCE
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from core.tuning import journal
from core.tuning.journal import Trial

ERRORS = {
    "wrong": WrongInput("The forget set must not be empty."),
    "value": ValueError("first line\nsecond line"),
    "memory": MemoryError(),
    "disk": OSError(28, "No space left on device"),
}


def run(spec, home, report):
    """Steps of `sleep` seconds each; `kept` proves that a second attempt goes on where the first one stopped."""
    if spec.params.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    artifacts = Artifacts(home.artifacts_folder)
    began = time.perf_counter()
    with ResultStore(home.database) as store:
        reused = store.kept(f"original-{spec.seed}")
        if reused is None:
            store.keep(f"original-{spec.seed}", "original", artifacts.put_arrays({"w": np.ones(spec.seed + 1)}), 1.5)
    report(0.0, "train", "kept" if reused else "trained", None)
    until = time.monotonic() + (spec.params.get("sleep", 0) if reused is None or not spec.params.get("once") else 0)
    while time.monotonic() < until:
        report(0.5, "train", "kept" if reused else "trained", until - time.monotonic())
        time.sleep(0.01)
    if "raises" in spec.params:
        raise ERRORS[spec.params["raises"]]
    report(1.0, "evaluate", "", 0.0)
    print("printed by", spec.seed)
    file = artifacts.put_arrays({"unlearned": np.full(3, float(spec.seed))})
    return Outcome(
        measurements=(Measurement("accuracy", "unlearned", 0.25), Measurement("js", "reference", None, "itself")),
        seconds={"train": 0.0 if reused else 1.5, "unlearn": time.perf_counter() - began},
        speedup=2.0,
        artifacts={"unlearned": file},
        device="cpu",
    )


def counts(_home, _run_id, say, upto, sleep=0.0):
    """0, 1, … as an analysis computes it; `sleep` seconds are spent half way."""
    say(0.5, "half way")
    print("counting up to", upto)
    time.sleep(sleep)
    return {"numbers": np.arange(upto)}


LOOKS["counts"] = counts  # the fork server imports this module, so its processes know it


def searched(home, payload, report):
    """Trials of 0.05 seconds, each stored as it ends, until the budget is spent; what they are worth is made up."""
    while not (found := journal.read(home, payload["search"])).complete:
        number = len(found.trials)
        report(0.5, f"trial {number + 1}")
        time.sleep(0.05)
        values = {"forgetting": 1 / (number + 1), "retained": 0.9, "attack": 0.0}
        journal.add_trial(home, found.id, Trial(number, {one.name: one.low for one in found.plan.ranges}, values=values, took=0.05))
    return {"trials": len(found.trials)}


JOBS[SEARCH] = searched  # likewise


def walked(home, payload, report):
    """Steps of 0.05 seconds, each stored as it ends; what they are worth is made up."""
    while (found := steps.read(home, payload["sequence"])).next is not None:
        seed, number = found.next
        report(found.share, f"seed {seed}, request {number}")
        time.sleep(0.05)
        accuracies = {name: {"request": 0.5, "retain": 1.0, "test": 0.9} for name in steps.NETWORKS}
        steps.add_step(home, found.id, steps.Step(seed, number, images=14, accuracies=accuracies, agreement=0.9, seconds={"unlearn": 0.05}))
    return {"steps": len(found.steps)}


JOBS[SEQUENCE] = walked  # likewise
