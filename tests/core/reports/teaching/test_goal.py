"""A goal against runs whose numbers are planted by hand."""

from dataclasses import replace

import pytest

from core.domain.errors import WrongInput
from core.reports.gauges import ATTACK, STEPS, Gauge
from core.reports.teaching.goal import Goal, parse, score, summary

FORGET = Gauge("test_forget_accuracy", "", {"original": 0.9, "unlearned": 0.04, "reference": 0.0, "second": 0.02}, (0.0, 0.05), "", "", {})
RETAIN = Gauge("test_retain_accuracy", "", {"original": 0.8, "unlearned": 0.77, "reference": 0.79, "second": 0.8}, (0.76, 0.82), "", "", {})
AUC = Gauge(ATTACK, "", {"original": 0.7, "unlearned": 0.58, "reference": 0.5, "second": 0.52}, (0.4, 0.6), "", "", {})
STEP = Gauge(STEPS, "", {}, None, "", "", {})
GAUGES = (FORGET, RETAIN, AUC, STEP)
ISSUE = Goal(0.05, 0.97, 0.55)  # at least 97 % of 0.8 is 0.776


def of(goal, *, forget=FORGET, retain=RETAIN, auc=AUC):
    return score(goal, (forget, retain, auc, STEP))


def test_each_part_is_met_or_missed_with_its_value():
    forget, retain, attack = of(ISSUE)
    assert (forget.value, forget.met, forget.honest) == (0.04, True, True)
    assert retain.value == pytest.approx(0.9625)  # 0.77 of 0.8
    assert (retain.met, attack.met) == (False, False)
    assert retain.retrained == pytest.approx((0.9875, 1.0))
    assert forget.sentence() == "✓ Forget accuracy 4 %, goal at most 5 %"
    assert retain.sentence() == "✗ Retain accuracy kept 96.2 %, goal at least 97 %"
    assert attack.sentence() == "✗ Membership attack AUC 0.58, goal at most AUC 0.55"
    assert summary((forget, retain, attack)) == "Goal: 1 of 3 parts met"


def test_what_a_retrained_network_misses_is_judged_by_the_floor():
    missed = replace(AUC, values={"unlearned": 0.6, "reference": 0.56, "second": 0.5}, band=(0.46, 0.66))
    (part,) = of(Goal(attack=0.55), auc=missed)
    assert (part.honest, part.judged_by, part.met) == (False, 0.66, True)
    assert part.sentence() == ("✓ Membership attack AUC 0.6, goal at most AUC 0.55: retraining itself gives AUC 0.56 or AUC 0.5, "
                               "so that what retraining reaches (at most AUC 0.66) is asked for instead, and met")  # fmt: skip
    (worse,) = of(Goal(attack=0.55), auc=replace(missed, values=missed.values | {"unlearned": 0.67}))
    assert worse.met is False
    (kept,) = of(Goal(retain=1.0), retain=replace(RETAIN, values=RETAIN.values | {"unlearned": 0.76}))
    assert (kept.honest, kept.met) == (False, True)
    assert kept.judged_by == pytest.approx(0.95)  # 0.76 of 0.8
    unknown = replace(AUC, values={"unlearned": 0.58, "reference": 0.56}, band=None)  # no floor: the reference itself
    assert [part.judged_by for part in of(Goal(attack=0.55), auc=unknown)] == [0.56]


def test_less_than_any_retrained_network_shows_is_said():
    (part,) = of(Goal(attack=0.55), auc=replace(AUC, values=AUC.values | {"unlearned": 0.3}))
    assert (part.met, part.far) == (True, True)
    assert part.sentence().endswith("goal at most AUC 0.55: lower than a retrained network would be, which is no forgetting either")
    assert not of(Goal(retain=0.9), retain=replace(RETAIN, values=RETAIN.values | {"unlearned": 0.9}))[0].far


def test_what_was_not_measured_is_neither_met_nor_missed():
    (part,) = of(Goal(attack=0.55), auc=replace(AUC, values={}))
    assert (part.met, part.sentence()) == (None, "– Membership attack: not measured")
    assert summary((part,)) == "Goal: 0 of 1 part met"
    (alone,) = of(Goal(forget=0.05), forget=replace(FORGET, values={"unlearned": 0.04}, band=None))
    assert (alone.met, alone.honest) == (True, None)
    assert "cannot be told whether" in alone.sentence()
    assert of(Goal(retain=0.9), retain=replace(RETAIN, values={"unlearned": 0.9}))[0].met is None  # kept of what?


def test_numbers_that_are_hidden_are_not_in_the_sentence():
    missed = replace(AUC, values={"unlearned": 0.6, "reference": 0.56}, band=(0.46, 0.66))
    (part,) = of(Goal(attack=0.55), auc=missed)
    assert part.sentence(value=False, retrained=False) == (
        "✓ Membership attack, goal at most AUC 0.55: retraining itself misses it, so that what retraining reaches is asked for "
        "instead, and met"
    )


@pytest.mark.parametrize(("text", "goal"), [
    ("forget:5,retain:97,attack:55", ISSUE), ("attack:50.5", Goal(attack=0.505)), ("", Goal()), ("forget:0", Goal(0.0)),
    ("retain:100", Goal(retain=1.0)),
])  # fmt: skip
def test_a_goal_and_its_text_are_one(text, goal):
    assert parse(text) == goal
    assert goal.text == text


def test_a_goal_in_words():
    assert ISSUE.words == "forget accuracy at most 5 %, retain accuracy kept at least 97 %, membership attack at most AUC 0.55"
    assert Goal().words == ""


@pytest.mark.parametrize("text", ["forget", "forget:101", "forget:-1", "forget:5,forget:6", "speed:3", "forget:nan", "forget:1e3",
                                  "x" * 5000, "forget:²", "forget:5,retain:97,attack:55," * 20])  # fmt: skip
def test_a_goal_that_is_none_is_one_sentence(text):
    with pytest.raises(WrongInput, match="The address's goal should be written as") as wrong:
        parse(text)
    assert len(str(wrong.value)) < 250
