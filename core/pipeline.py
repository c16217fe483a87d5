"""request -> prepare -> train or load -> unlearn -> evaluate: the whole of a run, in reading order."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.domain.hyperparameters import with_params
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.run import Recipe, RunSpec
from core.methods.base import UnlearningMethod
from core.methods.registry import METHODS
from core.metrics.evaluate import evaluate, measure, store_files
from core.metrics.evaluated_images import evaluated_rows, operations_per_image
from core.metrics.passes import evaluation_passes
from core.metrics.reuse import SharedResults
from core.metrics.tables.training_curves import training_table
from core.storage.home import Home
from core.storage.queues.live_curves import LiveCurves
from core.storage.record_types import Outcome
from core.storage.shared.remote_parts import open_shared
from core.training.cache import ArtifactCache, Shared
from core.training.context import synchronise
from core.training.loop import Diverged
from core.training.precomputed import Statistic
from core.training.ranks.crew import dismiss
from core.training.ranks.statistics import computed
from core.training.run_setup import RunSetup, curve_of, restore, set_up, train_or_load
from core.training.uploaded_weights.stored_weights import load_weights


@dataclass(frozen=True)
class Job(RunSetup):
    """A run made concrete: all that its spec names."""

    method: UnlearningMethod


def prepare(spec: RunSpec, cache: ArtifactCache, datasets: Path | None = None) -> Job:
    """Turn names into objects, and refuse what cannot be before anything is computed. datasets: those that the user added."""
    method: UnlearningMethod = with_params(METHODS[spec.method], spec.params)
    setup = set_up(spec, cache, datasets)
    method.check_recipe(setup.recipe)
    method.check(spec.request, setup.splits.train.labels.ndim > 1)
    for statistic in method.statistics(spec.request):
        with torch.device("meta"):  # its weights are not needed, only their shapes
            shapes = setup.build()
        statistic.check(shapes, len(setup.splits.trained))
    return Job(**vars(setup), method=method)


Report = Callable[[float, str, str, float | None], None]  # share, stage, note, seconds left
KNOWABLE = 0.03  # share of the work after which its speed says something
SETTLED = 0.3  # seconds of work after which it does


@dataclass
class Stages:
    """work: stage -> training passes over single examples; 0 for a stage that comes from the store.

    skipped: of it, what an attempt that was stopped had done, which says nothing of this one's speed.
    """

    work: dict[str, float]
    report: Report
    noted: Callable[..., None] = lambda *_: None  # network; loss and accuracy of an epoch of training, and of validation
    done: float = 0.0
    skipped: float = 0.0
    began: float = field(default_factory=perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float, str], None]]:
        """Yields the progress callback of one stage: (share of the stage, note)."""

        def say(share: float, note: str) -> None:
            whole = sum(self.work.values())
            reached = (self.done + share * self.work[name]) / whole
            spent = perf_counter() - self.began
            own = reached - self.skipped / whole
            estimable = own > KNOWABLE and spent > SETTLED
            self.report(reached, name, note, spent / own * (1 - reached) if estimable else None)

        yield say
        self.done += self.work[name]

    def resumed(self, name: str, share: float) -> None:
        """A stage goes on where that share of it is done."""
        self.skipped += share * self.work[name]


def run(spec: RunSpec, home: Home, report: Report) -> Outcome:
    """Compute a run and put its files into the home. Raises WrongInput or Diverged; the caller stores the verdict."""
    with open_shared(home) as (store, artifacts):
        job = prepare(spec, ArtifactCache(store, artifacts), home.datasets_folder)
        live = LiveCurves(home.curves(spec.id))
        stages = Stages(planned_work(job), report, live.add)
        try:
            original = original_of(job, stages)
            reference = None
            if spec.reference:
                reference = train(job, "reference", job.reference_key, "reference", job.splits.retain, stages)
        finally:
            live.close()
        statistics = precompute(job, original, stages)
        unlearned, recorded, unlearn_seconds = unlearn(job, original, statistics, stages)
        began = perf_counter()
        networks = {"original": original} | ({"reference": reference} if reference else {})
        with stages.stage("evaluate") as say:
            evidence = evaluate(job, networks, unlearned, say, store.evaluation(spec.id))
            measurements = measure(evidence, say)
            files = store_files(job.cache.artifacts, evidence, unlearned, recorded)
            say(1.0, "measured")
        shared = {**networks, **{f"statistic/{k}": s for k, s in statistics.items()}}
        seconds = {
            "train": original.seconds if original.made_now else 0.0,
            "reference": reference.seconds if reference and reference.made_now else 0.0,
            "precompute": sum((s.seconds for s in statistics.values() if s.made_now), 0.0),
            "unlearn": unlearn_seconds,
            "evaluate": perf_counter() - began,
        }
        idle = not (job.method.uses or job.method.keeps)  # who reads nothing does nothing, and is not fast
        speedup = reference.seconds / unlearn_seconds if reference and not idle else None
        files |= {name: thing.file for name, thing in shared.items()} | training_file(job)
        return Outcome(tuple(measurements), seconds, speedup, files, job.device)


def planned_work(job: Job) -> dict[str, float]:
    """Stage -> training passes over single examples, from which the progress bar takes its proportions."""
    n, k = len(job.splits.trained), int(job.splits.forgotten.sum())
    missing = [s for s in job.method.statistics(job.spec.request) if not job.cache.has(job.statistic_key(s.key))]
    operations = operations_per_image(job.build().eval(), job.splits.train.first(1).pixels())
    whole = whole_work(job.method, missing, job.recipe, (n, k, len(job.splits.test)), operations)
    wanted = {"original": job.original_key} | ({"reference": job.reference_key} if job.spec.reference else {})
    networks = {name: cached.file for name, key in wanted.items() if (cached := job.cache.store.kept(key))}
    results = SharedResults(job, networks, evaluated_rows(job.splits, operations), operations)
    cached_evaluation = networks.keys() == wanted.keys() and all(results.has(f"relearn/{name}") for name in networks)
    stored = {
        "train": job.own or job.cache.has(job.original_key),
        "reference": not job.spec.reference or job.cache.has(job.reference_key),
    }
    work = {stage: 0.0 if stored.get(stage) else passes for stage, passes in whole.items()}
    return work | {"evaluate": whole["evaluate"] / (1 + len(wanted) if cached_evaluation else 1)}


def whole_work(
    method: UnlearningMethod, statistics: Iterable[Statistic], recipe: Recipe, counts: tuple[int, int, int], operations: int
) -> dict[str, float]:  # fmt: skip
    """Stage -> training passes over single examples, were nothing stored but the other statistics.

    counts: of training, forgotten and test examples; operations: of predicting one, as `operations_per_image` counts them. Of an ensemble
    passes are of one member, of which training is.
    """
    (n, k, test), members = counts, recipe.shards
    looking = recipe.epochs * n * recipe.validation / (1 - recipe.validation) / 3  # forward passes over what is held out
    return {
        "train": recipe.passes * n + looking, "reference": recipe.passes * (n - k) + looking,
        "precompute": members * n * sum((statistic.passes for statistic in statistics), 0.0),
        "unlearn": float(method.passes(n, k, recipe)) * (1 if method.by_members else members),
        "evaluate": members * evaluation_passes(n, k, test, operations),
    }  # fmt: skip


def original_of(job: Job, stages: Stages) -> Shared:
    """The original: trained on all of the training set, or the weights that were uploaded."""
    if not job.own:
        return train(job, "train", job.original_key, "original", job.splits.trained, stages)
    with stages.stage("train"):
        return load_weights(job.cache.artifacts, job.spec.weights, job.build(), job.spec.weights_as, job.splits.train.peak)


def train(job: Job, stage: str, key: str, purpose: str, examples: Examples, stages: Stages) -> Shared:
    """The original (on all) or the reference (on the retain set): from the store, or trained from a fresh model."""
    with stages.stage(stage) as say:
        return train_or_load(job, key, purpose, examples, say, partial(stages.noted, purpose), partial(stages.resumed, stage))


def training_file(job: Job) -> dict[str, str]:
    """`training` -> the table of the curves of the networks that were trained here; nothing where none was kept."""
    keys = ({} if job.own else {"original": job.original_key}) | ({"reference": job.reference_key} if job.spec.reference else {})
    table = training_table({name: curve_of(job, key) for name, key in keys.items()})
    return {"training": job.cache.artifacts.put_table(table)} if len(table) else {}


def precompute(job: Job, original: Shared, stages: Stages) -> dict[str, Shared]:
    """The statistics of the training set that the method declares, by key."""
    with stages.stage("precompute") as say:
        context = job.context("precompute", say, {})
        model = restore(job, original.tensors)

        def make(statistic: Statistic) -> Shared:
            key = job.statistic_key(statistic.key)
            compute = partial(computed, job, statistic, model, context)
            fits = partial(statistic.fits, model=model)
            return job.cache.load_or_make(key, "statistic", compute, job.device, fits)

        found = {statistic.key: make(statistic) for statistic in job.method.statistics(job.spec.request)}
        dismiss()  # of what comes now no other process has a part
        return found


def unlearn(
    job: Job, original: Shared, statistics: dict[str, Shared], stages: Stages
) -> tuple[nn.Module, dict[str, Tensor], float]:
    """The unlearned model, what the method recorded, and the seconds of the method alone."""
    with stages.stage("unlearn") as say:
        on_device = {key: {n: t.to(job.device) for n, t in shared.tensors.items()} for key, shared in statistics.items()}
        context = job.context("unlearn", say, on_device)
        if job.spec.method == SECOND_REFERENCE_METHOD:  # what is retrained may stop by what the reference stopped by
            context.validation = job.splits.validation(reference=True)
        own = deepcopy(restore(job, original.tensors))
        guarded = job.splits.only(job.method.reads)
        synchronise(job.device)
        began = perf_counter()
        unlearned = job.method.unlearn(own, guarded, context)
        synchronise(job.device)
        seconds = perf_counter() - began
    for name, theta in unlearned.state_dict().items():  # buffers too: BatchNorm's statistics can overflow unseen
        if not theta.isfinite().all():
            raise Diverged(
                f"{job.method.title} left weights in {name} that are not finite; gentler parameters may help."
            )
    return unlearned, context.recorded, seconds
