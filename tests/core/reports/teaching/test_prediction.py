"""Points for a guess: full for the truth, none from half a scale beside it."""

from dataclasses import replace

import pandas as pd
import pytest

from core.reports.first_screen import Confidence, FirstScreen
from core.reports.gauges import ATTACK, STEPS, Gauge
from core.reports.teaching import prediction
from core.reports.teaching.prediction import (
    FULL,
    NOT,
    UNTOLD,
    WARNED,
    Bar,
    bar_points,
    bars,
    binned,
    guessable,
    points,
    score,
    start,
    step_choices,
    verdict_of,
)

TICKS = {0.0: "0", 10.0: "10", 100.0: "100", 999.0: "999 steps"}  # log10(1 + 999) = 3
FORGET = Gauge("forget", "Forget accuracy", {"original": 0.9, "unlearned": 0.5, "reference": 0.1}, None, "", "", {0.0: "", 1.0: ""})
AUC = Gauge(ATTACK, "Membership attack", {"original": None, "unlearned": None}, None, "", "", {0.0: "", 1.0: ""})
RELEARN = Gauge(STEPS, "Relearning", {"original": 0.0, "unlearned": 9.0, "reference": 99.0}, None, "", "", TICKS)
SCREEN = FirstScreen(
    about=(), lead=WARNED, sentence="", confidence=Confidence("low", ""), warnings=(), gauges=(FORGET, AUC, RELEARN),
    classes=pd.DataFrame(), names=(), forgotten=(), forget_images=1, multi=False, costs="",
)  # fmt: skip


@pytest.mark.parametrize(("guess", "earned"), [(0.5, 20), (0.25, 10), (0.75, 10), (0.0, 0), (1.0, 0), (0.45, 18)])
def test_points_fall_evenly_to_none_half_a_scale_away(guess, earned):
    assert points(FORGET, guess) == earned


def test_steps_are_judged_on_the_scale_on_which_they_are_drawn():
    assert points(RELEARN, 9) == FULL  # log10(10) / 3 = 1/3
    assert points(RELEARN, 0) == round(FULL * (1 - 2 / 3))
    assert points(RELEARN, 99) == round(FULL * (1 - 2 / 3))  # as far on the other side


def test_relearning_that_was_given_up_lies_at_the_right_end():
    given_up = replace(RELEARN, values={"unlearned": None}, given_up={"unlearned": 1000})
    assert points(given_up, 999) == FULL
    assert guessable((AUC, given_up)) == (given_up,)  # without a number there is nothing to guess


def test_the_score_adds_the_verdict_and_names_the_worst_guess():
    found = score(SCREEN, {"forget": 0.5, STEPS: 0.0}, WARNED)
    assert (found.points, found.verdict, found.total, found.most) == ({"forget": 20, STEPS: 7}, 20, 47, 60)
    assert (found.bars, found.by_class) == ({}, 0)
    assert found.surprise == RELEARN
    exact = score(SCREEN, {"forget": 0.5, STEPS: 9.0}, None)
    assert (exact.total, exact.surprise) == (40, None)


@pytest.mark.parametrize(("lead", "one"), [
    ("Forgotten", "Forgotten"), (WARNED, WARNED), ("Forgotten but at a price", WARNED), ("Forgotten but at a price, with warnings", WARNED),
    ("Not forgotten", NOT), ("Not forgotten, and at a price", NOT), ("Mostly remembered", NOT), ("Nothing was changed", NOT),
    ("Partly forgotten", "Partly forgotten"), ("Partly forgotten but at a price", "Partly forgotten"),
    ("Over-forgotten", "Over-forgotten"), ("Over-forgotten, and at a price", "Over-forgotten"),
    ("Accuracy cannot tell: the original already predicts like a retrained model", UNTOLD), ("No verdict", UNTOLD),
    ("No retrained reference to judge by", UNTOLD), ("Exactly the reference", "Forgotten"),
])  # fmt: skip
def test_every_lead_is_one_of_the_verdicts_that_can_be_guessed(lead, one):
    assert verdict_of(replace(SCREEN, lead=lead)) == one
    assert one in prediction.VERDICTS


def test_a_guess_begins_where_the_original_stands():
    assert start(FORGET) == 0.9
    assert start(AUC) == 0.5
    assert start(RELEARN) == 0
    choices = step_choices(RELEARN)
    assert (choices[0], choices[-1]) == (0, 1000)
    assert choices == sorted(set(choices))


def with_classes(accuracies, forgotten, counts=None, names=None):
    """accuracies: model -> by class."""
    rows = [(model, index, value, (counts or [10] * len(values))[index])
            for model, values in accuracies.items() for index, value in enumerate(values)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["model", "class", "accuracy", "count"])
    count = len(next(iter(accuracies.values())))
    return replace(SCREEN, classes=table, names=tuple(names or map(str, range(count))), forgotten=forgotten)


THREE = with_classes(
    {"original": [0.9, 1.0, 0.8], "unlearned": [0.0, 1.0, 0.55], "reference": [0.1, 0.9, 0.8]}, (0,), names=["cat", "dog", "owl"],
)  # fmt: skip


def test_few_classes_have_a_bar_each():
    assert bars(THREE) == (
        Bar("class:0", "cat", True, {"original": 0.9, "unlearned": 0.0, "reference": 0.1}),
        Bar("class:1", "dog", False, {"original": 1.0, "unlearned": 1.0, "reference": 0.9}),
        Bar("class:2", "owl", False, {"original": 0.8, "unlearned": 0.55, "reference": 0.8}),
    )
    assert bars(SCREEN) == ()  # no table


def test_of_many_classes_the_forgotten_ones_stand_against_the_others():
    """Ten images of each but the last, which has thirty: its accuracy weighs three times as much."""
    accuracies = {"original": [1.0] * 11, "unlearned": [0.0] + [1.0] * 9 + [0.6]}
    screen = with_classes(accuracies, (0,), [10] * 10 + [30])
    forgotten, others = bars(screen)
    assert (forgotten.key, forgotten.label, forgotten.marks["unlearned"]) == ("class:forgotten", "0", 0.0)
    assert (others.label, others.forgotten) == ("the others", False)
    assert others.marks["unlearned"] == pytest.approx((9 * 10 + 0.6 * 30) / 120)
    two = bars(replace(screen, forgotten=(0, 10)))[0]
    assert (two.label, two.marks["unlearned"]) == ("to forget", pytest.approx(0.6 * 30 / 40))
    assert bars(replace(screen, forgotten=())) == ()


def test_classes_earn_points_one_by_one_and_count_as_their_mean():
    """cat: 0.25 beside the truth earns half; dog: right; owl: not touched, 0.25 beside it."""
    guess = {"forget": 0.5, STEPS: 9.0, "class:0": 0.25, "class:1": 1.0}
    found = score(THREE, guess, None)
    assert found.bars == {"class:0": 10, "class:1": 20, "class:2": 10}
    assert (found.by_class, found.total, found.most) == (13, 53, 80)
    assert bar_points(bars(THREE)[0], 0.5) == 0


def test_a_class_without_test_images_has_no_bar():
    screen = with_classes({"original": [0.9, float("nan")], "unlearned": [0.5, float("nan")]}, (0,), [10, 0])
    assert [bar.key for bar in bars(screen)] == ["class:0"]


def test_a_guess_is_counted_in_bins_of_a_twentieth_of_each_scale():
    """Steps: log10(1 + 9) of log10(1 + 999) is a third, so bin 6 of 20."""
    guess = {"forget": 1.0, STEPS: 9.0, "class:0": 0.0, "class:1": 0.15, "class:2": 0.149}
    assert binned(THREE, guess, WARNED) == {"forget": 19, STEPS: 6, "class:0": 0, "class:1": 3, "class:2": 2, "verdict": 1}
    assert "verdict" not in binned(THREE, guess, None)
    assert binned(THREE, {"forget": 0.0, STEPS: 0.0}, None)["class:0"] == 18  # an untouched bar: the original's 0.9
