"""A study of five methods and three seeds on digits, by the command line on an empty home: its time, and what was trained.

python tests/benchmarks/bench_study.py
"""

from collections import Counter
import json
import os
from pathlib import Path
import sqlite3
import subprocess
import sys
import tempfile
from time import perf_counter
from typing import Any

from core.domain.presets import FRESH_SEEDS
from core.storage.home import Home
from core.storage.runs import ResultStore

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("ssd", "ssse", "aru", "unsir", "weight_perturbation")
SEEDS = FRESH_SEEDS[:3]
STUDY = f"""
dataset = "digits"
model = "small_cnn"
forget = "class:3"
seeds = {list(SEEDS)}
""" + "".join(f'[[methods]]\nname = "{method}"\n' for method in METHODS)


def verdict(name: str, figure: str, good: bool) -> bool:
    """One row of the table."""
    print(f"{'PASS' if good else 'FAIL'}  {name:72} {figure}", flush=True)
    return good


def sweep(file: Path, home: Home) -> tuple[dict[str, Any], float]:
    """What the command said, and its wall time."""
    command = [sys.executable, "-m", "core", "sweep", str(file), "--json"]
    began = perf_counter()
    said = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "FORGETSCOPE_HOME": str(home.root)}, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(said.stdout), perf_counter() - began


def trained(home: Home) -> tuple[Counter[str], Counter[str]]:
    """Kept things by kind; and how many runs say that they trained an original or a reference."""
    db = sqlite3.connect(home.database)
    kept = Counter(kind for (kind,) in db.execute("select kind from kept"))
    db.close()
    with ResultStore(home.database) as store:
        took = Counter(stage for run in store.runs() for stage in ("train", "reference") if run.seconds[stage] > 0)
    return kept, took


def main() -> bool:
    """Whether every bar was met."""
    with tempfile.TemporaryDirectory() as folder:
        file, home = Path(folder) / "study.toml", Home(Path(folder) / "home")
        file.write_text(STUDY)
        told, seconds = sweep(file, home)
        kept, took = trained(home)
        again, seconds_again = sweep(file, home)
        with ResultStore(home.database) as store:
            attempts = sum(run.attempt for run in store.runs())
        runs = told["total"]
        stages = Counter[str]()
        with ResultStore(home.database) as store:
            for run in store.runs():
                stages.update(run.seconds)
        print("      seconds by stage: " + ", ".join(f"{stage} {value:.1f}" for stage, value in stages.items()))
        return all([
            verdict(f"{len(METHODS)} methods and the floor x {len(SEEDS)} seeds by the command line <= 240 s",
                    f"{seconds:.1f} s, {runs} runs", seconds <= 240 and told["done"] == runs),
            verdict("trained: 3 originals, 3 references (each run's own word; kept files)",
                    f"{took['train']}, {took['reference']}; {kept['original']}, {kept['reference']}",
                    [*took.values(), kept["original"], kept["reference"]] == [len(SEEDS)] * 4),
            verdict("the same file again computes nothing", f"{seconds_again:.1f} s, {attempts} attempts of {runs} runs",
                    again == told and attempts == runs),
        ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main())
