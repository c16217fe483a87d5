"""What a run's networks answer, every metric of them, and the files that the pages look at."""

from collections.abc import Callable, Mapping

import pandas as pd
from torch import Tensor, nn

from core.domain.run import Measurement
from core.metrics.base import Answers, Evidence, NotApplicable
from core.metrics.cka import cka_table
from core.metrics.layer_grafting import graft_table
from core.metrics.linear_probes import probe_table
from core.metrics.registry import METRICS
from core.metrics.relearning import relearn_table
from core.metrics.reuse import Found, answers_of
from core.metrics.tables.changed_weights import packed, touched
from core.metrics.tables.per_class import confusion, layers, per_class
from core.metrics.tables.per_example import answer_arrays, example_table
from core.storage.artifacts import Artifacts
from core.training.cache import Shared, to_arrays
from core.training.context import derived_seed
from core.training.loop import predict
from core.training.run_setup import RunSetup, restore

ASKING = 0.1  # share of the evaluation that is asking the models; the rest is measuring
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
    setup: RunSetup, shared: Mapping[str, Shared], unlearned: nn.Module, found: Found, say: Callable[[float, str], None]
) -> Evidence:
    """Each model's logits on all data, once, and the models themselves. found: what is known of the shared ones already."""
    models = {name: restore(setup, network.tensors) for name, network in shared.items()}
    models = {"original": models["original"], "unlearned": unlearned.eval(), **models}
    answers = {}
    for index, (name, model) in enumerate(models.items()):
        say(ASKING * index / len(models), f"asking the {name} model")
        if name in shared:
            answers[name] = answers_of(setup, shared[name], model)
        else:
            answers[name] = Answers(*(predict(model, examples, setup.device) for examples in (setup.splits.train, setup.splits.test)))
    weights = {name: {n: p.detach().cpu() for n, p in model.named_parameters()} for name, model in models.items()}
    networks = {**models, "untrained": setup.context("untrained", say, {}).fresh_model().eval()}
    seed = derived_seed(setup.spec.seed, "evaluate") % 2**31
    return Evidence(setup.splits, answers, weights, seed, networks, setup.device, dict(found.known))


def measure(evidence: Evidence, say: Callable[[float, str], None] = lambda share, note: None) -> list[Measurement]:
    """Every metric on every model that it is for and that is there; where it does not apply, None with the reason."""
    taken = []
    for index, (key, metric) in enumerate(METRICS.items()):
        say(ASKING + (1 - ASKING) * index / len(METRICS), f"measuring: {metric.info.title}")
        for model in (m for m in metric.models if m in evidence.answers):
            try:
                taken.append(Measurement(key, model, metric.compute(evidence, model)))
            except NotApplicable as reason:
                taken.append(Measurement(key, model, None, str(reason)))
    return taken


def keep_files(
    artifacts: Artifacts, evidence: Evidence, unlearned: nn.Module, recorded: dict[str, Tensor]
) -> dict[str, str]:
    """Name -> file of what the pages look at."""
    files = {name: artifacts.put_table(make(evidence)) for name, make in TABLES.items()}
    files["answers"] = artifacts.put_arrays(to_arrays(answer_arrays(evidence)))
    masks = packed(touched(evidence.weights["unlearned"], evidence.weights["original"]))
    files["touched"] = artifacts.put_arrays(to_arrays(masks))
    files["unlearned"] = artifacts.put_arrays(to_arrays(unlearned.state_dict()))
    if recorded:
        files["recorded"] = artifacts.put_arrays(to_arrays(recorded))
    return files
