"""The story's texts: every number is the run's own, and the words follow the gauges."""

from dataclasses import replace

import pandas as pd
import pytest

from core.reports.checks.case import CheckWarning
from core.reports.first_screen import Confidence, FirstScreen
from core.reports.gauges import AS_RETRAINED, ATTACK, STEPS, Gauge
from core.reports.teaching.story import LIMITS, Facts, limits, scenes

SHARE = {0.0: "0 %", 1.0: "100 %"}
FORGET = Gauge("test_forget_accuracy", "Forget accuracy", {"original": 0.972, "unlearned": 0.0, "reference": 0.0}, None, "", "", SHARE)
RETAIN = Gauge("test_retain_accuracy", "Retain accuracy", {"original": 0.991, "unlearned": 0.985, "reference": 0.99}, None, "", "", SHARE)
AUC = Gauge(ATTACK, "Membership attack", {"original": 0.54, "unlearned": 0.61, "reference": 0.5}, None, "recognised", "", SHARE)
RELEARN = Gauge(STEPS, "Relearning", {"original": 0.0, "unlearned": 4.0, "reference": 31.0}, None, "comes back sooner", "", {1000.0: ""})
FACTS = Facts("class 7", True, "SSD", 1437, 143, 0.045, 5.7, 0.0288, "hidden")
SCREEN = FirstScreen(
    about=(), lead="Forgotten, with warnings", sentence="", confidence=Confidence("low", ""),
    warnings=(CheckWarning("shallow", "It may only be hidden: relearning takes 4 steps."),), gauges=(FORGET, RETAIN, AUC, RELEARN),
    classes=pd.DataFrame(), names=(), forgotten=(), forget_images=1, multi=False, costs="",
)  # fmt: skip


def text(place: int, screen: FirstScreen = SCREEN, facts: Facts = FACTS) -> str:
    return scenes(screen, facts)[place - 1].text


def test_there_are_seven_scenes_with_notes_for_who_tells_them():
    every = scenes(SCREEN, FACTS)
    assert len(every) == 7
    assert len({scene.title for scene in every}) == 7
    assert all(scene.term and scene.notes.ask and scene.notes.wait_for and scene.notes.mistake for scene in every)
    assert sum(scene.notes.minutes for scene in every) <= 45  # a lesson


@pytest.mark.parametrize(("place", "words"), [
    (1, ["1,437 pictures", "143 of them are class 7"]), (2, ["99.1 %", "97.2 %"]),
    (3, ["class 7", "143 of 1,437", "Training again took 5.7 s, SSD 45 ms"]), (4, ["retrained without class 7"]),
    (5, ["SSD changed 2.9 % of the weights", "hidden"]), (6, ["AUC 0.61 now, 0.54 before, 0.50 for", "4 steps", "31 steps"]),
    (7, ["Forgotten, with warnings", "low confidence", "1 automatic check warns"]),
])  # fmt: skip
def test_each_scene_says_the_runs_own_numbers(place, words):
    for each in words:
        assert each in text(place)


def test_the_words_of_the_sixth_scene_follow_the_gauges():
    assert "Better than against the retrained network" in text(6)
    assert "It comes back sooner" in text(6)
    close = replace(AUC, word=AS_RETRAINED, values={"unlearned": 0.51, "reference": 0.5})
    calm = replace(SCREEN, gauges=(FORGET, RETAIN, close, replace(RELEARN, word=AS_RETRAINED)))
    assert "As well as against the retrained network." in text(6, calm)
    assert "No sooner than retrained." in text(6, calm)
    known = replace(SCREEN, gauges=(FORGET, RETAIN, AUC, replace(RELEARN, values={"unlearned": 0.0, "reference": 0.0})))
    assert "Relearning tells nothing here" in text(6, known)
    missing = replace(SCREEN, gauges=(FORGET, RETAIN, replace(AUC, values={"unlearned": None}), replace(RELEARN, values={})))
    assert text(6, missing) == "The attack could not be made here. Relearning was not measured."


def test_a_gap_within_chance_is_called_so_and_another_attack_that_recognises_it_is_named():
    chance = replace(AUC, word=AS_RETRAINED, values={"unlearned": 0.39, "reference": 0.15})
    small = replace(AUC, word=AS_RETRAINED, values={"unlearned": 0.62, "reference": 0.53})
    assert "As well as" not in text(6, replace(SCREEN, gauges=(FORGET, RETAIN, small, RELEARN)))
    warned = CheckWarning("still_recognised", "Recognised by entropy.")
    found = text(6, replace(SCREEN, gauges=(FORGET, RETAIN, chance, RELEARN), warnings=(warned,)))
    assert "AUC 0.39 now, 0.15 for the retrained network. The gap may be chance: another retrained network might differ as much." in found
    assert "Another attack: Recognised by entropy." in found
    assert "As well as" not in found
    told = CheckWarning("still_recognised", "Recognised by an attack: it calls members by entropy: 50 % before, 90 % now.")
    found = text(6, replace(SCREEN, gauges=(FORGET, RETAIN, chance, RELEARN), warnings=(told,)))
    assert "Another attack: it calls members by entropy: 50 % before, 90 % now." in found


def test_without_a_reference_nothing_is_said_of_one_and_what_was_measured_is_told():
    forget, retain, attack, relearn = (
        replace(gauge, word="no reference", values={mark: value for mark, value in gauge.values.items() if mark != "reference"})
        for gauge in SCREEN.gauges
    )
    alone = replace(SCREEN, gauges=(forget, retain, attack, relearn))
    facts = replace(FACTS, retrain=None)
    assert text(3, alone, facts).endswith("beyond doubt, so it would be our yardstick; for this run nobody did it.")
    assert text(4, alone).startswith("Grey ◇ is the network before. Where will")
    assert "■" in text(4)
    assert text(3).partition(" Training")[0].endswith("so it is our yardstick.")
    assert text(6, alone) == (
        "An attacker tries to tell who was in the training set: AUC 0.61 now, 0.54 before. Whether that is a trace, only a retrained "
        "network could tell, and there is none. Then it learns it again: the unlearned network needs 4 steps. Whether that is soon, only "
        "a retrained network could tell."
    )


def test_relearning_that_was_given_up_is_told_in_english():
    given_up = replace(RELEARN, values={"unlearned": None, "reference": 31.0}, given_up={"unlearned": 200}, word="harder to bring back")
    assert ("Then both learn it again: the unlearned network has not done so after 200 steps, the retrained needs 31 steps. It is harder "
            "to bring back") in text(6, replace(SCREEN, gauges=(FORGET, RETAIN, AUC, given_up)))  # fmt: skip


def test_what_was_stored_already_or_not_at_all_is_not_given_a_number():
    assert "took" not in text(3, facts=replace(FACTS, retrain=None))
    assert "not stored" in text(5, facts=replace(FACTS, changed=None, busiest=""))
    assert "changed every weight." in text(5, facts=replace(FACTS, changed=1.0))


def test_the_limits_begin_with_what_speaks_against_this_run():
    assert limits(SCREEN) == ("It may only be hidden.", *LIMITS)
    assert limits(replace(SCREEN, warnings=())) == LIMITS
    assert "No automatic check warns" in text(7, replace(SCREEN, warnings=()))
    assert "2 automatic checks warn" in text(7, replace(SCREEN, warnings=SCREEN.warnings * 2))
