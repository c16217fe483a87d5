"""What runs were likely to take, as they began, against what they took: runs of over 10 seconds, from an empty home on.

python tests/benchmarks/bench_forecast.py
"""

import os
from pathlib import Path
import subprocess
import sys
import tempfile

from core.storage.home import Home
from core.storage.runs import ResultStore

ROOT = Path(__file__).resolve().parents[2]
LEAST, WITHIN, SHARE = 10.0, 1.5, 0.9  # seconds; times; of the runs
STUDIES = (  # dataset, model, methods, seeds: the first of each pair has no history at all
    ("digits", "small_cnn", ("ssd", "aru", "unsir"), "0-5"),
    ("digits", "vit_small", ("ssd", "finetune", "gradient_ascent"), "0-1"),
    ("digits", "all_cnn", ("finetune", "ssd"), "0-1"),
)


def sweep(home: Home, dataset: str, model: str, methods: tuple[str, ...], seeds: str) -> None:
    """The study, to its end, one run after the other."""
    head = f'dataset = "{dataset}"\nmodel = "{model}"\nforget = "class:3"\nseeds = "{seeds}"\nfloor = false\n'
    file = home.root / "study.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(head + "".join(f'[[methods]]\nname = "{method}"\n' for method in methods))
    env = {**os.environ, "FORGETSCOPE_HOME": str(home.root), "FORGETSCOPE_SLOTS": "1"}
    subprocess.run([sys.executable, "-m", "core", "sweep", str(file), "--json"], cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True)


def main() -> bool:
    """Whether the bar was met."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        for study in STUDIES:
            sweep(home, *study)
        with ResultStore(home.database) as store:
            runs = store.runs()[::-1]  # in the order of asking
    hits, count = 0, 0
    for run in runs:
        took = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else 0.0
        made = run.forecast
        if took <= LEAST or made is None:
            continue
        ratio = made.seconds / took if made.seconds else float("nan")
        memory = made.bytes / run.peak_bytes if made.bytes and run.peak_bytes else float("nan")
        good = 1 / WITHIN <= ratio <= WITHIN
        hits, count = hits + good, count + 1
        about = f"{run.spec.dataset} {run.spec.model} {run.spec.method} seed {run.spec.seed}"
        print(f"      {about:42} {took:7.1f} s, forecast {made.seconds or 0:7.1f} s ({made.basis}) x {ratio:.2f}; memory x {memory:.2f}")
    met = count > 0 and hits >= SHARE * count
    print(f"{'PASS' if met else 'FAIL'}  forecast within {WITHIN} x of the truth in 9 of 10 runs of over {LEAST:.0f} s: {hits} of {count}")
    return met


if __name__ == "__main__":
    sys.exit(not main())
