"""Guesses of a class as figures: where bars stand, how high, and the truth only once it is shown."""

import pytest

from core.figures.guess_figures import TALLEST, class_guesses, gauge_guesses, verdict_guesses
from core.reports.gauges import Gauge
from core.reports.teaching.prediction import Bar

VALUES = {"original": 0.9, "unlearned": 0.25, "reference": 0.0}
FORGET = Gauge("forget", "Forget accuracy", VALUES, None, "", "", {0.0: "0 %", 1.0: "100 %"})
ATTACK = Gauge("attack_auc", "Membership attack", {"original": 0.6, "unlearned": 0.5}, None, "", "", {0.0: "0", 1.0: "1"})
BARS = (Bar("class:0", "cat", True, {"original": 0.9, "unlearned": 0.1}), Bar("class:1", "dog", False, {"original": 1.0, "unlearned": 0.8}))


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def test_a_gauges_bars_stand_over_their_bins_and_the_highest_is_full():
    figure = gauge_guesses([FORGET, ATTACK], {"forget": {0: 4, 19: 1}}, ["original"])
    (bars,) = traces(figure, "Guesses")  # nobody guessed the attack
    assert list(bars.x) == [0.025, 0.975]  # bins of a twentieth
    assert list(bars.y) == pytest.approx([TALLEST, TALLEST / 4])
    assert list(bars.text) == ["4", "1"]
    assert not traces(figure, "Unlearned")
    assert list(traces(figure, "Original")[0].x) == [0.9, 0.6]
    assert not any("25 %" in note.text for note in figure.layout.annotations)


def test_the_truth_is_drawn_when_it_is_shown():
    figure = gauge_guesses([FORGET], {}, ["original", "reference", "unlearned"])
    assert list(traces(figure, "Unlearned")[0].x) == [0.25]
    assert any("25 %" in note.text for note in figure.layout.annotations)


def test_classes_are_columns_and_their_guesses_darker_cells():
    figure = class_guesses(BARS, {"class:0": {0: 3, 2: 1}, "class:1": {19: 4}}, ["original"])
    cells = figure.data[0].z
    assert (cells.shape, cells[0, 0], cells[2, 0], cells[19, 1], cells.sum()) == ((20, 2), 3, 1, 4, 8)
    assert list(figure.layout.xaxis.ticktext) == ["cat ✕", "dog"]
    assert list(traces(figure, "Original")[0].y) == [0.9, 1.0]
    assert not traces(figure, "Unlearned")
    assert list(traces(class_guesses(BARS, {}, ["unlearned"]), "Unlearned")[0].y) == [0.1, 0.8]


def test_verdicts_are_counted_and_the_right_one_is_marked_once_it_is_shown():
    (bar,) = verdict_guesses({1: 7}).data
    assert (list(bar.x), "✓" in "".join(bar.y)) == ([0, 7, 0, 0, 0, 0], False)
    (bar,) = verdict_guesses({1: 7}, "Not forgotten").data
    assert bar.y[-1] == "<b>✓ Not forgotten</b>"
