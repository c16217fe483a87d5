"""The job of Unlearning Comparator (a dashboard that this one wants to replace): seconds over those of one training epoch.

FORGETSCOPE_DATA=FOLDER python tests/benchmarks/bench_comparator.py

2,000 training images of the CIFAR-10 subset and 400 test images, ResNet-18 at 32 pixels, one class forgotten by gradient ascent, all our
metrics, one core. What is over the bar is the unlearning and the evaluation of a run whose original and reference are stored, as there.
"""

import os
from pathlib import Path
import shutil
import sys
import tempfile

from core.data.importing.importer import ImportOptions, add
from core.data.paths import data_folder
from core.domain.presets import FRESH_SEEDS, preset_for
from core.domain.requests.classes import ClassRequest
from core.jobs.catalogue import catalogue
from core.jobs.validation import make_spec
from core.pipeline import run
from core.storage.home import open_home
from tests.benchmarks.bench_real import kept_seconds
from tests.benchmarks.results import append, table, verdict

BAR = 2.0  # epochs
EACH = {"train": 200, "test": 40}  # images of a class


def cut(source: Path, target: Path) -> None:
    """The first images of each class of an image folder."""
    for half, count in EACH.items():
        for of_class in sorted((source / half).iterdir()):
            for image in sorted(of_class.iterdir())[:count]:
                place = target / half / of_class.name / image.name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(image, place)


def main() -> bool:
    """Whether the bar was met."""
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        home, images = open_home(Path(folder) / "home"), Path(folder) / "cifar10-2000"
        cut(data_folder() / "cifar10-subset", images)
        key = add(images, ImportOptions(), home.datasets_folder).info.key
        shelves = catalogue(home.root)
        rows = []
        for method in ("original", "gradient_ascent"):
            spec = make_spec(shelves, key, "resnet18", ClassRequest((3,)), method, {}, seed=FRESH_SEEDS[0])
            done = run(spec, home, lambda *_: None)
            rows.append((method, done.seconds["unlearn"], done.seconds["evaluate"]))
        trained = kept_seconds(spec, home)["train"]
    epoch = trained / preset_for(key, "resnet18").recipe.epochs
    took = rows[1][1] + rows[1][2]
    append("Unlearning Comparator's job: ResNet-18, 2,000 images, gradient ascent, one core",
           table(("method", "unlearning, s", "evaluation, s", "epoch, s"), [(*row, epoch) for row in rows]))  # fmt: skip
    return verdict(f"seconds over those of one epoch <= {BAR}", f"{took / epoch:.2f} ({took:.1f} / {epoch:.1f} s)", took <= BAR * epoch)


if __name__ == "__main__":
    sys.exit(not main())
