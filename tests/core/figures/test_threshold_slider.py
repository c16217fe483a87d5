"""The slider of the attack: each of its steps is the attack at that threshold, counted by hand."""

import numpy as np
import pytest

from core.figures.privacy.attack import Attack
from core.figures.privacy.scores import SCORES, Sides
from core.figures.privacy.threshold_slider import threshold_slider
from core.metrics.privacy.threshold_attack import TooFewExamples

# Confidences of ten forgotten and ten unseen images under two networks; members are expected above the threshold.
FORGET, UNSEEN = np.arange(10.0), np.arange(10.0) - 3
REFERENCE = np.concatenate([np.arange(10.0), np.arange(10.0)])
SIDES = Sides(np.arange(10), np.arange(0), np.arange(10, 20))


def attack(threshold=4.0, sides=SIDES):
    return Attack(SCORES["confidence"], "unlearned", {"unlearned": np.concatenate([FORGET, UNSEEN]), "reference": REFERENCE}, sides,
                  threshold, True)  # fmt: skip


def test_each_step_moves_the_line_the_marks_and_the_words():
    figure = threshold_slider(attack())
    (slider,) = figure.layout.sliders
    steps = {step.label: step for step in slider.steps}
    assert slider.steps[slider.active].label == "4"
    assert len(slider.steps) > 20
    restyle, relayout, marked = steps["4"].args
    # Of the unlearned network 4 to 9 of ten are at least 4, and 4, 5, 6 of the unseen; of the reference six of ten on both sides.
    assert [10 ** x[0] for x in restyle["x"]] == pytest.approx([0.3, 0.6])
    assert [10 ** y[0] for y in restyle["y"]] == pytest.approx([0.6, 0.6])
    line = relayout["annotations"][-1]["text"]
    assert "Unlearned: finds 60 % of the forget set at 30 % false alarms; balanced accuracy 65 %" in line
    assert "Retrained reference: finds 60 % of the forget set at 60 % false alarms; balanced accuracy 50 %" in line
    assert relayout["shapes"][0]["x0"] == 4
    assert relayout["shapes"][1]["x1"] > 9  # what is shaded reaches to the end of the axis
    assert [figure.data[index].mode for index in marked] == ["markers", "markers"]
    assert figure.layout.shapes[0].to_plotly_json() == relayout["shapes"][0]
    last = slider.steps[-1].args[0]
    assert last["y"][0][0] <= restyle["y"][0][0]


def test_both_figures_are_those_of_the_page():
    figure = threshold_slider(attack())
    assert {trace.xaxis for trace in figure.data if trace.name in ("Unlearned", "Retrained reference", "Chance")} == {"x2"}
    assert {trace.name for trace in figure.data if trace.xaxis != "x2"} == {"Forget set (10)", "Test images (10)"}


def test_no_slider_without_a_side():
    with pytest.raises(TooFewExamples):
        threshold_slider(attack(sides=Sides(np.arange(10), np.arange(0), np.arange(0))))
