"""What each method does at its default settings: test accuracies against the retrained reference's; the table goes to RESULTS.md.

FORGETSCOPE_DATA=FOLDER [BENCH_HOME=FOLDER] python tests/benchmarks/bench_defaults.py [DATASET/MODEL]... [options]

--methods ssd ssse ...   --classes 3 8   --seeds 21 22     Without words: ResNet-18 and the small ViT on the CIFAR-10 subset.

A cell is one class forgotten by one method, with one seed that no setting was found on. It holds where the accuracy on test images of the
class is at most 0.05 over the reference's, and that on those of the others within 0.05 of the reference's. With BENCH_HOME, networks
that are stored there are not trained again.
"""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path
import sys
import tempfile

from torch import nn

from core.data.importing.importer import ImportOptions, add
from core.data.paths import data_folder
from core.data.registry import DATASETS
from core.domain.presets import FRESH_SEEDS
from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec
from core.domain.training.own_recipe import usual_recipe
from core.jobs.catalogue import Catalogue, catalogue
from core.jobs.validation import make_spec
from core.pipeline import Stages, original_of, planned_work, precompute, prepare, restore, train, unlearn
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache
from core.training.loop import Diverged, share_right
from tests.benchmarks.results import append, table, verdict

NEAR = 0.05  # accuracy over the reference's on the class; away from it on the others
CHEAP, FAST = 0.10, 15.0  # SSD's search over the seconds of training the original; weight perturbation, over retraining
PAIRS = ("cifar10-subset/resnet18", "cifar10-subset/vit_small")
METHODS = ("ssd", "ssse", "unsir", "aru", "weight_perturbation")


@dataclass(frozen=True)
class Cell:
    """Accuracies are (of the class, of the others), on test images; seconds of the method, its search and both trainings."""

    original: tuple[float, float]
    unlearned: tuple[float, float]
    reference: tuple[float, float]
    seconds: float
    searched: float
    trained: float
    retrained: float

    @property
    def holds(self) -> bool:
        """Whether both accuracies are near enough to the reference's; not of NaN, which stands for a network that diverged."""
        return self.unlearned[0] - self.reference[0] <= NEAR and abs(self.unlearned[1] - self.reference[1]) <= NEAR


def cell(home: Home, spec: RunSpec) -> Cell:
    """One run, without its evaluation."""
    with ResultStore(home.database) as store:
        job = prepare(spec, ArtifactCache(store, Artifacts(home.artifacts_folder)), home.datasets_folder)
        stages = Stages(planned_work(job), lambda *_: None)
        original = original_of(job, stages)
        reference = train(job, "reference", job.reference_key, "reference", job.splits.retain, stages)
        statistics = precompute(job, original, stages)
        try:
            model, recorded, seconds = unlearn(job, original, statistics, stages)
        except Diverged as error:
            print(f"      {error}", flush=True)
            model, recorded, seconds = None, {}, float("nan")
    gone = job.splits.test_forgotten.nonzero()[:, 0], (~job.splits.test_forgotten).nonzero()[:, 0]

    def both(network: nn.Module) -> tuple[float, float]:
        shares = share_right(network, *(job.splits.test.subset(rows) for rows in gone), device=job.device)
        return shares[0], shares[1]

    lost = float("nan"), float("nan")
    return Cell(both(restore(job, original.tensors)), both(model) if model else lost, both(restore(job, reference.tensors)), seconds,
                float(recorded.get("search/seconds", 0.0)), original.seconds, reference.seconds)  # fmt: skip


def specs(shelves: Catalogue, key: str, model: str, classes: list[int], seeds: list[int], methods: list[str]) -> Iterator[RunSpec]:
    """A pair's cells, those of one network next to each other."""
    for seed in seeds:
        for index in classes:
            for method in methods:
                usual = usual_recipe(shelves.datasets[key], model)
                yield make_spec(shelves, key, model, ClassRequest((index,)), method, {}, seed=seed, recipe=usual)


def main() -> bool:
    """Whether all bars were met."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="*", default=list(PAIRS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--classes", nargs="+", type=int, default=[3, 8])
    parser.add_argument("--seeds", nargs="+", type=int, choices=FRESH_SEEDS, default=[21, 22])
    asked = parser.parse_args()
    good, rows = list[bool](), list[tuple[object, ...]]()
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(os.environ.get("BENCH_HOME") or folder))
        for pair in asked.pairs:
            dataset, _, model = pair.partition("/")
            key = dataset if dataset in DATASETS else add(data_folder() / dataset, ImportOptions(), home.datasets_folder).info.key
            for spec in specs(catalogue(home.root), key, model, asked.classes, asked.seeds, asked.methods):
                found = cell(home, spec)
                name = f"{pair}, {spec.request.title(None)}, seed {spec.seed}, {spec.method}"
                figure = (f"forget {found.unlearned[0]:.3f} (reference {found.reference[0]:.3f}), retain {found.unlearned[1]:.3f} "
                          f"({found.reference[1]:.3f}), {found.seconds:.1f} s (retraining {found.retrained:.0f})")  # fmt: skip
                good.append(verdict(name, figure, found.holds))
                if spec.method == "ssd" and found.searched:
                    share = found.searched / found.trained
                    good.append(verdict(f"   SSD's search over training the original <= {CHEAP}", f"{share:.3f}", share <= CHEAP))
                if spec.method == "weight_perturbation":
                    faster = found.retrained / found.seconds
                    good.append(verdict(f"   weight perturbation over retraining >= {FAST:g}", f"{faster:.1f}", faster >= FAST))
                rows.append((pair, spec.request.title(None), spec.seed, spec.method, *found.unlearned, *found.reference, found.original[0],
                             found.seconds, found.searched, found.retrained, "yes" if found.holds else "NO"))  # fmt: skip
    head = ("network", "request", "seed", "method", "forget", "retain", "reference's forget", "its retain", "original's forget",
            "seconds", "of them search", "retraining", "holds")  # fmt: skip
    holding = sum(row[-1] == "yes" for row in rows)
    append("Methods at their defaults", table(head, rows), f"{holding} of {len(rows)} cells hold.")
    return all(good)


if __name__ == "__main__":
    sys.exit(not main())
