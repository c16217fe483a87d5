"""A pipeline without torch; files in the home say how it behaves: `slow` holds every run up, `fail-<method>` fails it."""

import time

import numpy as np

from core.domain.errors import WrongInput
from core.domain.run import Measurement
from core.storage.artifacts import Artifacts
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore


def run(spec, home, report):
    """An original and a reference for each seed, kept by it; the numbers follow from method and seed."""
    report(0.0, "train")
    while (home.root / "slow").exists():
        report(0.5, "train")
        time.sleep(0.02)
    if (home.root / f"fail-{spec.method}").exists():
        raise WrongInput("It was told to fail.")
    artifacts = Artifacts(home.artifacts_folder)
    with ResultStore(home.database) as store:
        for kind in ("original", "reference"):
            if not store.kept(f"{kind}-{spec.seed}"):
                store.keep(f"{kind}-{spec.seed}", kind, artifacts.put_arrays({"w": np.ones(spec.seed + 1)}), 1.0)
    value = {"ssd": 0.1, "finetune": 0.5}.get(spec.method, 0.0) + spec.seed / 100
    taken = [Measurement("test_forget_accuracy", "unlearned", value), Measurement("test_forget_accuracy", "reference", 0.0)]
    return Outcome((*taken, Measurement("zrf", "unlearned", None, "There is none.")), {"unlearn": 0.5}, 4.0, device="cpu")
