"""A run's work in passes, and what one costs, measured once."""

import pytest
import torch
from torch import nn

from core.data.registry import DATASETS
from core.jobs.planned_work import ENGINE, OF_RANK, measure, planned_work
from core.metrics.relearning import copies_at_most
from core.models.registry import MODELS
from core.training.curvature import factor_bytes


def test_passes_are_those_of_the_recipe_the_method_and_its_statistics(home):
    """Digits: 1,437 to train on, 147 of them threes, 360 to test; 20 epochs."""
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    about = ("digits", "small_cnn", "ssd", {}, "class:3")
    found = planned_work(home, *about)
    assert torch.equal(torch.random.get_rng_state(), before)
    passes = {"train": 20 * 1437, "reference": 20 * 1290, "precompute": 1437, "unlearn": 147}
    passes["evaluate"] = 1437 + 360 + 8000 + 1 / found["seconds"]  # and a second, whatever the network
    assert found["passes"] == pytest.approx(passes)
    assert 1e-7 < found["seconds"] < 0.1
    assert 5e8 < found["bytes"] < 1e9
    assert planned_work(home, *about) == found  # measured once
    other = planned_work(home, "digits", "small_cnn", "finetune", {"epochs": 2}, "class:3")
    assert other["passes"]["unlearn"] == 2 * 1290
    assert other["passes"]["precompute"] == 0
    assert other["seconds"] == found["seconds"]
    weights = 4 * sum(theta.numel() for theta in MODELS["small_cnn"](DATASETS["digits"].INFO).parameters())
    assert found["bytes"] - other["bytes"] == weights, "SSD's importance"
    longer = planned_work(home, "digits", "small_cnn", "retrain", {}, "class:3", {"epochs": 30})
    assert [longer["passes"][stage] for stage in ("train", "reference", "unlearn")] == [30 * 1437, 30 * 1290, 30 * 1290]
    shared = planned_work(home, *about, {"ranks": 3})
    assert shared["passes"] == found["passes"], "nothing is promised of ranks before they were timed"
    each = (shared["bytes"] - found["bytes"] - 1797 * 64) / 2  # beside the images, which are one file
    assert ENGINE + OF_RANK * weights < each < ENGINE + OF_RANK * weights + 2**28
    third = planned_work(home, "digits", "small_cnn", "ssse", {"scope": "classifier", "rank": 512}, "class:3")
    assert third["passes"]["precompute"] == pytest.approx(1437 / 3)
    last = 64 * 10 + 10
    assert third["bytes"] - other["bytes"] == factor_bytes([last], 1437, 512)


@pytest.mark.parametrize(("operations", "copies"), [(10**6, 7), (1_110_842_880, 2), (35 * 10**9, 0)])
def test_the_memory_counts_the_copies_that_relearning_holds(operations, copies):
    """Hand: the last 56 of 200 steps are cut in parts of 7, which 7 copies part; the last 3 of 8 steps in single ones; one has none."""
    assert copies_at_most(operations) == copies


def test_the_bytes_that_a_pass_holds_are_those_of_its_layers():
    """Hand: for the backward pass a linear layer keeps its input (64 floats), ReLU its output (5), the next its input (the same 5),
    the loss 10 log-probabilities and a target of 8 bytes, and one number for the whole batch."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 10))
    found = measure(net, DATASETS["digits"].INFO, 8, "cpu")
    assert float(found["weights"]) == 4 * (64 * 5 + 5 + 5 * 10 + 10)
    assert float(found["bytes"]) == pytest.approx(4 * (64 + 5 + 10) + 8 + 4 / 8)
