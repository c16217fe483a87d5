"""The dampening explorer on larger networks, in a real Chromium: a key on the alpha slider to redrawn figures.

FORGETSCOPE_DATA=FOLDER python tests/benchmarks/bench_parameters.py [SAMPLES]     (needs FashionMNIST and cifar10-subset there)

The networks are as they were drawn and their importances are random numbers: what is timed does not depend on what they
know. The engine's own answer is timed beside.
"""

from pathlib import Path
from statistics import median
import sys
import tempfile
import time

import numpy as np
import torch

from core.data.importing.importer import ImportOptions, add
from core.data.paths import data_folder
from core.jobs.catalogue import catalogue
from core.jobs.engine_client import WarmEngine
from core.models.registry import MODELS
from core.storage.home import Home, open_home
from core.training.cache import to_arrays
from tests.benchmarks.chromium import new_page, served, slider, told
from tests.benchmarks.results import append, table
from tests.planted import plant, spec

SETTINGS = {"importance": "per_sample", "batch_size": 64, "alpha": 4.2, "lambda": 1.0}


def planted(home: Home, dataset: str, model: str) -> str:
    """The id of an SSD run that holds networks of this architecture."""
    data, draw = catalogue(home.root).datasets[dataset], np.random.default_rng(0)
    networks = {}
    for seed, name in enumerate(("original", "unlearned", "reference")):
        torch.manual_seed(seed)
        networks[name] = to_arrays(MODELS[model](data).state_dict())
    torch.manual_seed(0)
    shapes = {name: p.shape for name, p in MODELS[model](data).named_parameters()}
    everything = {name: draw.lognormal(-8, 2, shape).astype(np.float32) for name, shape in shapes.items()}
    ratio = {name: np.minimum(10, draw.lognormal(0, 0.8, shape)).astype(np.float32) for name, shape in shapes.items()}  # n/k = 10
    forget = {f"importance_forget/{name}": ratio[name] * everything[name] for name in shapes}  # 3 to 4 % beyond alpha = 4.2
    files = {**networks, "recorded": forget, "statistic/ImportanceStatistic-drawn": everything}
    return plant(home, spec("ssd", dataset=dataset, model=model, params=SETTINGS), files=files)


def answers(home: Home, run_id: str, samples: int) -> tuple[list[float], dict[str, int]]:
    """Seconds of the engine alone for values of alpha that were not asked before; how many images it asks."""
    engine, seen, told = WarmEngine(home), [], {}
    try:
        engine.ask("importance_view", run_id=run_id)
        for alpha in np.geomspace(1, 5, samples):
            began = time.perf_counter()
            told = engine.ask("redampen", run_id=run_id, alpha=float(alpha), lambda_=1.0)
            seen.append(time.perf_counter() - began)
    finally:
        engine.close()
    return seen, told["looked_at"]


def main() -> int:
    """1 where a bar is missed."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    good, rows = [], []
    with tempfile.TemporaryDirectory() as place:
        home = open_home(Path(place) / "home")
        subset = add(data_folder() / "cifar10-subset", ImportOptions(), home.datasets_folder).info.key
        cases = (("digits", "small_cnn", 0.5), ("fashion_mnist", "small_cnn", 0.7), (subset, "resnet18", 1.5))
        runs = {case: planted(home, *case[:2]) for case in cases}
        with served(home) as (server, browser):
            for (dataset, model, bar), run_id in runs.items():
                alone, asked = answers(home, run_id, samples)
                page = new_page(browser, server)
                seen = slider(page, run_id, samples)
                good.append(told(f"alpha slider, {dataset} {model}: key to redrawn figures", seen, bar))
                page.context.close()
                images = ", ".join(f"{count} {name}" for name, count in asked.items())
                rows.append((f"{dataset}, {model}", median(seen), max(seen), bar, median(alone), images))
    head = ("network", "median s", "largest s", "bar", "engine alone", "images asked at a pull")
    append("The dampening explorer in Chromium: a key on the alpha slider to redrawn figures", table(head, rows))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
