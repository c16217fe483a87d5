"""Five methods on real images and large networks, each beside the original and the reference; the tables go to RESULTS.md.

FORGETSCOPE_DATA=FOLDER [BENCH_HOME=FOLDER] python tests/benchmarks/bench_real.py [CASE]...     (all of them: two hours on two cores)

With BENCH_HOME, what is trained and what is measured is kept there: a case that was broken off goes on where it was.
"""

from dataclasses import dataclass
import json
import os
from pathlib import Path
import sys
import tempfile
from time import perf_counter

from core.data.importing.importer import ImportOptions, add
from core.data.paths import data_folder
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.jobs.catalogue import catalogue
from core.jobs.validation import make_spec
from core.pipeline import prepare, run
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache
from tests.benchmarks.results import append, table

METHODS = ("ssd", "ssse", "aru", "unsir", "weight_perturbation")
SHOWN = {"forget": "train_forget_accuracy", "test-forget": "test_forget_accuracy", "retain": "train_retain_accuracy",
         "test-retain": "test_retain_accuracy", "attack": "attack_loss_accuracy"}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What is trained and forgotten; folder: of FORGETSCOPE_DATA, '' for a set on the shelf."""

    title: str
    dataset: str
    model: str
    forget: str
    folder: bool = True
    label: str = ""


CASES = {
    "faces": Case("faces by identity (task: age group)", "faces", "small_cnn", "attribute:identity=16", folder=False),
    "orl": Case("ORL faces by identity", "orl-faces", "small_cnn", "class:3"),
    "cifar100": Case("CIFAR-100 subset by subclass (of 20 superclasses)", "cifar100-subset", "small_cnn", "subclass:baby",
                     label="superclass"),
    "vit": Case("CIFAR-10 subset, a class", "cifar10-subset", "vit_small", "class:3"),
    "resnet": Case("CIFAR-10 subset, a class", "cifar10-subset", "resnet18", "class:3"),
}  # fmt: skip


def one(case: Case, home: Home) -> None:
    """Run all five methods, print and append the table."""
    key = case.dataset
    if case.folder:
        key = add(data_folder() / case.dataset, ImportOptions(label=case.label), home.datasets_folder).info.key
    shelves = catalogue(home.root)
    request = parse_request(case.forget, shelves.datasets[key])
    place = home.root / "rows.json"
    rows: dict[str, list[object]] = json.loads(place.read_text()) if place.exists() else {}
    notes = []
    for method in METHODS:
        if unfit := shelves.methods[method].unfit(shelves.datasets[key], request.kind):
            notes.append(unfit)
        elif method not in rows:
            began = perf_counter()
            spec = make_spec(shelves, key, case.model, request, method, {})
            done = run(spec, home, lambda *_: None)
            print(f"      {case.model} {method} {perf_counter() - began:.0f} s {done.seconds}", flush=True)
            took = kept_seconds(spec, home)
            for model, stage in (("original", "train"), ("reference", "reference")):
                rows.setdefault(model, [*numbers(done, model), took[stage], "", done.seconds["evaluate"]])
            rows[method] = [*numbers(done, "unlearned"), done.seconds["unlearn"], took["precompute"], done.seconds["evaluate"]]
            place.write_text(json.dumps(rows))
    head = ("", *SHOWN, "seconds", "statistics, once", "evaluation")
    append(f"{case.title}, {case.model}: {case.forget}", table(head, [[name, *row] for name, row in rows.items()]), *notes)


def kept_seconds(spec: RunSpec, home: Home) -> dict[str, float]:
    """Stage -> what its networks or statistics took when they were made, now or before."""
    with ResultStore(home.database) as store:
        job = prepare(spec, ArtifactCache(store, Artifacts(home.artifacts_folder)), home.datasets_folder)
        keys = {"train": [job.original_key], "reference": [job.reference_key],
                "precompute": [job.statistic_key(statistic.key) for statistic in job.method.statistics(spec.request)]}  # fmt: skip
        return {stage: sum(kept.seconds for key in made if (kept := store.kept(key))) for stage, made in keys.items()}


def numbers(done: Outcome, model: str) -> list[object]:
    """What the table shows of one model; a dash where a metric does not apply."""
    found = {m.metric: m.value for m in done.measurements if m.model == model}
    return ["–" if found.get(key) is None else found[key] for key in SHOWN.values()]


def main() -> bool:
    """Every case that was asked for, or all."""
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            one(CASES[name], open_home(Path(os.environ.get("BENCH_HOME") or folder) / name))
    return True


if __name__ == "__main__":
    sys.exit(not main())
