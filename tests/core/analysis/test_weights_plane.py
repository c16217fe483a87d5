"""Where the moments of an unlearning lie in the plane of the three networks: by hand, and against a projection of the weights."""

import numpy as np
import pytest
import torch
from torch import nn

from core.analysis import method_steps as room
from core.analysis.method_steps import plane
from core.domain.errors import WrongInput
from core.methods.weight_perturbation import Trajectory, sketch
from tests.core.analysis.opened_by_hand import ByHand, network

ORIGINAL, REFERENCE, UNLEARNED = ([[3.0], [0.0]], [0.0, 4.0]), ([[3.0], [10.0]], [0.0, 4.0]), ([[3.0], [2.0]], [1.0, 4.0])


def recorded(ways):
    """As the method records it: ways of the four weights, from the original on."""
    weights = [nn.Parameter(torch.tensor(part)) for part in ORIGINAL]
    trajectory, far = Trajectory(weights), []
    for weight, bias in ways:
        with torch.no_grad():
            weights[0].copy_(torch.tensor(weight))
            weights[1].copy_(torch.tensor(bias))
        far.append(trajectory.record())
    distances = torch.zeros(len(ways), 5)
    distances[:, 1] = torch.tensor(far)
    return {f"perturbation/{name}": array for name, array in {**trajectory.recorded(), "trajectory": distances}.items()}


def asked(monkeypatch, home, ways, reference=True):
    networks = {"original": network(*ORIGINAL), "unlearned": network(*UNLEARNED)}
    networks |= {"reference": network(*REFERENCE)} if reference else {}
    opened = ByHand(networks, recorded(ways) if ways else {}, {"weights": "all"})
    monkeypatch.setattr(room, "open_models", lambda *_: opened)
    return plane(home, "byhand")


def test_the_networks_lie_where_their_weights_say(monkeypatch, home):
    # The original is 5 long; the reference is 10 away along the second weight; the unlearned one 2 along it and 1 square to it.
    told = asked(monkeypatch, home, [ORIGINAL, UNLEARNED])
    assert told["reference"] == pytest.approx([2.0, 0.0])
    assert told["unlearned"] == pytest.approx([0.4, 0.2])


def test_the_way_begins_at_the_original_ends_at_the_unlearned_and_knows_what_lies_beside_the_plane(monkeypatch, home):
    half = ([[3.0], [1.0]], [0.5, 4.0])
    beside = ([[6.0], [1.0]], [0.5, 4.0])  # and 3 away from the plane
    told = asked(monkeypatch, home, [ORIGINAL, half, beside, UNLEARNED])
    assert [moment[0] for moment in told["moments"]] == [0, 1, 2, 3]
    assert told["moments"][0][1:] == pytest.approx([0, 0, 0])
    assert told["moments"][1][1:] == pytest.approx([0.2, 0.1, 0.0], abs=1e-6)
    assert told["moments"][2][1:] == pytest.approx([0.2, 0.1, 0.6], abs=1e-6)  # four numbers lie in buckets of their own
    assert told["moments"][3][1:] == pytest.approx([0.4, 0.2, 0.0], abs=1e-3)


def test_of_many_weights_a_moment_is_right_to_a_few_hundredths_of_its_length():
    generator = torch.Generator().manual_seed(1)
    size = 60_000
    start, away, turn = (torch.randn(size, generator=generator) for _ in range(3))
    weight = nn.Parameter(start.clone())
    trajectory, ways = Trajectory([weight]), []
    for t in np.linspace(0, 1, 5):
        moved = 0.1 * float(t) * away + 0.2 * float(t * (1.5 - t)) * turn
        ways.append(moved)
        with torch.no_grad():
            weight.copy_(start + moved)
        trajectory.record()
    kept = trajectory.recorded()["sketch"]
    axis = away / away.norm()
    for way, change in zip(ways, kept, strict=True):
        assert float(change @ sketch([axis])) == pytest.approx(float(way @ axis), abs=0.04 * float(way.norm()) + 1e-6)


def test_without_a_reference_or_a_recording_it_says_which_is_missing(monkeypatch, home):
    with pytest.raises(WrongInput, match="no reference"):
        asked(monkeypatch, home, [ORIGINAL, UNLEARNED], reference=False)
    with pytest.raises(WrongInput, match="recorded no moments"):
        asked(monkeypatch, home, [])
