"""What shards cost in accuracy: finished runs that differ from one in the shards and slices of its original, and in nothing else."""

from dataclasses import replace
from math import isfinite

from core.domain.code_version import shared_part
from core.domain.run import RunSpec
from core.domain.training.own_recipe import recipe_for
from core.domain.training.sharding import ShardedRun
from core.storage.finished_runs import all_values, finished_runs
from core.storage.runs import ResultStore

METRIC = "test_retain_accuracy"
METHOD = "sisa"


def alike(store: ResultStore, spec: RunSpec) -> list[ShardedRun]:
    """By shards, slices and seed; the network that is trained as a whole (1, 1) among them where a run has it."""
    wanted, found = _whole(spec), dict[tuple[int, int, int], ShardedRun]()
    runs = [run for run in finished_runs(store) if not run.spec.weights and _whole(run.spec) == wanted]
    accuracies = all_values(store, [run.id for run in runs]).get(("original", METRIC), [])
    for run, accuracy in zip(runs, accuracies, strict=False):
        if not isfinite(accuracy):
            continue
        recipe = recipe_for(run.spec)
        place = recipe.shards, recipe.slices, run.spec.seed
        cost = 1 / run.speedup if run.spec.method == METHOD and run.speedup else None
        known = found.get(place)
        found[place] = ShardedRun(*place, accuracy, cost if known is None or known.cost is None else known.cost)
    return [found[place] for place in sorted(found)]


def _whole(spec: RunSpec) -> tuple[object, ...]:
    """All that is to be alike, but for shards, slices, method and seed."""
    recipe = replace(recipe_for(spec), shards=1, slices=1)
    return spec.dataset, spec.model, spec.request, spec.device, shared_part(spec.engine), recipe
