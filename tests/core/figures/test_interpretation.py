"""What the sentence under the rates says, from hand-made scores: the same truth whichever side is called a member."""

import numpy as np
import pytest

from core.figures.privacy.attack import Attack, strongest_threshold
from core.figures.privacy.interpretation import reading
from core.figures.privacy.scores import SCORES, Sides, halves

SIDES = Sides(np.arange(100), np.arange(0), np.arange(100, 200))
TOO_MUCH = "Too much was forgotten"
LOW, HIGH, SAME = ([0.0] * 100 + [1.0] * 100, [1.0] * 100 + [0.0] * 100, [0.0, 1.0] * 100)  # of the forgotten, then the unseen


def attack(score: str, model: str, above: bool, **values: list[float]) -> Attack:
    return Attack(SCORES[score], model, {name: np.array(some) for name, some in values.items()}, SIDES, 0.5, above)


@pytest.mark.parametrize("score", list(SCORES))
@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("familiar", [True, False])
def test_familiar_is_familiar_on_either_side(score, above, familiar):
    members = LOW if familiar != SCORES[score].above else HIGH
    text = reading(attack(score, "unlearned", above, unlearned=members, reference=SAME))
    assert f"look {'more' if familiar else 'less'} familiar than test images" in text
    assert (TOO_MUCH in text) == (not familiar)
    better = familiar == (above == SCORES[score].above)
    assert ("beats chance" in text) == better
    assert ("is worse than chance" in text) == (not better)
    assert ("with the side turned around," in text) == (above != SCORES[score].above)
    assert ("turns the side" in text) == (not better)


@pytest.mark.parametrize("above", [True, False])
def test_only_the_unlearned_network_can_have_forgotten_too_much(above):
    for model, says in (("original", "nothing was forgotten yet"), ("reference", "a network that never saw them")):
        text = reading(attack("loss", model, above, unlearned=SAME, original=HIGH, reference=HIGH))
        assert "less familiar" in text
        assert says in text
        assert TOO_MUCH not in text
    for model, says in (("original", "what unlearning is to take away"), ("reference", "so it is no memory")):
        assert says in reading(attack("loss", model, above, unlearned=SAME, original=LOW, reference=LOW))


@pytest.mark.parametrize("above", [True, False])
def test_as_unfamiliar_as_to_the_reference_is_not_too_much(above):
    text = reading(attack("loss", "unlearned", above, unlearned=HIGH, reference=HIGH))
    assert TOO_MUCH not in text
    assert "no sign that too much was forgotten" in text
    alone = reading(attack("loss", "unlearned", above, unlearned=HIGH))
    assert "Too much may have been forgotten; only a retrained network could tell" in alone
    assert "only a retrained network could tell" in reading(attack("loss", "unlearned", above, unlearned=LOW))


def test_where_the_interval_holds_chance_no_side_is_taken():
    for model in ("unlearned", "original", "reference"):
        text = reading(attack("loss", model, False, unlearned=SAME, original=SAME, reference=SAME))
        assert "no better than chance" in text
        assert "familiar" not in text


def test_the_halves_part_each_set_once_and_always_alike():
    first, second = halves(SIDES)
    assert (len(first.forget), len(second.forget), len(first.unseen), len(second.unseen)) == (50, 50, 50, 50)
    assert sorted([*first.forget, *second.forget]) == SIDES.forget.tolist()
    assert sorted([*first.unseen, *second.unseen]) == SIDES.unseen.tolist()
    assert all(np.array_equal(a.forget, b.forget) for a, b in zip(halves(SIDES), (first, second), strict=True))
    one = halves(Sides(np.arange(3), np.arange(0), np.arange(1)))
    assert [(len(half.forget), len(half.unseen)) for half in one] == [(2, 1), (1, 0)]


def test_of_noise_the_strongest_threshold_s_interval_holds_chance_as_often_as_it_promises():
    """Chosen and counted on the same images it would do so far more seldom."""
    held, flattered = 0, 0
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=200)
        found = strongest_threshold(noise, SIDES)
        for chosen in (True, False):
            text = reading(Attack(SCORES["confidence"], "unlearned", {"unlearned": noise}, SIDES, found.value, found.above, chosen))
            held += chosen and "no better than chance" in text
            flattered += not chosen and "no better than chance" in text
    assert held >= 184  # 95 % of 200, less two deviations
    assert flattered < held


def test_a_threshold_needs_two_images_a_side():
    scores = np.arange(200.0)
    assert strongest_threshold(scores, Sides(np.arange(1), np.arange(0), np.arange(100, 200))) is None
    assert strongest_threshold(scores, Sides(np.arange(100), np.arange(0), np.arange(0))) is None
    assert strongest_threshold(scores, Sides(np.arange(2), np.arange(0), np.arange(100, 102))) is not None
