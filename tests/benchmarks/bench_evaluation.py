"""What the evaluation of a first and of a later run costs, over the seconds of training its original; the table goes to RESULTS.md.

FORGETSCOPE_DATA=FOLDER [BENCH_HOME=FOLDER] python tests/benchmarks/bench_evaluation.py [digits|resnet|vit]...

With BENCH_HOME, networks that are stored there are not trained again; what training took is what it took then.
"""

from dataclasses import dataclass
import os
from pathlib import Path
import sys
import tempfile

from core.data.importing.importer import ImportOptions, add
from core.data.paths import data_folder
from core.domain.presets import FRESH_SEEDS
from core.domain.requests.registry import parse_request
from core.jobs.catalogue import catalogue
from core.jobs.validation import make_spec
from core.pipeline import run
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from tests.benchmarks.bench_real import kept_seconds
from tests.benchmarks.results import append, table


@dataclass(frozen=True)
class Case:
    """bars: of the first and of the later run; shares of training the original, for digits seconds of the first alone."""

    dataset: str
    model: str
    bars: tuple[float, float]


CASES = {
    "digits": Case("digits", "small_cnn", (1.5, float("inf"))),
    "resnet": Case("cifar10-subset", "resnet18", (0.20, 0.08)),
    "vit": Case("cifar10-subset", "vit_small", (0.20, 0.08)),
}
METHODS = ("ssd", "weight_perturbation")  # of the first run, and of a later one
SHOWN = 12  # parts of an evaluation


def one(name: str, home: Home) -> list[object]:
    """Row of the table: two runs on one request."""
    case = CASES[name]
    folder = data_folder() / case.dataset
    key = case.dataset if name == "digits" else add(folder, ImportOptions(), home.datasets_folder).info.key
    shelves = catalogue(home.root)
    request = parse_request("class:3", shelves.datasets[key])
    found, training = [], 0.0
    for method in METHODS:
        spec = make_spec(shelves, key, case.model, request, method, {}, seed=FRESH_SEEDS[0])
        done = run(spec, home, lambda *_: None)
        found.append(done.seconds["evaluate"])
        training = kept_seconds(spec, home)["train"]
        costs = Artifacts(home.artifacts_folder).get_table(done.artifacts["costs"])
        print(f"      {case.model} {method}: {done.seconds}", flush=True)
        for row in costs.head(SHOWN).itertuples(index=False):
            print(f"         {row.part:40} {row.model:10} {row.seconds:8.2f}", flush=True)
    measured = [found[0], float("nan")] if name == "digits" else [seconds / training for seconds in found]
    met = [value <= bar for value, bar in zip(measured, case.bars, strict=True) if bar != float("inf")]
    print(f"{'PASS' if all(met) else 'FAIL'}  {name}: {measured} where {case.bars} is the bar")
    return [f"{case.dataset}, {case.model}", training, *found, *(seconds / training for seconds in found), all(met)]


def main() -> bool:
    """Every case that was asked for, or all; whether all bars were met."""
    rows = []
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(one(name, open_home(Path(os.environ.get("BENCH_HOME") or folder) / name)))
    head = ("network", "training the original, s", "first evaluation, s", "later, s", "first / training", "later / training", "bar met")
    append("Evaluation over training the original", table(head, rows))
    return all(row[-1] for row in rows)


if __name__ == "__main__":
    sys.exit(not main())
