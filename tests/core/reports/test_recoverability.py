"""How hard it is to bring back what was forgotten, held against the reference: cases by hand."""

import pytest

from core.reports.recoverability import LEAD, recoverability
from core.reports.verdict import Numbers

KEYS = ("anamnesis_index", "relearn_steps", "probe_accuracy", "graft_forget_accuracy")


def numbers(unlearned: tuple[float | None, ...], reference: tuple[float | None, ...] = (1.0, 20.0, 0.80, 0.05)) -> Numbers:
    """Each side: Anamnesis index, relearning steps, probe and graft accuracy."""
    return {"original": {}, "unlearned": dict(zip(KEYS, unlearned, strict=True)), "reference": dict(zip(KEYS, reference, strict=True))}


def words(given: Numbers, floor: Numbers | None = None, by_class: bool = True) -> tuple[str, ...]:
    """The verdict's word, then those of relearning, probe and graft."""
    said = recoverability(given, floor, by_class)
    return (said.word, *(part.word for part in said.parts))


def test_a_retrained_network_is_as_hard_to_bring_back():
    assert words(numbers((1.0, 20.0, 0.80, 0.05))) == ("equal", "equal", "equal", "equal")
    assert words(numbers((1.8, 36.0, 0.90, 0.25))) == ("equal", "equal", "equal", "equal")
    assert words(numbers((0.62, 12.4, 0.70, 0.0))) == ("equal", "equal", "equal", "equal")


# Pairs of networks that were retrained on digits from two seeds, as the runs measured them, and how far apart they lay:
# steps, Anamnesis index, probe, graft of the one; the same of the other.
PAIRS = [
    ((36.0, 1.8, 0.886, 0.0), (20.0, 1.0, 0.961, 0.0)),
    ((21.0, 0.618, 0.932, 0.222), (34.0, 1.0, 0.949, 0.0)),
    ((61.0, 2.346, 0.904, 0.0), (26.0, 1.0, 0.961, 0.083)),
    ((30.0, 1.765, 0.952, 0.0), (17.0, 1.0, 0.921, 1.0)),  # a stranger's body answers one class only: here the forgotten one
]


@pytest.mark.parametrize("ours, theirs", PAIRS)
def test_networks_that_were_really_retrained_are_equal(ours, theirs):
    given = numbers(*((index, steps, probe, graft) for steps, index, probe, graft in (ours, theirs)))
    given["unlearned"]["parameter_distance"] = 1.19
    assert words(given) == ("equal", "equal", "equal", "unknown")
    near = {**given, "unlearned": {**given["unlearned"], "parameter_distance": 0.2}}
    assert words(near) == ("equal", "equal", "equal", "equal")


def test_an_untouched_network_is_easier_by_all():
    assert words(numbers((0.0, 0.0, 0.99, 0.97))) == ("easier", "easier", "easier", "easier")


def test_the_easiest_way_decides():
    said = recoverability(numbers((1.0, 20.0, 0.80, 0.92)), None, True)
    assert said.word == "easier"
    assert said.sentence == "Easier to recover than from a retrained network: by the graft."
    assert "92 % of the forgotten class is right again, 5 % on the reference" in said.parts[2].sentence
    said = recoverability(numbers((4.0, 80.0, 0.80, 0.92)), None, True)
    assert said.sentence.endswith("by the graft, though harder by relearning.")


def test_a_wrecked_network_is_harder_and_that_is_no_merit():
    said = recoverability(numbers((5.0, 100.0, 0.55, 0.05)), None, True)
    assert (said.word, *(part.word for part in said.parts)) == ("harder", "harder", "harder", "equal")
    assert said.sentence.startswith("Harder to recover than from a retrained network: by relearning and the probe, which is no merit")


@pytest.mark.parametrize("index, word", [(3.0, "equal"), (3.1, "harder"), (0.34, "equal"), (0.3, "easier"), (0.0, "easier")])
def test_relearning_may_differ_three_times(index, word):
    assert words(numbers((index, 20 * index, 0.80, 0.05)))[1] == word


@pytest.mark.parametrize("index, word", [(7.9, "equal"), (8.1, "harder"), (0.13, "equal"), (0.12, "easier")])
def test_relearning_of_a_stranger_to_the_original_may_differ_eight_times_and_no_graft_fits_it(index, word):
    given = numbers((index, 40 * index, 0.80, 0.97), (1.0, 40.0, 0.80, 0.05))
    given["unlearned"]["parameter_distance"] = 1.2
    said = recoverability(given, None, True)
    assert [part.word for part in said.parts] == [word, "equal", "unknown"]
    assert "does not fit" in said.parts[2].sentence


def test_one_step_is_no_difference_whatever_the_ratio():
    assert words(numbers((0.0, 0.0, 0.8, 0.05), (1.0, 1.0, 0.8, 0.05)))[1] == "equal"
    assert words(numbers((0.0, 0.0, 0.8, 0.05), (1.0, 2.0, 0.8, 0.05)))[1] == "easier"
    assert words(numbers((0.3, None, 0.8, 0.05)))[1] == "easier"  # the index alone


@pytest.mark.parametrize("probe, word", [(0.95, "equal"), (0.96, "easier"), (0.65, "equal"), (0.64, "harder")])
def test_a_probe_may_differ_by_fifteen_points(probe, word):
    assert words(numbers((1.0, 20.0, probe, 0.05)))[2] == word


@pytest.mark.parametrize("graft, word", [(0.30, "equal"), (0.31, "easier"), (0.0, "equal")])
def test_a_graft_may_differ_by_twenty_five_points_and_less_than_the_reference_s_is_no_matter(graft, word):
    assert words(numbers((1.0, 20.0, 0.8, graft)))[3] == word
    assert words(numbers((1.0, 20.0, 0.8, 0.0), (1.0, 20.0, 0.8, 1.0)))[3] == "equal"


def test_a_graft_counts_only_where_the_original_s_last_layer_fits():
    """By the retain classes, where they are known: ARU's network lies far from the original's and fits all the same."""
    aru = numbers((0.35, 7.0, 0.972, 0.722), (1.0, 20.0, 0.961, 0.0))
    aru["unlearned"]["parameter_distance"] = 0.9
    assert recoverability(aru, None, True).word == "equal"
    said = recoverability(aru, None, True, grafted={"unlearned": 0.95, "reference": 0.02})
    assert [part.word for part in said.parts] == ["equal", "equal", "easier"]
    assert "0 % on the reference, whose layers it does not fit" in said.parts[2].sentence
    lucky = numbers((1.0, 20.0, 0.8, 0.97), (1.0, 20.0, 0.8, 1.0))
    assert words(lucky)[3] == "equal"
    assert recoverability(lucky, None, True, grafted={"unlearned": 0.99, "reference": 0.1}).parts[2].word == "easier"
    assert recoverability(lucky, None, True, grafted={"unlearned": 0.1, "reference": 0.1}).parts[2].word == "unknown"


def test_twice_what_parts_two_references_is_no_difference():
    given = numbers((0.3, 6.0, 0.97, 0.50))
    assert words(given) == ("easier", "easier", "easier", "easier")
    floor = numbers((0.5, 10.0, 0.70, 0.30))  # a second reference: half the steps, ten points below, 25 above
    assert words(given, floor) == ("equal", "equal", "equal", "equal")
    assert words(numbers((0.2, 4.0, 1.0, 0.56)), floor) == ("easier", "easier", "equal", "easier")
    assert words(numbers((0.26, 5.2, 0.80, 0.05)), floor)[1] == "equal"  # within twice the gap, on the side where the floor lies
    assert words(numbers((4.0, 80.0, 0.80, 0.05)), floor)[1] == "harder"  # on the other side it says nothing
    slow = numbers((2.81, 59.0, 0.80, 0.05))  # a second reference that was nearly three times as hard to teach
    assert words(numbers((1 / 7, 3.0, 0.80, 0.05)), slow)[1] == "easier"
    assert words(numbers((7.0, 140.0, 0.80, 0.05)), slow)[1] == "equal"
    near = numbers((1.0, 20.0, 0.80, 0.05))
    assert words(given, near) == words(given)  # a small floor does not narrow the tolerance


def test_a_request_that_names_images_has_no_probe_and_no_graft():
    said = recoverability(numbers((1.0, 20.0, None, 0.97)), None, False)
    assert (said.word, *(part.word for part in said.parts)) == ("equal", "equal", "unknown", "unknown")
    assert "names images, not a class" in said.parts[1].sentence
    assert "without having seen them" in said.parts[2].sentence
    assert said.sentence.endswith("by relearning; the probe and the graft cannot say.")


def test_without_a_reference_nothing_can_be_said():
    given = numbers((None, 20.0, 0.99, 0.97))
    for reference in ({}, None):
        without = {**given, "reference": reference} if reference is not None else {"unlearned": given["unlearned"]}
        said = recoverability(without, None, True)
        assert {part.word for part in said.parts} == {said.word} == {"unknown"}
        assert all(part.sentence == "This run has no retrained reference to compare with." for part in said.parts)
        assert said.sentence.startswith("It cannot be said how hard it is to recover: none of the three tries gave a number to hold ")


def test_what_is_missing_is_said_with_its_reason():
    given = numbers((None, 0.0, None, 0.05))
    reasons = {"unlearned/anamnesis_index": "The reference knows it all.", "reference/probe_accuracy": "Too few."}
    said = recoverability(given, None, True, reasons)
    assert [part.sentence for part in said.parts[:2]] == ["The reference knows it all.", "Too few."]
    old = recoverability({"unlearned": {}, "reference": {"test_retain_accuracy": 0.9}}, None, True)
    assert all("another version of Forgetscope" in part.sentence for part in old.parts)


def test_every_word_has_a_lead():
    assert set(LEAD) == {"easier", "equal", "harder", "unknown"}
    assert "1 training step brings it back" in recoverability(numbers((0.05, 1.0, 0.8, 0.05)), None, True).parts[0].sentence


def test_what_was_given_up_before_it_was_there_is_harder_or_cannot_be_told():
    """No count of steps: the index is one that the true ratio exceeds."""
    said = recoverability(numbers((10.0, None, 0.8, 0.05)), None, True)
    assert said.word == "harder"
    told = said.parts[0].sentence
    assert "200 training steps do not bring it back, 20 do from the reference; the ratio, its Anamnesis index, is above 10" in told
    said = recoverability(numbers((2.0, None, 0.8, 0.05), (1.0, 100.0, 0.8, 0.05)), None, True)
    assert [part.word for part in said.parts] == ["unknown", "equal", "equal"]
    assert "too few to tell" in said.parts[0].sentence


def test_a_reference_that_was_given_up_bounds_the_index_from_above():
    said = recoverability(numbers((0.2, 4.0, 0.8, 0.05), (1.0, None, 0.8, 0.05)), None, True)
    assert said.parts[0].word == "easier"
    wanted = "4 training steps bring it back, 20 do not from the reference; the ratio, its Anamnesis index, is below 0.2 (less effort)"
    assert wanted in said.parts[0].sentence
    near = recoverability(numbers((0.5, 10.0, 0.8, 0.05), (1.0, None, 0.8, 0.05)), None, True).parts[0]
    assert (near.word, near.sentence) == ("unknown", "Relearning: 20 steps do not bring it back from the reference, too few to tell.")
    at_once = recoverability(numbers((0.0, 0.0, 0.8, 0.05), (1.0, None, 0.8, 0.05)), None, True).parts[0].sentence
    assert "those that were tried do not" in at_once


def test_a_graft_of_few_images_may_differ_by_three_standard_errors():
    """4 of 10 against none: 3 * sqrt(2 * 0.2 * 0.8 / 10) = 0.54."""
    given = numbers((1.0, 20.0, 0.8, 0.4), (1.0, 20.0, 0.8, 0.0))
    assert recoverability(given, None, True, images=10).parts[2].word == "equal"
    assert recoverability(given, None, True, images=100).parts[2].word == "easier"
