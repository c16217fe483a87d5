"""A study of six runs on two slots against one: wall time and equal numbers; and what a second thread buys each network.

python tests/benchmarks/bench_slots.py. Wants a machine with two free cores or more.
"""

import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
from time import perf_counter

import torch
from torch import nn

from core.data.registry import DATASETS
from core.models.registry import MODELS
from core.storage.home import Home
from core.storage.processes import cores
from core.storage.runs import ResultStore

ROOT = Path(__file__).resolve().parents[2]
BAR = 0.65
STUDY = """
dataset = "digits"
model = "small_cnn"
forget = "class:3"
seeds = "0-1"
floor = false
[[methods]]
name = "ssd"
[[methods]]
name = "aru"
[[methods]]
name = "finetune"
"""
Numbers = dict[str, list[tuple[str, str, float | None]]]
STEPS = (
    *(("digits", "small_cnn", 64, 40), ("fashion_mnist", "small_cnn", 128, 20), ("digits", "vit_small", 64, 4)),
    ("cifar10", "vit_small", 64, 4),
    *(("cifar10", "all_cnn", 64, 3), ("cifar10", "resnet18", 64, 3), ("cifar10", "mobilenet_v2", 64, 3)),
)


def verdict(name: str, figure: str, good: bool) -> bool:
    """One row of the table."""
    print(f"{'PASS' if good else 'FAIL'}  {name:72} {figure}", flush=True)
    return good


def seconds_of_a_step(dataset: str, model: str, batch: int, steps: int, threads: int) -> float:
    """The quickest of four: a training step, on noise of the dataset's shape."""
    torch.set_num_threads(threads)
    info = DATASETS[dataset].INFO
    network = MODELS[model](info).train().to(memory_format=torch.channels_last)
    x = torch.rand(batch, info.channels, info.height, info.width).contiguous(memory_format=torch.channels_last)
    y, optimiser, took = torch.randint(0, len(info.classes), (batch,)), torch.optim.SGD(network.parameters(), 0.01, 0.9), []
    for _ in range(4):  # the first warms up
        began = perf_counter()
        for _ in range(steps):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            optimiser.step()
        took.append((perf_counter() - began) / steps)
    return min(took)


def study(folder: Path, slots: int) -> tuple[float, Numbers, list[int | None]]:
    """Wall time of the study on an empty home whose supervisor is awake, its numbers, and each run's threads."""
    home, file = Home(folder / str(slots)), folder / "study.toml"
    file.write_text(STUDY)
    quiet = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    env = {**quiet, "FORGETSCOPE_HOME": str(home.root), "FORGETSCOPE_SLOTS": str(slots)}
    warm = ["run", "--dataset", "digits", "--model", "small_cnn", "--forget", "class:5", "--method", "original", "--no-reference"]
    for words in (warm, ["sweep", str(file)]):
        began = perf_counter()
        subprocess.run([sys.executable, "-m", "core", *words, "--json"], cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True)
        seconds = perf_counter() - began
    with ResultStore(home.database) as store:
        runs = [run for run in store.runs() if run.spec.method != "original"]
        numbers = {run.id: [(m.model, m.metric, m.value) for m in store.measurements(run.id)] for run in runs}
        return seconds, numbers, [run.threads for run in runs]


def main() -> bool:
    """Whether the bar was met."""
    most = cores()
    print(f"      a training step with 1 thread and with {most}:")
    for dataset, model, batch, steps in STEPS:
        one, all_of_them = (seconds_of_a_step(dataset, model, batch, steps, threads) for threads in (1, most))
        print(f"      {dataset:14} {model:14} {1e3 * one:8.1f} ms {1e3 * all_of_them:8.1f} ms   x {one / all_of_them:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        (one, numbers, threads), (two, again, _) = (study(Path(folder), slots) for slots in (1, 2))
    print(f"      {json.dumps({'threads of each run': threads})}")
    return all([
        verdict(f"6 runs of digits on two slots over one <= {BAR}", f"{two:.1f} s / {one:.1f} s = {two / one:.2f}", two / one <= BAR),
        verdict("equal numbers", f"{len(numbers)} runs", numbers == again and len(numbers) == 6),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main())
