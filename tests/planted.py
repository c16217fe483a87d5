"""Finished runs with plausible numbers and every artifact, drawn by numpy in milliseconds instead of computed.

All that a run stores comes from one draw of each network's probabilities, so tables, pictures and numbers agree with each
other: accuracies are those of the answers, divergences those of the probabilities. What would need a network (curves of
relearning, probes, grafts, CKA, weights) is drawn to fit. No torch.

    run_id = plant(home, spec("ssd"))                                # class 3 of the digits must go, seed 0, done well
    plant(home, spec("ssd", seed=1), test_retain_accuracy=0.4)       # the unlearned network's number overridden
    plant(home, spec("ssd", seed=2), numbers={"reference/nomus": None}, files={"cka": None})  # no number, no such file
    plant(home, spec("ssd", seed=3), behaviour=Behaviour(forgotten=0))                        # nothing forgotten
    plant_many(home, 500)                                            # files shared between runs: seconds
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from core.domain.code_version import run_version
from core.domain.requests.registry import parse_request
from core.domain.run import Measurement, RunSpec, RunStatus
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.processes import ProcessId
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from tests.drawn import BEHAVIOUR, KEYS, Behaviour, Drawn

__all__ = ["BEHAVIOUR", "KEYS", "Behaviour", "many_specs", "plant", "plant_many", "record", "spec"]

NO_REFERENCE = "This run has no reference model to compare with."
NO_TEST_FORGET = "There are no test-forget examples for this request."
TOO_FEW = "A rate of 1 % needs more test examples than there are."
NO_CLASSES = "Probes look for forgotten classes; this request names single examples."
SETTINGS: dict[str, dict[str, Any]] = {
    "ssd": {"importance": "per_sample", "batch_size": 64, "alpha": 4.2, "lambda": 1.0},
    "finetune": {"epochs": 5, "learning_rate": 0.02, "batch_size": 64},
    "salun": {"share": 0.5, "epochs": 5, "learning_rate": 0.02},
    "scrub": {"epochs": 5, "gamma": 0.99, "alpha": 0.1},
    "gradient_ascent": {"epochs": 2, "learning_rate": 0.001, "batch_size": 64},
}


_engine = cache(run_version)


def spec(method: str = "ssd", request: str = "class:3", seed: int = 0, **about: Any) -> RunSpec:
    """A spec that can be planted; `about`: dataset, model, params, reference, device, engine."""
    wanted = {"dataset": "digits", "model": "small_cnn", "params": SETTINGS.get(method, {}), **about}
    wanted.setdefault("engine", _engine(wanted["dataset"], wanted["model"], method))
    return RunSpec(request=parse_request(request), method=method, seed=seed, **wanted)


def plant(
    home: Home,
    spec: RunSpec,
    seed: int | None = None,
    *,
    behaviour: Behaviour | None = None,
    numbers: Mapping[str, float | None] | None = None,
    files: Mapping[str, pd.DataFrame | dict[str, np.ndarray] | None] | None = None,
    **overrides: float | None,
) -> str:
    """The id of a run that is now done. Nothing may be queued or running in the home.

    seed: of the draws (the spec's own where none is given). numbers: `model/metric` -> value. files: an artifact in place
    of the drawn one, None for no such artifact. overrides: metric -> the unlearned network's value.
    """
    drawn = Drawn(spec, spec.seed if seed is None else seed, behaviour or BEHAVIOUR.get(spec.method, Behaviour()))
    values = drawn.numbers() | {f"unlearned/{key}": value for key, value in overrides.items()} | dict(numbers or {})
    put = Artifacts(home.artifacts_folder)
    contents: dict[str, pd.DataFrame | dict[str, np.ndarray] | None] = {**drawn.tables(), **drawn.arrays(), **(files or {})}
    names = {
        name: put.put_table(content) if isinstance(content, pd.DataFrame) else put.put_arrays(content)
        for name, content in contents.items()
        if content is not None
    }
    return record(home, [(spec, values, names, drawn.seconds())])[0]


def plant_many(home: Home, count: int = 500, distinct: int = 12) -> list[str]:
    """Ids of `count` finished runs of several methods, settings, seeds and requests, oldest first.

    Only the first `distinct` draw their files; the others share them and have numbers of their own near those.
    """
    draw = np.random.default_rng(0)
    done = [plant(home, made) for made in many_specs(distinct)]
    with ResultStore(home.database) as store:
        files = [store.artifacts(run_id) for run_id in done]
        values = [
            {f"{m.model}/{m.metric}": m.value for m in store.measurements(run_id)} for run_id in done
        ]
        seconds = [store.existing(run_id).seconds for run_id in done]
    rest = []
    for index, made in enumerate(many_specs(count)[distinct:]):
        of = index % distinct
        near = {
            key: None if value is None else float(value * (1 - 0.03 * draw.random())) if key.startswith("unlearned") else value
            for key, value in values[of].items()
        }
        rest.append((made, near, files[of], seconds[of]))
    return done + record(home, rest)


def many_specs(count: int) -> list[RunSpec]:
    """`count` different specs: twelve methods, ten seeds; class 3 first, then class 5 and a random twentieth."""
    methods = [method for method in BEHAVIOUR if method not in ("original", "unsir", "ssse")]
    specs = []
    for index in range(count):
        rest, method = divmod(index, len(methods))
        part, seed = divmod(rest, 10)
        request = ("class:3", "class:3", "class:5", "random:0.05")[part % 4]
        settings = SETTINGS.get(methods[method], {}) | ({"epochs": 5 + part} if part else {})
        specs.append(spec(methods[method], request, seed, params=settings))
    return specs


def record(
    home: Home, runs: Iterable[tuple[RunSpec, Mapping[str, float | None], dict[str, str], dict[str, float]]]
) -> list[str]:
    """Through the store's own way from queued to done: (spec, `model/metric` -> value, files, seconds); the ids."""
    me, ids = ProcessId.of_this_process(), []
    with ResultStore(home.database) as store:
        for made, values, files, seconds in runs:
            ids.append(store.add(made))
            claimed = store.claim(me)
            if claimed is None:
                continue  # done before
            assert claimed[0].id == made.id, "another run was waiting"
            store.started(made.id, claimed[1], me, "cpu")
            taken = []
            for key, value in values.items():
                model, _, metric = key.partition("/")
                taken.append(Measurement(metric, model, value, "" if value is not None else _reason(metric, made)))
            speedup = seconds["reference"] / seconds["unlearn"] if made.reference and made.method != "original" else None
            store.finish(made.id, claimed[1], RunStatus.DONE, outcome=Outcome(tuple(taken), seconds, speedup, files, "cpu"))
    return ids


def _reason(metric: str, made: RunSpec) -> str:
    if metric.startswith("test_forget") and not made.request.by_class:
        return NO_TEST_FORGET
    if metric in ("probe_accuracy", "similarity_ratio"):
        return NO_CLASSES
    if metric == "attack_tpr_at_1":
        return TOO_FEW
    return NO_REFERENCE if not made.reference else "It was left out on purpose."
