"""Five methods on real images and large networks, each beside the original and the reference; the tables go to RESULTS.md.

FORGETSCOPE_DATA=FOLDER python tests/benchmarks/bench_real.py [CASE]...     (all of them: about an hour on two cores)
"""

from dataclasses import dataclass
from pathlib import Path
import sys
import tempfile
from time import perf_counter

from core.asking import make_spec, request_of
from core.catalogue import catalogue
from core.data.adding import Asked, add
from core.data.published import data_folder
from core.pipeline import run
from core.store.home import Home, open_home
from core.store.outcome import Outcome
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
        key = add(data_folder() / case.dataset, Asked(label=case.label), home.datasets_folder).info.key
    shelves = catalogue(home.root)
    request = request_of(case.forget, shelves.datasets[key])
    rows: list[list[object]] = []
    notes = []
    for method in METHODS:
        began = perf_counter()
        if unfit := shelves.methods[method].unfit(shelves.datasets[key], request):
            notes.append(unfit)
            continue
        done = run(make_spec(shelves, key, case.model, request, method, {}), home, lambda *_: None)
        print(f"      {case.model} {method} {perf_counter() - began:.0f} s {done.seconds}", flush=True)
        if not rows:
            rows += [[model, *numbers(done, model), done.seconds[stage], "", done.seconds["evaluate"]]
                     for model, stage in (("original", "train"), ("reference", "reference"))]  # fmt: skip
        rows.append([method, *numbers(done, "unlearned"), done.seconds["unlearn"], done.seconds["precompute"], done.seconds["evaluate"]])
    head = ("", *SHOWN, "seconds", "statistics, once", "evaluation")
    append(f"{case.title}, {case.model}: {case.forget}", table(head, rows), *notes)


def numbers(done: Outcome, model: str) -> list[object]:
    """What the table shows of one model; a dash where a metric does not apply."""
    found = {m.metric: m.value for m in done.measurements if m.model == model}
    return ["–" if found.get(key) is None else found[key] for key in SHOWN.values()]


def main() -> bool:
    """Every case that was asked for, or all."""
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            one(CASES[name], open_home(Path(folder)))
    return True


if __name__ == "__main__":
    sys.exit(not main())
