"""Loss and accuracy along theta* + t * delta, against a network of two numbers worked by hand."""

from math import exp, log

import pytest
import torch

from core.analysis import method_steps
from core.analysis.method_steps import LONGEST, POINTS, path_at, path_curve
from core.domain.errors import WrongInput
from tests.core.analysis.opened_by_hand import ByHand, network

# Original: logits (0, 2 x): the bright images of class 1 are right with loss ln(1 + e^-2), the dark ones have logits (0, 0).
# The step takes 4 off the second weight, and gives 1 to the first bias: at t the bright images' logits are (t, 2 - 4 t), the
# dark ones' (t, 0).
STEP = {"step/1.weight": torch.tensor([[0.0], [-4.0]]), "step/1.bias": torch.tensor([1.0, 0.0])}


@pytest.fixture
def asked(monkeypatch, home):
    opened = ByHand({"original": network([[0.0], [2.0]], [0.0, 0.0])}, STEP)
    monkeypatch.setattr(method_steps, "open_models", lambda *_: opened)
    return lambda t: path_at(home, "byhand", t)


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0, -1.0, 2.5])
def test_losses_are_those_of_the_moved_network(asked, t):
    told = asked(t)
    bright, dark = log(1 + exp(t - (2 - 4 * t))), log(1 + exp(-t))
    assert told["forget"]["loss"] == pytest.approx(bright, rel=1e-5, abs=1e-6)
    assert told["retain"]["loss"] == pytest.approx(dark, rel=1e-5)
    assert told["unseen"]["loss"] == pytest.approx(dark, rel=1e-5)  # the one dark test image
    assert told["looked_at"] == {"forget": 2, "retain": 2, "unseen": 1}


def test_accuracy_turns_where_the_logits_cross(asked):
    assert asked(0.39)["forget"]["accuracy"] == 1.0  # 2 - 4 t > t until t = 0.4
    assert asked(0.41)["forget"]["accuracy"] == 0.0
    assert asked(1.0)["retain"]["accuracy"] == 1.0
    assert asked(-1.0)["retain"]["accuracy"] == 0.0


def test_one_answer_does_not_change_the_next(asked):
    first = asked(1.0)
    asked(-3.0)
    assert asked(1.0) == first


def test_the_curve_holds_the_original_and_the_step_among_its_points(asked, home):
    curve = path_curve(home, "byhand")
    assert curve["t"] == list(POINTS)
    assert {0.0, 1.0} <= set(POINTS)
    for t in (0.0, 1.0):
        at = curve["t"].index(t)
        assert curve["forget"]["loss"][at] == asked(t)["forget"]["loss"]
        assert curve["unseen"]["accuracy"][at] == asked(t)["unseen"]["accuracy"]


@pytest.mark.parametrize("seconds, points", [(0.1, 17), (1.0, 9), (5.0, 5)])
def test_a_slow_network_is_asked_at_fewer_points_but_always_at_both_ends_of_the_step(asked, home, monkeypatch, seconds, points):
    asked(0.0)  # loaded before the clock is another
    clock = iter(range(1000))
    monkeypatch.setattr(method_steps, "perf_counter", lambda: seconds * next(clock))
    curve = path_curve(home, "byhand")
    assert len(curve["t"]) == len(curve["forget"]["loss"]) == points
    assert {-1.0, 0.0, 1.0, 3.0} <= set(curve["t"])


@pytest.mark.parametrize("t", [LONGEST + 1, -LONGEST - 1, float("nan"), float("inf")])
def test_a_point_that_is_too_far_is_refused(asked, t):
    with pytest.raises(WrongInput, match="between -10 and 10"):
        asked(t)


@pytest.mark.parametrize("recorded", [{}, {"ssd/alpha": torch.tensor(1.0)}])
def test_a_run_without_a_step_has_no_path(monkeypatch, home, recorded):
    monkeypatch.setattr(method_steps, "open_models", lambda *_: ByHand({"original": network([[0.0], [2.0]], [0.0, 0.0])}, recorded))
    with pytest.raises(WrongInput, match="no single step"):
        path_at(home, "byhand", 1.0)
