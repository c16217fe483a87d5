"""How long the Saliency page lets one wait: a clicked image under three networks, and a gallery of 64.

FORGETSCOPE_DATA=FOLDER python -m tests.benchmarks saliency     (the folder that holds cifar10-subset)

The ResNet-18s are trained for one pass over a part of their data: what a map costs does not depend on the weights, but how many
steps Integrated Gradients needs does, so the error that is left is printed beside the time.
"""

from pathlib import Path
from statistics import median
import sys
import tempfile
from time import perf_counter

import psutil
import torch

from core.analysis.saliency.gallery import gallery
from core.data.importing.importer import ImportOptions, add
from core.data.paths import data_folder
from core.data.registry import load_dataset
from core.domain.requests.registry import parse_request
from core.domain.run import MODELS as NAMES
from core.domain.run import Recipe, RunSpec
from core.jobs.catalogue import catalogue
from core.jobs.engine_client import WarmEngine
from core.jobs.validation import make_spec
from core.models.registry import MODELS
from core.pipeline import run
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.training.context import RunContext
from core.training.loop import fit
from tests.benchmarks.results import append, table, verdict
from tests.planted import record

CLICKS, TRAINED = 10, 300  # images asked about; images that the large network is trained on
BARS = {"digits": 0.5, "ResNet-18": 4.0, "gallery": 30.0}


def digits(home: Home) -> str:
    """A real run: its id."""
    spec = make_spec(catalogue(home.root), "digits", "small_cnn", parse_request("class:3"), "ssd", {})
    outcome = run(spec, home, lambda *_: None)
    return record(home, [(spec, {}, dict(outcome.artifacts), {"unlearn": 1.0, "reference": 1.0})])[0]


def resnet(home: Home) -> str:
    """A run on the CIFAR-10 subset where that is to be had, else on cartoon faces of the same size: three networks of other seeds."""
    photographs = data_folder() / "cifar10-subset"
    key = add(photographs, ImportOptions(), home.datasets_folder).info.key if photographs.is_dir() else "faces"
    data = load_dataset(key, home.datasets_folder)
    print(f"      ResNet-18 on {data.info.title}", flush=True)
    recipe, files = Recipe(epochs=1, batch_size=64, learning_rate=0.05), {}
    for seed, name in enumerate(NAMES):
        context = RunContext(lambda: MODELS["resnet18"](data.info), recipe, seed=seed)
        model = fit(context.fresh_model(), data.train.sample(TRAINED), recipe, context)
        files[name] = Artifacts(home.artifacts_folder).put_arrays({n: t.numpy() for n, t in model.state_dict().items()})
    spec = RunSpec(data.info.key, "resnet18", parse_request("class:1"), "finetune", {}, 0)
    return record(home, [(spec, {}, files, {"unlearn": 1.0, "reference": 1.0})])[0]


def busy(process: psutil.Process) -> float:
    """Seconds of a core that it has used: what a wait would be on a machine with nothing else to do."""
    times = process.cpu_times()
    return float(times.user + times.system)


def clicks(engine: WarmEngine, run_id: str) -> list[float]:
    """A click to three maps of Integrated Gradients: median and largest seconds, and of a core; median and largest miss of the sum, a
    share; median of how far off the pixels are expected to be.
    """
    engine.ask("saliency_offer", run_id=run_id)
    process = next(p for p in psutil.Process().children() if "core.jobs.engine_server" in p.cmdline())
    took, used, missed, off = [], [], [], []
    for place in range(CLICKS + 1):
        began, before = perf_counter(), busy(process)
        told = engine.ask("saliency", run_id=run_id, image={"set": "forget", "place": place}, target="true", how="integrated_gradients",
                          settings={})  # fmt: skip
        took.append(perf_counter() - began)
        used.append(busy(process) - before)
        missed += [abs(m["error"] / m["difference"]) for m in told["models"].values() if m["difference"]]
        off += [m["off"] for m in told["models"].values()]
    return [median(took[1:]), max(took[1:]), median(used[1:]), median(missed), max(missed), median(off)]  # the first click imports


def main() -> bool:
    """Whether every bar was met."""
    torch.set_num_threads(1)
    rows, good = [], []
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder))
        runs = {"digits": digits(home), "ResNet-18": resnet(home)}
        engine = WarmEngine(home)
        for name, run_id in runs.items():
            middle, worst, core, error, largest, off = found = clicks(engine, run_id)
            rows.append([f"{name}: click to three maps, Integrated Gradients", *found])
            said = f"{middle:.2f} s, at most {worst:.2f} ({core:.2f} s of a core); misses {error:.2%}, at most {largest:.1%}; {off:.1%} off"
            good.append(verdict(f"{name}: a click to three maps of Integrated Gradients <= {BARS[name]} s", said, middle <= BARS[name]))
        engine.close()
        began, before = perf_counter(), busy(psutil.Process())
        gallery(home, runs["ResNet-18"], lambda *_: None, count=32)
        took, core = perf_counter() - began, busy(psutil.Process()) - before
        rows.append(["ResNet-18: gallery of 64 images x 3 networks, Grad-CAM", took, took, core, "", "", ""])
        name = f"gallery of 64 images x 3 networks, Grad-CAM, ResNet-18 <= {BARS['gallery']:.0f} s"
        good.append(verdict(name, f"{took:.1f} s ({core:.1f} s of a core)", took <= BARS["gallery"]))
    append("Saliency: the engine's answer to a click, and a gallery",
           table(("what", "median s", "largest s", "of a core", "median miss", "largest miss", "median off"), rows))  # fmt: skip
    return all(good)


if __name__ == "__main__":
    sys.exit(not main())
