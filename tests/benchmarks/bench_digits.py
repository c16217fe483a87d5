"""SSD and retraining on digits: all ten classes, seeds 0 to 2, presets; then the command line's wall time.

python tests/benchmarks/bench_digits.py [SEEDS]
"""

import json
import os
from pathlib import Path
from statistics import mean, median
import subprocess
import sys
import tempfile
from time import perf_counter

from core.domain.requests.registry import parse_request
from core.jobs.catalogue import Catalogue, catalogue
from core.jobs.validation import make_spec
from core.pipeline import run
from core.storage.home import Home, open_home
from core.storage.record_types import Outcome
from tests.benchmarks.results import fresh_seeds

ROOT = Path(__file__).resolve().parents[2]


def value(outcome: Outcome, metric: str, model: str = "unlearned") -> float:
    """One measurement, which must be there."""
    found = next(m.value for m in outcome.measurements if (m.metric, m.model) == (metric, model))
    assert found is not None, (metric, model)
    return found


def verdict(name: str, figure: str, good: bool) -> bool:
    """One row of the table."""
    print(f"{'PASS' if good else 'FAIL'}  {name:72} {figure}", flush=True)
    return good


def method_bars(home: Home, shelves: Catalogue, seeds: tuple[int, ...]) -> list[bool]:
    """Bars over every class and seed."""

    def outcome(method: str, forget: str, seed: int) -> Outcome:
        spec = make_spec(shelves, "digits", "small_cnn", parse_request(forget), method, {}, seed=seed)
        return run(spec, home, lambda *_: None)

    cases = [(f"class:{index}", seed) for seed in seeds for index in range(10)]
    several = [outcome("ssd", f"classes:{picks}", seed) for seed in seeds for picks in ("3,5", "0,8", "1,2,3", "4,6,9")]
    ssd = [outcome("ssd", *case) for case in cases]
    forget = [value(o, "test_forget_accuracy") for o in ssd]
    kept = mean(value(o, "test_retain_accuracy") for o in ssd)
    wanted = mean(value(o, "test_retain_accuracy", "reference") for o in ssd)
    faster = [o.speedup for o in ssd if o.speedup]
    retrained = [value(outcome("retrain", *case), "test_forget_accuracy") for case in cases[:10]]
    return [
        verdict(f"ssd: mean test-forget accuracy, {len(cases)} cases <= 0.05", f"{mean(forget):.4f} (worst {max(forget):.3f})",
                mean(forget) <= 0.05),
        verdict("ssd: mean test-retain accuracy within 0.03 of the reference's", f"{kept:.4f} against {wanted:.4f}",
                abs(kept - wanted) <= 0.03),
        verdict("ssd: times faster than training the reference >= 10", f"median {median(faster):.0f}, least {min(faster):.0f}",
                min(faster) >= 10),
        verdict("ssd, two and three classes (no bar): mean test-forget, test-retain, reference's retain",
                ", ".join(f"{mean(value(o, *of) for o in several):.4f}" for of in (
                    ("test_forget_accuracy",), ("test_retain_accuracy",), ("test_retain_accuracy", "reference"))), True),
        verdict("retrain: test-forget accuracy 0 for ten class requests", f"largest {max(retrained):.4f}", max(retrained) == 0),
    ]  # fmt: skip


def command_line_bars(root: Path) -> list[bool]:
    """A first and a second request through the queue, from a cold start, as a user's shell sees them."""
    seconds = []
    for forget in ("class:3", "class:5"):
        command = [sys.executable, "-m", "core", "run", "--dataset", "digits", "--model", "small_cnn", "--forget", forget,
                   "--method", "ssd", "--json"]  # fmt: skip
        began = perf_counter()
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "FORGETSCOPE_HOME": str(root)}, capture_output=True,
                              text=True, check=True)  # fmt: skip
        seconds.append(perf_counter() - began)
        print(f"      {forget}: {json.loads(done.stdout)['seconds']}")
    return [
        verdict("whole first run by the command line <= 20 s", f"{seconds[0]:.1f} s", seconds[0] <= 20),
        verdict("second request on the same model <= 10 s", f"{seconds[1]:.1f} s", seconds[1] <= 10),
    ]


def main() -> bool:
    """Whether every bar was met."""
    seeds = fresh_seeds()
    with tempfile.TemporaryDirectory() as folder:
        good = command_line_bars(Path(folder) / "cold")
        home = open_home(Path(folder) / "warm")
        good += method_bars(home, catalogue(home.root), seeds)
    return all(good)


if __name__ == "__main__":
    sys.exit(not main())
