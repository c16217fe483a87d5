"""What a teacher's link fixes and hides, from text to a first screen."""

from dataclasses import replace

import pandas as pd
import pytest

from core.domain.errors import WrongInput
from core.reports.checks.case import CheckWarning
from core.reports.first_screen import Confidence, FirstScreen
from core.reports.gauges import ATTACK, STEPS, Gauge
from core.reports.teaching.class_link import HIDEABLE, Lock, code_from, hidden_from, hidden_words, lock_from, without

FULL = Lock("digits", "small_cnn", "attribute:hair colour=1,2", "ssd", {"alpha": "10", "settings": "given"})
FORGET, RETAIN, AUC, RELEARN = (
    Gauge(key, key, {"original": 0.9, "unlearned": 0.1, "reference": 0.2, "second": 0.3}, (0.1, 0.3), "as retrained", "nearer", {1.0: ""})
    for key in ("test_forget_accuracy", "test_retain_accuracy", ATTACK, STEPS)
)
CLASSES = pd.DataFrame({"model": ["original", "unlearned", "reference", "second"], "class": [0] * 4, "accuracy": [0.9, 0.1, 0.2, 0.3]})
SCREEN = FirstScreen(
    about=("SSD",), lead="Forgotten, with warnings", sentence="90 % before, 10 % now (20 % if retrained).",
    confidence=Confidence("low", "1"), warnings=(CheckWarning("shallow", "Hidden: 20 if retrained."),),
    gauges=(FORGET, RETAIN, AUC, replace(RELEARN, given_up={"reference": 9})),
    classes=CLASSES, names=("3",), forgotten=(0,), forget_images=1, multi=False, costs="",
)  # fmt: skip


@pytest.mark.parametrize("lock", [Lock(), Lock(dataset="digits"), FULL, Lock("my;set:1", request="class:3"), Lock(method="ssd")])
def test_a_lock_and_its_text_are_one(lock):
    assert lock_from(lock.text) == lock


def test_a_lock_can_be_read_by_a_person():
    assert FULL.text == "dataset:digits;model:small_cnn;request:attribute:hair%20colour%3D1,2;method:ssd;settings:alpha=10,settings=given"
    assert FULL.words == "dataset, network, forget request, method, settings"
    assert Lock(method="ssd").words == "method"


@pytest.mark.parametrize("text", ["dataset", "dataset:", "colour:red", "dataset:a;dataset:b", "dataset:" + "a" * 700, "settings:alpha=1",
                                  "request:class:3", "method:ssd;settings:alpha"])  # fmt: skip
def test_a_lock_that_is_none_is_one_sentence(text):
    with pytest.raises(WrongInput, match="The address's lock") as wrong:
        lock_from(text)
    assert len(str(wrong.value)) < 300


def test_what_is_hidden_is_named_in_its_order():
    assert hidden_words(hidden_from("attack,verdict")) == "the verdict, the warnings, the membership attack"
    assert hidden_from("") == frozenset()
    for named in ("reference", "attack", "relearning"):
        assert hidden_from(named) == {named, "warnings"}  # which name its numbers
    for text in ("truth", "verdict,truth", "verdict," * 200):
        with pytest.raises(WrongInput, match="The address's hide should name some of settings, verdict"):
            hidden_from(text)


@pytest.mark.parametrize(("text", "code"), [("7B", "7b"), (" 7b ", "7b"), ("", "")])
def test_a_code_is_letters_and_digits(text, code):
    assert code_from(text) == code


@pytest.mark.parametrize("text", ["7 b", "<b>", "a" * 13, "é", "²"])
def test_a_code_that_is_none_is_one_sentence(text):
    with pytest.raises(WrongInput, match="1 to 12 letters and digits"):
        code_from(text)


def test_nothing_of_a_screen_says_what_is_hidden():
    assert without(SCREEN, frozenset()) == SCREEN
    shown = without(SCREEN, frozenset({"attack", "relearning"}))
    assert [gauge.key for gauge in shown.gauges] == ["test_forget_accuracy", "test_retain_accuracy"]
    assert (shown.lead, shown.confidence) == (SCREEN.lead, SCREEN.confidence)
    shown = without(SCREEN, frozenset({"warnings"}))
    assert (shown.lead, shown.warnings, shown.confidence.level) == ("Forgotten", (), "")
    shown = without(SCREEN, frozenset({"verdict"}))
    assert (shown.lead, shown.sentence, shown.confidence.reason) == ("", "", "")
    assert shown.warnings == SCREEN.warnings


def test_without_references_no_number_word_or_row_is_theirs():
    shown = without(SCREEN, hidden_from("reference"))
    assert (shown.lead, shown.sentence, shown.warnings) == ("Forgotten", "", ())
    for gauge in shown.gauges:
        assert (dict(gauge.values), gauge.band, gauge.inside, gauge.why, dict(gauge.given_up)) == (
            {"original": 0.9, "unlearned": 0.1}, None, None, "", {},
        )  # fmt: skip
    assert shown.classes["model"].tolist() == ["original", "unlearned"]


def test_every_part_that_can_be_hidden_has_words():
    assert hidden_words(HIDEABLE).count(",") == len(HIDEABLE) - 1
