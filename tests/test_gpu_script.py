"""The script for a machine with a GPU: all of it on the CPU at toy size, and what it does with a part that fails."""

import json
from time import perf_counter

import pytest
import torch

from tests.benchmarks import gpu


def test_the_whole_script_runs_at_toy_size(tmp_path, monkeypatch):
    monkeypatch.setenv("OUT", str(tmp_path))
    parts = gpu.main(["--toy"])
    assert [gpu.missing(part) for part in parts] == [[], [], []]
    agreement, methods, speed = parts
    if not torch.cuda.is_available():  # the same computation twice
        assert {row[1] for row in agreement.rows} == {"0.00e+00"}
    assert len(agreement.rows) == 8
    assert [row[0] for row in methods.rows] == ["original", "reference", "ssd", "aru"]
    assert methods.rows[1][1] < 0.5 < methods.rows[1][3], "the reference knows the retain set alone"
    assert all(row[1] > 0 for row in speed.rows)
    assert speed.rows[-1][0] == "bfloat16, channels last, torch.compile"
    stored = json.loads((tmp_path / "gpu.json").read_text())
    assert [(part["name"], part["failed"]) for part in stored["parts"]] == [(name, "") for name in gpu.PARTS]


def test_a_part_that_fails_is_reported_and_the_others_run(monkeypatch):
    def fails(bench, part):
        part.bar("near", 0.5, 0.1)
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(gpu, "PARTS", {"first": fails, "second": lambda bench, part: part.notes.append("ran")})
    kept = []
    bench = gpu.Bench(gpu.TOY, "cpu", None, True, None, perf_counter() + 60)
    first, second = gpu.measured(bench, lambda parts: kept.append(len(parts)))
    assert gpu.missing(first) == ["near", "first broke off"]
    assert "RuntimeError: no such kernel" in first.text
    assert (second.notes, gpu.missing(second)) == (["ran"], [])
    assert kept == [1, 2], "what there is is kept after each part"


def test_nothing_begins_after_the_budget():
    bench = gpu.Bench(gpu.TOY, "cpu", None, True, None, perf_counter() - 1)
    assert all("the budget was spent before it began" in part.failed for part in gpu.measured(bench, lambda _: None))


@pytest.mark.parametrize(("value", "missed"), [(0.1, []), (0.11, ["far"]), (float("nan"), ["far"])])
def test_a_bar_is_the_largest_value_that_passes_and_nan_does_not(value, missed):
    part = gpu.Part("")
    part.bar("far", value, 0.1)
    assert part.missed == missed


def test_the_worst_difference_is_relative_to_each_tensors_largest_value():
    theirs = {"a": torch.tensor([1.0, -4.0]), "b": torch.tensor([100.0])}
    assert gpu.worst({"a": torch.tensor([1.5, -4.0]), "b": torch.tensor([101.0])}, theirs) == pytest.approx(0.5 / 4)
    assert gpu.worst({"a": torch.tensor([1.0, -4.0]), "b": torch.tensor([150.0])}, theirs) == pytest.approx(0.5)
