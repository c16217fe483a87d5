"""What the Saliency page says of answers, colours, and maps that are about different classes."""

from dataclasses import replace

import pytest

from core.data.datasets.digits import INFO
from core.figures.saliency import captions as words

FACES = replace(INFO, classes=("glasses", "hat"), multi=True)
AIMED, FOR_ALL = {"targeted": True, "key": "grad_cam", "signed": True}, {"targeted": False, "key": "rollout", "signed": False}


def told(answer, target, shares):
    return {"answer": answer, "target": target, "probabilities": shares}


def test_a_class_is_said_and_an_attribute_only_likely():
    assert words.prediction(told(1, 1, [0.1, 0.9]), INFO) == "says 1, 90 %"
    assert words.prediction(told(1, 0, [0.1, 0.9]), INFO) == "says 1, 90 %; 0, 10 %"
    assert words.prediction(told(0, 0, [0.12, 0.03]), FACES) == "most likely attribute: glasses, 12 %"
    assert words.prediction(told(1, 0, [0.12, 0.5]), FACES) == "most likely attribute: hat, 50 %; glasses, 12 %"


def test_maps_of_different_classes_are_told_apart_unless_the_explainer_knows_no_class():
    targets = {"original": 3, "unlearned": 5, "reference": 5}
    assert words.different_targets(targets, AIMED) == [("original", "unlearned"), ("original", "reference")]
    assert words.different_targets(targets, FOR_ALL) == []
    assert words.different_targets(dict.fromkeys(targets, 3), AIMED) == []
    assert "(original: 3, unlearned: 5, retrained reference: 5)" in words.class_warning(targets, INFO)


@pytest.mark.parametrize("key, against", [("integrated_gradients", True), ("grad_cam", True), ("saliency", False), ("rollout", False)])
def test_only_maps_with_a_sign_are_said_to_speak_against(key, against):
    reading = words.reading({"key": key})
    assert ("blue ones against it" in reading) == against
    assert ("there is no blue" in reading) != against


@pytest.mark.parametrize("difference, error, steps, off, text", [
    (2.0, 0.01, 24, None, "The logit rises by 2.00; completeness error 0.50 %; 24 steps."),
    (2.0, 0.01, 22, 0.043, "The logit rises by 2.00; completeness error 0.50 %; pixel by pixel the map is about 4.3 % off; 22 steps."),
    (0.0, 0.25, 24, 0.04, "The logit does not rise; error 0.25; pixel by pixel the map is about 4.0 % off; 24 steps."),
    (2.0, None, 24, None, "The network's gradients are no numbers on the way: this map says nothing."),
    (-0.5, 0.05, 0, None, "The logit falls by 0.50; completeness error 10.00 %."),
    (0.0, 0.25, 24, None, "The logit does not rise; error 0.25; 24 steps."),
    (None, None, 0, None, ""),
])  # fmt: skip
def test_what_a_map_misses_is_told_of_a_rise_and_of_a_fall(difference, error, steps, off, text):
    assert words.completeness({"difference": difference, "error": error, "steps": steps, "off": off}) == text
