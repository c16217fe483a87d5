"""A study on a Ray cluster of two nodes of a core each, on this machine, against the local worker on two slots: wall time, equal numbers.

python tests/benchmarks/bench_cluster.py. Wants two free cores. Both are measured three times, in turn, with their processes awake: starting
them is said beside; the medians are compared. Also how often what is shared was trained, and how long a cancel takes.
"""

import os
from pathlib import Path
from statistics import median
import subprocess
import sys
import tempfile
from time import perf_counter, sleep

import psutil
from ray.cluster_utils import Cluster

from core.jobs import submit
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.benchmarks.bench_slots import ROOT, Numbers, verdict

BAR, CANCEL = 1.25, 2.0  # times the local wall time; seconds
TURNS = 3
SEEDS, METHODS = "0-5", ("ssd", "aru", "finetune")


def core(home: Home, env: dict[str, str], *words: str) -> float:
    """Seconds that a command took."""
    began = perf_counter()
    subprocess.run([sys.executable, "-m", "core", *words, "--json"], cwd=ROOT, env=env, capture_output=True, check=True)
    return perf_counter() - began


def numbers(home: Home) -> Numbers:
    """Of every run of the study; those that warmed up are of another class."""
    with ResultStore(home.database) as store:
        runs = [run for run in store.runs() if run.spec.request.text == "class:3"]
        return {run.spec.id: [(m.metric, m.model, m.value) for m in store.measurements(run.id)] for run in runs}


def trained(home: Home) -> tuple[int, int]:
    """How many runs trained an original and a reference."""
    with ResultStore(home.database) as store:
        runs = [run for run in store.runs() if run.spec.request.text == "class:3"]
    return sum(run.seconds.get("train", 0) > 0 for run in runs), sum(run.seconds.get("reference", 0) > 0 for run in runs)


def study(home: Home, env: dict[str, str]) -> tuple[float, float]:
    """Seconds of waking up, and of the study."""
    warm = ("--dataset", "digits", "--model", "small_cnn", "--forget", "class:5", "--method", "original", "--no-reference")
    began = perf_counter()
    both = [subprocess.Popen([sys.executable, "-m", "core", "run", *warm, "--seed", seed], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
            for seed in ("90", "91")]  # fmt: skip
    if any(one.wait() for one in both):
        raise SystemExit("A run that only warms up failed.")
    woke, file = perf_counter() - began, home.root / "study.toml"
    methods = "".join(f'[[methods]]\nname = "{method}"\n' for method in METHODS)
    file.write_text(f'dataset = "digits"\nmodel = "small_cnn"\nforget = "class:3"\nseeds = "{SEEDS}"\nfloor = false\n{methods}')
    return woke, core(home, env, "sweep", str(file))


def cancelled(home: Home, env: dict[str, str]) -> float:
    """Seconds from the cancel of a run that trains on a node until the process that computes it is gone."""
    command = ["run", "--dataset", "digits", "--model", "resnet18", "--forget", "class:4", "--method", "ssd", "--recipe", "epochs=200"]
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    asking = subprocess.Popen([sys.executable, "-m", "core", *command], cwd=ROOT, env=env, **nowhere)
    computing: list[psutil.Process] = []
    while not computing:
        sleep(0.2)
        with ResultStore(home.database) as store:
            ids = [run.id for run in store.runs() if run.spec.model == "resnet18" and run.stage == "train"]
        computing = [one for run_id in ids for one in _printing(run_id)]
    began = perf_counter()
    submit.cancel(home, ids[0])
    while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in computing):
        sleep(0.01)
    took = perf_counter() - began
    asking.wait()
    return took


def _printing(run_id: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if any("forgetscope-node-" in file.path and run_id in file.path for file in process.open_files()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def main() -> bool:
    """Whether the bars were met."""
    os.environ["RAY_AUTH_MODE"] = "disabled"
    with tempfile.TemporaryDirectory() as folder:
        quiet = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "FORGETSCOPE_RAY")}
        os.environ["FORGETSCOPE_NODE_HOME"] = folder
        cluster = Cluster()
        for name in ("a", "b"):
            cluster.add_node(num_cpus=1, node_name=name, include_dashboard=False, object_store_memory=10**8)
        found: dict[str, list[tuple[float, float]]] = {"here": [], "cluster": []}
        homes = list[Home]()
        try:
            for turn in range(TURNS):
                for where, more in (("here", {"FORGETSCOPE_SLOTS": "2"}), ("cluster", {"FORGETSCOPE_RAY": cluster.address})):
                    home = Home(Path(folder) / f"{where} {turn}")
                    env = {**quiet, **more, "FORGETSCOPE_HOME": str(home.root), "FORGETSCOPE_DEVICE": "cpu"}
                    found[where].append(study(home, env))
                    homes.append(home)
                    print(f"      {where:8} woke in {found[where][-1][0]:.1f} s, the study took {found[where][-1][1]:.1f} s", flush=True)
                    if (turn, where) == (TURNS - 1, "cluster"):
                        seconds = cancelled(home, env)
                    submit.end_supervisor(home)
        finally:
            cluster.shutdown()
        here, there = (median(took for _, took in found[where]) for where in ("here", "cluster"))
        results = [numbers(home) for home in homes]
        times = [trained(home) for home in homes]
    seeds, runs, ratio = 6, 6 * len(METHODS), there / here
    study_of = f"study of {runs} runs on two nodes of a core over two slots <= {BAR}"
    return all([
        verdict(study_of, f"{ratio:.2f} ({there:.1f} s, {here:.1f} s)", ratio <= BAR),
        verdict("equal numbers", f"{len(results[0])} runs", all(one == results[0] for one in results) and len(results[0]) == runs),
        verdict("originals and references trained once each", str(times[1]), all(one == (seeds, seeds) for one in times)),
        verdict(f"cancel on a node, to its process's end <= {CANCEL:.0f} s", f"{seconds:.2f} s", seconds <= CANCEL),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main())
