"""A run whose unlearned network was brought: its networks are loaded, or trained, and evaluated as those of any run."""

from time import perf_counter

from core.domain.errors import WrongInput
from core.domain.methods.judged import Brought, brought
from core.domain.run import RunSpec
from core.methods.baselines.original import Original
from core.metrics.evaluate import evaluate, measure, store_files
from core.pipeline import Job, Report, Stages, original_of, planned_work, train, training_file
from core.storage.home import Home
from core.storage.record_types import Outcome
from core.storage.shared.remote_parts import open_shared
from core.training.cache import ArtifactCache, Shared
from core.training.run_setup import restore, set_up
from core.training.uploaded_weights.stored_weights import load_weights


def run(spec: RunSpec, home: Home, report: Report) -> Outcome:
    """As `core.pipeline.run`, with nothing unlearned here. Raises WrongInput where weights are gone, damaged or do not fit."""
    files_of = brought(spec)
    if "unlearned" not in files_of:
        raise WrongInput("This run names no unlearned network; judge one with `core judge --unlearned FILE`.")
    with open_shared(home) as (store, artifacts):
        setup = set_up(spec, ArtifactCache(store, artifacts), home.datasets_folder)
        job = Job(**vars(setup), method=Original())
        stages = Stages(planned_work(job) | ({"reference": 0.0} if "reference" in files_of else {}), report)
        networks = {"original": original_of(job, stages)}
        if "reference" in files_of:
            networks["reference"] = _loaded(job, "reference", files_of["reference"], stages)
        elif spec.reference:
            networks["reference"] = train(job, "reference", job.reference_key, "reference", job.splits.retain, stages)
        unlearned = restore(job, _loaded(job, "unlearn", files_of["unlearned"], stages).tensors)
        began = perf_counter()
        with stages.stage("evaluate") as say:
            evidence = evaluate(job, networks, unlearned, say, store.evaluation(spec.id))
            measurements = measure(evidence, say)
            files = store_files(job.cache.artifacts, evidence, unlearned, {})
            say(1.0, "measured")
        trained = networks.get("reference")
        seconds = {
            "train": 0.0, "reference": trained.seconds if trained and trained.made_now else 0.0, "precompute": 0.0, "unlearn": 0.0,
            "evaluate": perf_counter() - began,
        }  # fmt: skip
        files |= {name: one.file for name, one in networks.items()}
        files |= {} if "reference" in files_of else training_file(job)
        return Outcome(tuple(measurements), seconds, None, files, job.device)


def _loaded(job: Job, stage: str, weights: Brought, stages: Stages) -> Shared:
    with stages.stage(stage):
        return load_weights(job.cache.artifacts, weights[0], job.build(), weights[1], job.splits.train.peak)
