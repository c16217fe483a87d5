"""What a sequence came to, from steps whose numbers are written by hand."""

from dataclasses import replace
from math import isnan, sqrt

import pytest

from core.sequences.journal import DIVERGED, WHOLE
from core.sequences.summary import sentences, summary
from tests.core.sequences.planted import parts, step, stored

T2, T3 = 12.706204736, 4.302652730  # Student's t, two-sided 95 %, of two and of three values


def damaged(home):
    """Two seeds of three requests: test accuracy falls by 0, 1 and 4 points of seed 0, by 0, 3 and 6 of seed 1."""
    steps = [step(0, 1, 0.90), step(0, 2, 0.89, earlier=0.2), step(0, 3, 0.86, earlier=0.3), step(0, WHOLE, 0.9, cost=2.0)]
    steps += [step(1, 1, 0.90), step(1, 2, 0.87, earlier=0.4), step(1, 3, 0.84, earlier=0.5), step(1, WHOLE, 0.88, cost=2.0)]
    return stored(home, parts(seeds=(0, 1)), steps)


def test_damage_is_the_reference_s_accuracy_less_the_unlearned_one_s_within_a_seed(home):
    rows = summary(damaged(home)).rows
    assert [row.damage.mean for row in rows] == pytest.approx([0.0, 0.02, 0.05])
    assert rows[2].damage.half_width == pytest.approx(T2 * sqrt(2 * 0.01**2) / sqrt(2))
    assert [row.damage.n for row in rows] == [2, 2, 2]


def test_the_first_request_beyond_the_tolerance_is_named_and_one_at_it_is_not(home):
    found = damaged(home)
    assert summary(found, 0.0201).harmful == 3
    assert summary(found, 0.0199).harmful == 2
    assert summary(found, 0.06).harmful is None


def test_relapse_is_accuracy_on_all_earlier_images_above_the_reference_s(home):
    rows = summary(damaged(home)).rows
    assert isnan(rows[0].relapse.mean)
    assert [row.relapse.mean for row in rows[1:]] == pytest.approx([0.3, 0.4])
    assert rows[2].accuracies["unlearned", "earlier"].mean == pytest.approx(0.4)
    assert ("unlearned", "earlier") not in rows[0].accuracies


def test_costs_add_up_and_break_even_is_where_unlearning_overtakes_one_retraining(home):
    costs, retrainings = [1.0, 1.0, 2.5, 6.0], [4.0, 6.0, 2.0, 4.0]  # their means so far: 4, 5, 4, 4
    steps = [step(0, n, cost=cost, retrain=seconds) for n, (cost, seconds) in enumerate(zip(costs, retrainings, strict=True), 1)]
    found = summary(stored(home, parts(4), steps))
    assert [row.spent.mean for row in found.rows] == [1.0, 2.0, 4.5, 10.5]
    assert [row.retrained.mean for row in found.rows] == [4.0, 10.0, 12.0, 16.0]
    assert [row.one.mean for row in found.rows] == [4.0, 5.0, 4.0, 4.0]
    assert (found.dearer_than_one, found.dearer) == (3, None)
    dear = stored(home, parts(2), [step(0, 1, cost=5.0), step(0, 2, cost=1.0)])  # 5 and 6 of 4 and 8
    assert (summary(dear).dearer_than_one, summary(dear).dearer) == (1, None)
    dearest = stored(home, parts(2, seeds=(1,)), [step(1, 1, cost=3.0), step(1, 2, cost=6.0)])
    assert (summary(dearest).dearer_than_one, summary(dearest).dearer) == (2, 2)


def test_requests_that_are_recognised_more_or_less_often_than_by_the_reference_beyond_chance_are_named(home):
    """Of 14 images: three standard errors of 0 against 6 and 8 of 14 are 0.466 and 0.513."""
    found = summary(stored(home, parts(3), [step(0, 1, forget=6 / 14), step(0, 2, forget=8 / 14), step(0, 3, forget=1.0)]))
    assert [row.gap.mean for row in found.rows] == pytest.approx([6 / 14, 8 / 14, 1.0])
    assert (found.kept, found.marked) == (((2, 0), (3, 0)), ())
    said = "Not forgotten: recognised more often than by the retrained network, beyond chance: request 2 (seed 0), request 3 (seed 0)."
    assert said in sentences(found, "over {} seeds".format)
    other = step(7, 1)
    swapped = {**other.accuracies, "reference": {**other.accuracies["reference"], "request": 1.0}}
    found = summary(stored(home, parts(2, seeds=(7,)), [replace(other, accuracies=swapped), step(7, 2)]))
    assert (found.kept, found.marked) == ((), ((1, 7),))
    assert any(one.startswith("Over-forgotten") and "request 1 (seed 7)" in one for one in sentences(found, "over {} seeds".format))
    assert summary(found_with(home), 1.0).kept == ()


def found_with(home):
    """One request that was not forgotten at all."""
    return stored(home, parts(2, seeds=(8,)), [step(8, 1, forget=1.0), step(8, 2)])


def test_a_seed_that_diverged_counts_as_far_as_it_got(home):
    steps = [step(0, 1, 0.8), step(0, 2, state=DIVERGED), step(0, WHOLE), step(1, 1, 0.7), step(1, 2, 0.6)]
    found = summary(stored(home, parts(2, seeds=(0, 1)), steps))
    assert [(row.number, row.damage.n) for row in found.rows] == [(1, 2), (2, 1)]
    assert found.rows[1].spent.mean == 2.0
    assert found.diverged == {0: 2}
    assert "With seed 0 the method diverged at request 2, and no request follows for it." in sentences(found, "over {} seeds".format)


def test_without_retraining_damage_is_held_against_the_original_and_cost_against_nothing(home):
    plan = parts(2, retrain=False)
    found = summary(stored(home, plan, [step(0, 1, 0.93, None), step(0, 2, 0.90, None)]))
    assert [row.damage.mean for row in found.rows] == pytest.approx([0.02, 0.05])
    assert (found.against, found.harmful, found.dearer, found.dearer_than_one, found.kept) == ("original", 2, None, None, ())
    said = " ".join(sentences(found, "over {} seed".format))
    assert "below the original's" in said
    assert "nothing was retrained, so it is held against no cost" in said


def test_the_sentences_say_what_the_numbers_say(home):
    assert sentences(summary(damaged(home)), "over {} seeds, each with its own draw".format) == [
        "After 3 requests test accuracy is 5.0 ± 12.7 points below the retrained network's, over 2 seeds, each with its own draw.",
        "The mean damage leaves the tolerance of 2 points at request 3 (5.0 ± 12.7 points, which more seeds may deny): there it pays to "
        "retrain once.",
        "Unlearning took 3 s in all, with its statistics; a retraining for each request took 12 s (4 times as long).",
        "It did not take as long as one retraining (4 s), which at this rate comes at request 4.",
        "Unlearning up to request 3 and retraining once then takes 7 s, against 12 s for a retraining each.",
        "At the end accuracy on the last request's images is 0 %; the retrained network's is 0 %.",
        "At the end accuracy on the images of all earlier requests is 40 %; the retrained network's is 0 %.",
        "All requests in one, from the original: test accuracy 89 %, in 2 s; in sequence 85 %.",
    ]
    assert sentences(summary(stored(home, parts(4), [])), "over {} seed".format) == []


def test_a_network_that_was_left_as_it_was_is_told(home):
    found = summary(stored(home, parts(2), [step(0, 1), step(0, 2)]))
    assert not any("left the network as it was" in one for one in sentences(found, str))
    still = {**vars(step(0, 2)), "moved": 0.0}
    found = summary(stored(home, parts(2, seeds=(5,)), [step(5, 1), type(step(0, 1))(**{**still, "seed": 5})]))
    assert "The method left the network as it was at request 2: nothing was forgotten there." in sentences(found, str)


def test_damage_whose_interval_leaves_the_tolerance_is_told_without_a_doubt(home):
    """0.05 and 0.052: mean 0.051, half width 0.0127."""
    steps = [step(seed, number, 0.85 - 0.002 * seed) for seed in (0, 1) for number in (1, 2, WHOLE)]
    said = sentences(summary(stored(home, parts(2, seeds=(0, 1)), steps)), str)
    assert "The damage leaves the tolerance of 2 points at request 1: there it pays to retrain once." in said


def test_intervals_are_student_s(home):
    steps = [step(seed, number, 0.9 - 0.01 * seed) for seed in range(3) for number in (1, 2, WHOLE)]
    row = summary(stored(home, parts(2, seeds=(0, 1, 2)), steps)).rows[0]
    assert row.damage.mean == pytest.approx(0.01)
    assert row.damage.half_width == pytest.approx(T3 * 0.01 / sqrt(3))
