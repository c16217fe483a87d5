"""request -> prepare -> train or load -> unlearn -> evaluate: the whole of a run, in reading order."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
import os
from pathlib import Path
from time import perf_counter

import pandas as pd
import torch
from torch import Tensor, nn

from core.context import RunContext, choose_device, derived_seed, synchronise
from core.data.catalog import load_dataset
from core.data.examples import Examples
from core.data.splits import Splits, split
from core.domain import Measurement, Recipe, RunSpec
from core.kept import Keeper, Shared, key_of, to_arrays
from core.methods import METHODS
from core.methods.base import UnlearningMethod
from core.metrics import METRICS
from core.metrics.base import Answers, Evidence, NotApplicable
from core.metrics.by_example import answer_arrays, example_table
from core.metrics.grafts import graft_table
from core.metrics.probes import probe_table
from core.metrics.relearning import relearn_table
from core.metrics.similarity import cka_table
from core.metrics.tables import confusion, layers, per_class
from core.metrics.touched import packed, touched
from core.models import MODELS
from core.params import with_params
from core.presets import preset_for
from core.stages import Report, Stages
from core.statistics import Statistic
from core.store.artifacts import Artifacts
from core.store.home import Home
from core.store.outcome import Outcome
from core.store.results import ResultStore
from core.training import Diverged, fit, predict
from core.version import ENGINE, TRAINING, code_version
from core.weights import taken_in

STATISTIC_PASSES = 3  # an importance pass costs about as much as this many training passes
ASKING = 0.1  # share of the evaluation that is asking the models; the rest is measuring
MEASURING = 8000  # training passes over single examples that all metrics cost, whatever the data: most is learning back
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


@dataclass(frozen=True)
class Job:
    """A run made concrete: the spec with the objects that it names."""

    spec: RunSpec
    splits: Splits
    method: UnlearningMethod
    recipe: Recipe
    build: Callable[[], nn.Module]
    device: str
    keeper: Keeper

    def context(
        self, purpose: str, say: Callable[[float, str], None], lent: dict[str, dict[str, Tensor]]
    ) -> RunContext:
        """A context whose seed belongs to one purpose alone."""
        seed = derived_seed(self.spec.seed, purpose)
        return RunContext(self.build, self.recipe, seed, self.device, say, statistics=lent)

    def key(self, purpose: str, *parts: object) -> str:
        """Names a trained model: all that decides its weights."""
        deciding = (self.spec.dataset, self.spec.model, asdict(self.recipe), self.spec.seed, self.device)
        return key_of(purpose, code_version(TRAINING), *deciding, *parts)

    @property
    def flips(self) -> tuple[str, ...]:
        """What a request changed of the training set before anything was trained: nothing, or its own words."""
        return () if self.splits.truth is None else (self.spec.request.text,)

    @property
    def own(self) -> tuple[str, ...]:
        """What stands in for training the original: nothing, or the weights that were uploaded."""
        return (self.spec.weights,) if self.spec.weights else ()

    @property
    def original_key(self) -> str:
        """Names the original model."""
        return self.key("original", *self.flips)

    @property
    def reference_key(self) -> str:
        """Names the reference: by the examples that it never saw, however the request words them."""
        return self.key("reference", self.splits.forgotten.nonzero().flatten().tolist())

    def statistic_key(self, statistic: str) -> str:
        """Names a statistic of the training set at the original model."""
        return self.key("statistic", statistic, code_version(ENGINE), *self.flips, *self.own)


def run(spec: RunSpec, home: Home, report: Report) -> Outcome:
    """Compute a run and put its files into the home. Raises WrongInput or Diverged; the caller stores the verdict."""
    with ResultStore(home.database) as store:
        job = prepare(spec, Keeper(store, Artifacts(home.artifacts_folder)), home.datasets_folder)
        stages = Stages(planned_work(job), report)
        original = original_of(job, stages)
        reference = None
        if spec.reference:
            reference = train(job, "reference", job.reference_key, "reference", job.splits.retain, stages)
        statistics = precompute(job, original, stages)
        unlearned, recorded, unlearn_seconds = unlearn(job, original, statistics, stages)
        began = perf_counter()
        with stages.stage("evaluate") as say:
            evidence = evaluate(job, {"original": original, "reference": reference}, unlearned, say)
            measurements = measure(evidence, say)
            files = keep_files(job.keeper.artifacts, evidence, unlearned, recorded)
            say(1.0, "measured")
        shared = {"original": original, "reference": reference, **{f"statistic/{k}": s for k, s in statistics.items()}}
        seconds = {
            "train": original.seconds if original.made_now else 0.0,
            "reference": reference.seconds if reference and reference.made_now else 0.0,
            "precompute": sum((s.seconds for s in statistics.values() if s.made_now), 0.0),
            "unlearn": unlearn_seconds,
            "evaluate": perf_counter() - began,
        }
        idle = not (job.method.uses or job.method.keeps)  # who reads nothing does nothing, and is not fast
        speedup = reference.seconds / unlearn_seconds if reference and not idle else None
        files |= {name: thing.file for name, thing in shared.items() if thing}
        return Outcome(tuple(measurements), seconds, speedup, files, job.device)


def prepare(spec: RunSpec, keeper: Keeper, datasets: Path | None = None) -> Job:
    """Turn names into objects, and refuse what cannot be before anything is computed. datasets: those that the user added."""
    device = choose_device(spec.device)
    _settle()
    dataset = load_dataset(spec.dataset, datasets)
    method: UnlearningMethod = with_params(METHODS[spec.method], spec.params)
    method.check(spec.request, dataset.info.multi)
    recipe = preset_for(spec.dataset, spec.model).recipe
    splits = split(dataset, spec.request)
    for statistic in method.statistics():
        with torch.device("meta"):  # its weights are not needed, only their shapes
            shapes = MODELS[spec.model](dataset.info)
        statistic.check(shapes, len(splits.train))
    return Job(spec, splits, method, recipe, lambda: MODELS[spec.model](dataset.info), device, keeper)


def _settle() -> None:
    """Same seed, same weights: no kernel that adds in a changing order where there is another."""
    if not os.environ.get("OMP_NUM_THREADS"):  # whoever set it knows better; the page stays quick, since runs are niced
        torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    # By default memory is filled before it is used, which makes training a third slower and changes no number.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set by the module itself
    torch.set_deterministic_debug_mode("warn")  # as use_deterministic_algorithms, without its 2 s of imports


def planned_work(job: Job) -> dict[str, float]:
    """Stage -> training passes over single examples, from which the progress bar takes its proportions."""
    n, k = len(job.splits.train), int(job.splits.forgotten.sum())
    missing = [s for s in job.method.statistics() if not job.keeper.has(job.statistic_key(s.key))]
    epochs = job.recipe.epochs
    return {
        "train": 0.0 if job.own or job.keeper.has(job.original_key) else epochs * n,
        "reference": 0.0 if not job.spec.reference or job.keeper.has(job.reference_key) else epochs * (n - k),
        "precompute": float(STATISTIC_PASSES * n * len(missing)),
        "unlearn": job.method.passes(n, k, job.recipe),
        "evaluate": float(n + len(job.splits.test) + MEASURING),
    }


def original_of(job: Job, stages: Stages) -> Shared:
    """The original: trained on all of the training set, or the weights that were uploaded."""
    if not job.own:
        return train(job, "train", job.original_key, "original", job.splits.train, stages)
    with stages.stage("train"):
        return taken_in(job.keeper.artifacts, job.spec.weights, job.build())


def train(job: Job, stage: str, key: str, purpose: str, examples: Examples, stages: Stages) -> Shared:
    """The original (on all) or the reference (on the retain set): from the store, or trained from a fresh model."""
    with stages.stage(stage) as say:
        context = job.context(purpose, say, {})
        return job.keeper.load_or_make(
            key, purpose, lambda: fit(context.fresh_model(), examples, job.recipe, context).state_dict(), job.device
        )


def precompute(job: Job, original: Shared, stages: Stages) -> dict[str, Shared]:
    """What the method wants known of the training set, by the statistic's key."""
    with stages.stage("precompute") as say:
        context = job.context("precompute", say, {})
        model = restore(job, original.tensors)

        def make(statistic: Statistic) -> Shared:
            key = job.statistic_key(statistic.key)
            compute = partial(statistic.compute, model, job.splits.train, context)
            fits = partial(statistic.fits, model=model)
            return job.keeper.load_or_make(key, "statistic", compute, job.device, fits)

        return {statistic.key: make(statistic) for statistic in job.method.statistics()}


def restore(job: Job, tensors: dict[str, Tensor]) -> nn.Module:
    """A model in eval mode on the run's device, with these weights."""
    model = job.build()
    model.load_state_dict(tensors)
    return model.to(job.device).eval()


def unlearn(
    job: Job, original: Shared, statistics: dict[str, Shared], stages: Stages
) -> tuple[nn.Module, dict[str, Tensor], float]:
    """The unlearned model, what the method recorded, and the seconds of the method alone."""
    with stages.stage("unlearn") as say:
        lent = {key: {n: t.to(job.device) for n, t in shared.tensors.items()} for key, shared in statistics.items()}
        context = job.context("unlearn", say, lent)
        own = deepcopy(restore(job, original.tensors))
        guarded = job.splits.only(job.method.uses)
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


def evaluate(job: Job, shared: dict[str, Shared | None], unlearned: nn.Module, say: Callable[[float, str], None]) -> Evidence:
    """Each model's logits on all data, once, and the models themselves."""
    models = {name: restore(job, thing.tensors) for name, thing in shared.items() if thing}
    models = {"original": models["original"], "unlearned": unlearned.eval(), **models}
    answers = {}
    for index, (name, model) in enumerate(models.items()):
        say(ASKING * index / len(models), f"asking the {name} model")
        sets = (predict(model, examples, job.device) for examples in (job.splits.train, job.splits.test))
        answers[name] = Answers(*sets)
    weights = {name: {n: p.detach().cpu() for n, p in model.named_parameters()} for name, model in models.items()}
    untrained = job.context("untrained", say, {}).fresh_model().eval()
    seed = derived_seed(job.spec.seed, "evaluate") % 2**31
    return Evidence(job.splits, answers, weights, seed, {**models, "untrained": untrained}, job.device)


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
