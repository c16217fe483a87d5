"""Runs of large networks compute with many threads; the tests' own single thread would hide what that can break."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow  # half a minute on two busy cores
def test_a_run_with_several_threads_ends(tmp_path):
    """A fork server that had computed in parallel while it imported left its children waiting for threads that never come."""
    env = {**os.environ, "OMP_NUM_THREADS": "2", "FORGETSCOPE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "core", "run", "--dataset", "digits", "--model", "small_cnn", "--forget", "class:3",
         "--method", "original", "--no-reference", "--json"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["status"], report["threads"]) == ("done", 2)
