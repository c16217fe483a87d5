"""Evaluation of a run: its networks' logits, every metric of them, and the files that the pages read."""

from collections.abc import Callable, Mapping

import pandas as pd
from torch import Tensor, nn

from core.domain.run import Measurement
from core.metrics.base import Evidence, Logits, NotApplicable
from core.metrics.cka import cka_table
from core.metrics.layer_grafting import graft_table
from core.metrics.linear_probes import probe_table
from core.metrics.registry import METRICS
from core.metrics.relearning import relearn_table
from core.metrics.reuse import CachedEvaluation, shared_logits
from core.metrics.tables.changed_weight_masks import changed_masks, packed
from core.metrics.tables.per_class import confusion, layers, per_class
from core.metrics.tables.per_example import example_table, probability_arrays
from core.storage.artifacts import Artifacts
from core.training.cache import Shared, to_arrays
from core.training.context import derived_seed
from core.training.loop import predict
from core.training.run_setup import RunSetup, restore

PREDICTING = 0.1  # share of the evaluation that predicting takes; the rest is the metrics
TABLES: dict[str, Callable[[Evidence], pd.DataFrame]] = {
    "per_class": per_class,
    "confusion": confusion,
    "layers": layers,
    "examples": example_table,
    "cka": cka_table,
    "relearn": relearn_table,
    "probes": probe_table,
    "graft": graft_table,
}


def evaluate(
    setup: RunSetup, shared: Mapping[str, Shared], unlearned: nn.Module, cached: CachedEvaluation, say: Callable[[float, str], None]
) -> Evidence:
    """Each model's logits on all data, and the models themselves. cached: earlier results of the original and the reference."""
    models = {name: restore(setup, network.tensors) for name, network in shared.items()}
    models = {"original": models["original"], "unlearned": unlearned.eval(), **models}
    logits = {}
    for index, (name, model) in enumerate(models.items()):
        say(PREDICTING * index / len(models), f"predicting with the {name} model")
        if name in shared:
            logits[name] = shared_logits(setup, shared[name], model)
        else:
            logits[name] = Logits(*(predict(model, examples, setup.device) for examples in (setup.splits.train, setup.splits.test)))
    weights = {name: {n: p.detach().cpu() for n, p in model.named_parameters()} for name, model in models.items()}
    networks = {**models, "untrained": setup.context("untrained", say, {}).fresh_model().eval()}
    seed = derived_seed(setup.spec.seed, "evaluate") % 2**31
    return Evidence(setup.splits, logits, weights, seed, networks, setup.device, dict(cached.values))


def measure(evidence: Evidence, say: Callable[[float, str], None] = lambda share, note: None) -> list[Measurement]:
    """Every metric on each of its models that this run has; where it does not apply, None with the reason."""
    measurements = []
    for index, (key, metric) in enumerate(METRICS.items()):
        say(PREDICTING + (1 - PREDICTING) * index / len(METRICS), f"measuring: {metric.info.title}")
        for model in (m for m in metric.models if m in evidence.logits):
            try:
                measurements.append(Measurement(key, model, metric.compute(evidence, model)))
            except NotApplicable as reason:
                measurements.append(Measurement(key, model, None, str(reason)))
    return measurements


def store_files(
    artifacts: Artifacts, evidence: Evidence, unlearned: nn.Module, recorded: dict[str, Tensor]
) -> dict[str, str]:
    """Name -> file of the tables and arrays that the pages read."""
    files = {name: artifacts.put_table(make(evidence)) for name, make in TABLES.items()}
    files["answers"] = artifacts.put_arrays(to_arrays(probability_arrays(evidence)))
    masks = packed(changed_masks(evidence.weights["unlearned"], evidence.weights["original"]))
    files["touched"] = artifacts.put_arrays(to_arrays(masks))
    files["unlearned"] = artifacts.put_arrays(to_arrays(unlearned.state_dict()))
    if recorded:
        files["recorded"] = artifacts.put_arrays(to_arrays(recorded))
    return files
