"""Evaluation of a run: its networks' logits, every metric of them, and the files that the pages read."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from time import perf_counter

import pandas as pd
import torch
from torch import Tensor, nn

from core.domain.evaluation import COSTLY, Evaluation
from core.domain.formatting import duration
from core.domain.run import Measurement
from core.metrics import cka, layer_grafting, linear_probes
from core.metrics.base import Evidence, Limits, Logits, NotApplicable, rows_of
from core.metrics.cka import cka_table
from core.metrics.evaluated_images import evaluated_rows, operations_per_image
from core.metrics.layer_features import features_name
from core.metrics.layer_grafting import graft_table
from core.metrics.linear_probes import probe_table
from core.metrics.predictions import predict_and_observe
from core.metrics.registry import METRICS
from core.metrics.relearning import relearn_table
from core.metrics.reuse import SharedLogits, SharedResults
from core.metrics.tables.changed_weight_masks import changed_masks, packed
from core.metrics.tables.per_class import confusion, layers, per_class
from core.metrics.tables.per_example import example_table, probability_arrays
from core.models.merged_norms import with_merged_norms
from core.storage.artifacts import Artifacts
from core.training.cache import Shared, to_arrays
from core.training.context import derived_seed
from core.training.loop import predict
from core.training.run_setup import RunSetup, restore

USUAL = Evaluation()
LATER = "Evaluating everything computes it."
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
    setup: RunSetup, shared: Mapping[str, Shared], unlearned: nn.Module, say: Callable[[float, str], None], how: Evaluation = USUAL
) -> Evidence:
    """Each model's logits on the evaluated images, and the models themselves. how.whole: on all; else see `evaluated_images`."""
    limits = limits_of(how, perf_counter())
    models = {name: restore(setup, network.tensors) for name, network in shared.items()}
    models = {"original": models["original"], "unlearned": unlearned.eval(), **models}
    models = {name: model.to(memory_format=torch.channels_last) for name, model in models.items()}  # small networks predict twice as fast
    one = setup.splits.train.first(1).to(setup.device).pixels()
    operations = None if how.whole else operations_per_image(models["original"], one)
    rows = evaluated_rows(setup.splits, operations)
    results = SharedResults(setup, {name: network.file for name, network in shared.items()}, rows, operations)
    weights = {name: {n: p.detach().cpu() for n, p in model.named_parameters()} for name, model in models.items()}
    networks = {**models, "untrained": setup.context("untrained", say, {}).fresh_model().eval()}
    seed = derived_seed(setup.spec.seed, "evaluate") % 2**31
    evidence = Evidence(
        setup.splits, {}, weights, seed, networks, setup.device, rows, operations, stored=results, limits=limits
    )  # fmt: skip
    logits = {}
    for index, (name, model) in enumerate(models.items()):
        say(PREDICTING * index / len(models), f"predicting with the {name} model")
        with evidence.costs.of("predictions", name):
            quick = model if not evidence.drawn else with_merged_norms(model).to(memory_format=torch.channels_last)
            compute = partial(_predict, evidence, name, quick)
            cached = SharedLogits(setup, shared[name], rows) if name in shared else None
            if cached and evidence.drawn and cached.stored() and not all(map(results.has, _read_from_features(evidence, name))):
                compute()  # its features
            logits[name] = cached.load_or_compute(compute) if cached else compute()
    return replace(evidence, logits=logits)


def limits_of(how: Evaluation, now: float) -> Limits:
    """What an evaluation that begins now leaves out."""
    without = {result: f"Left out: this run was to be evaluated without {part}. {LATER}" for part in how.without for result in COSTLY[part]}
    if how.budget is None:
        return Limits(without)
    return Limits(without, now + how.budget, f"Left out: the evaluation's budget of {duration(how.budget)} was spent. {LATER}")


VERSIONS = "metric_versions"  # the file that says by which version of its extension a metric was measured; none without extensions
NO_ROWS = torch.zeros(0, dtype=torch.int64)


def _read_from_features(evidence: Evidence, name: str) -> list[str]:
    """Results of the original or the reference that this evaluation computes from its features, unless they are stored."""
    parts = []
    for split in ("forget", "retain"):
        if len(rows_of(split, evidence.splits, evidence.rows)) >= cka.FEWEST:
            parts.append(f"gram/{split}")
    parts += ["probes"] * evidence.splits.request.by_class + ["graft"] * (name == "reference")
    return [f"{part}/{name}" for part in parts if not evidence.limits.reason(part.partition("/")[0])]


def _predict(evidence: Evidence, name: str, model: nn.Module) -> Logits:
    """The logits of the evaluated images; where these are a draw, their features too, in the same pass."""
    splits, rows, device = evidence.splits, evidence.rows, evidence.device
    train = splits.train if rows is None else splits.train.subset(rows.to(splits.train.labels.device))
    if rows is None or not evidence.drawn:
        return Logits(predict(model, train, device), predict(model, splits.test, device), rows)
    halves = {False: train, True: splits.test}
    wanted = _rows_of_features(evidence)
    logits = {}
    for test, examples in halves.items():
        own = {key: found for key, found in wanted.items() if key[0].startswith("test") == test}
        all_rows = torch.unique(torch.cat([*own.values(), NO_ROWS]))
        places = all_rows if test else torch.searchsorted(rows, all_rows)
        logits[test], features = predict_and_observe(model, examples, places, device)
        for (split, count), found in own.items() if features else ():
            at = torch.searchsorted(all_rows, found)
            evidence.cache[features_name(name, split, count)] = {layer: values[at] for layer, values in features.items()}
    return Logits(logits[False], logits[True], rows)


def _rows_of_features(evidence: Evidence) -> dict[tuple[str, int], Tensor]:
    """(split, count) -> the rows whose features metrics read, of those that the request has."""
    wanted = {*cka.FEATURES_OF, *layer_grafting.FEATURES_OF, *(linear_probes.FEATURES_OF if evidence.splits.request.by_class else ())}
    found = {}
    for split, count in sorted(wanted):
        with suppress(NotApplicable):
            found[split, count] = evidence.sample_rows(split, count)
    return found


def measure(evidence: Evidence, say: Callable[[float, str], None] = lambda share, note: None) -> list[Measurement]:
    """Every metric on each of its models that this run has; where it does not apply, None with the reason."""
    measurements: dict[str, list[Measurement]] = {key: [] for key in METRICS}
    for index, (key, metric) in enumerate(sorted(METRICS.items(), key=lambda item: item[1].trains)):
        say(PREDICTING + (1 - PREDICTING) * index / len(METRICS), f"measuring: {metric.info.title}")
        for model in (m for m in metric.models if m in evidence.logits):
            with evidence.costs.of(key, model):
                try:
                    measurements[key].append(Measurement(key, model, metric.compute(evidence, model)))
                except NotApplicable as reason:
                    measurements[key].append(Measurement(key, model, None, str(reason)))
    return [measurement for own in measurements.values() for measurement in own]


def store_files(
    artifacts: Artifacts, evidence: Evidence, unlearned: nn.Module, recorded: dict[str, Tensor]
) -> dict[str, str]:
    """Name -> file of the tables and arrays that the pages read."""
    files = {}
    for name, make in TABLES.items():
        with evidence.costs.of(f"table of {name.replace('_', ' ')}"):
            files[name] = artifacts.put_table(make(evidence))
    files["answers"] = artifacts.put_arrays(to_arrays(probability_arrays(evidence)))
    masks = packed(changed_masks(evidence.weights["unlearned"], evidence.weights["original"]))
    files["touched"] = artifacts.put_arrays(to_arrays(masks))
    files["unlearned"] = artifacts.put_arrays(to_arrays(unlearned.state_dict()))
    if recorded:
        files["recorded"] = artifacts.put_arrays(to_arrays(recorded))
    files["costs"] = artifacts.put_table(cost_table(evidence))
    brought = [(key, metric.info.extension) for key, metric in METRICS.items() if metric.info.extension]
    if brought:
        files[VERSIONS] = artifacts.put_table(pd.DataFrame(brought, columns=["metric", "version"]))
    return files


def cost_table(evidence: Evidence) -> pd.DataFrame:
    """Seconds of each part of the evaluation (part, model, seconds), without those of the parts within it; the most expensive first."""
    rows = [{"part": part, "model": model, "seconds": seconds} for (part, model), seconds in evidence.costs.seconds.items()]
    return pd.DataFrame(rows, columns=["part", "model", "seconds"]).sort_values("seconds", ascending=False, ignore_index=True)
