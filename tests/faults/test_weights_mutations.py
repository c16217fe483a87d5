"""Hundreds of broken and hostile files of weights: each read, or refused in one sentence, within 1 GB and 5 seconds."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

from tests.hostile_weights import hostile, mutations

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(1200)
def test_no_file_of_weights_breaks_its_reader_or_takes_much(tmp_path):
    files = dict(mutations(500)) | hostile()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.faults.read_weights", str(tmp_path)],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(told) == len(files)
    for one in told:
        assert one["status"] == 0, one
        assert one["mb"] <= 1000, one
        assert one["seconds"] <= 5, one
        assert one["said"].startswith(("refused ", "read ")), one
        assert "\n" not in one["said"], one
    refused = [one["file"] for one in told if one["said"].startswith("refused ")]
    assert set(hostile()) - {"zip-nested.pth"} <= set(refused)
    assert len(refused) > len(files) / 2
