"""make bench: every benchmark but those of hours in turn, each in a process of its own; prints each bar with PASS or FAIL."""

import os
from pathlib import Path
import platform
import subprocess
import sys

from core.storage.processes import QUIET

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HOURS = {"defaults"}  # run when named


def main() -> int:
    """The count of benchmarks that missed a bar."""
    asked = sys.argv[1:] or sorted({path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py")} - HOURS)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    missed = 0
    for name in asked:
        print(f"\n== {name}", flush=True)
        # Threads that spin while they wait ruin every figure on a machine that does anything else.
        env = {**QUIET, **os.environ, "PYTHONPATH": str(ROOT)}
        missed += bool(subprocess.run([sys.executable, str(HERE / f"bench_{name}.py")], cwd=ROOT, env=env, check=False).returncode)
    return missed


if __name__ == "__main__":
    sys.exit(main())
