"""The sampler: draws that follow from the trials alone, within the ranges, and what mattered."""

import pytest

from core.tuning.journal import DIVERGED, FAILED, Trial
from core.tuning.ranges import Range
from core.tuning.sampler import importances, next_values
from tests.core.tuning.searched import plan

MIXED = plan(ranges=(
    Range("alpha", 1.0, 5.0), Range("batch_size", 2.0, 64.0, log=True, whole=True), Range("importance", choices=("per_sample", "batch")),
))  # fmt: skip


def measured(number, tried):
    """Forgetting depends on alpha alone, and is best at 3; retained hardly varies."""
    return Trial(number, tried, values={"forgetting": abs(tried["alpha"] - 3) / 2, "retained": 0.9 + number % 2 / 100, "attack": 0.0})


def searched(count, trials=()):
    trials = list(trials)
    for number in range(len(trials), count):
        trials.append(measured(number, next_values(MIXED, trials)))
    return trials


@pytest.fixture(scope="module")
def trials():
    return searched(40)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(trials):
    assert searched(25, trials[:12]) == trials[:25]


def test_every_value_lies_in_its_range_in_its_own_type_and_no_two_trials_are_alike(trials):
    for trial in trials:
        assert all(one.holds(trial.tried[one.name]) for one in MIXED.ranges)
        assert (type(trial.tried["alpha"]), type(trial.tried["batch_size"]), type(trial.tried["importance"])) == (float, int, str)
    assert len({trial.tried["alpha"] for trial in trials}) > 30


def test_it_learns_where_the_good_settings_are(trials):
    near = [abs(trial.tried["alpha"] - 3) for trial in trials]
    assert sum(near[-15:]) / 15 < sum(near[:10]) / 10


def test_a_diverged_trial_counts_as_the_worst_and_a_failed_one_not_at_all(trials):
    failed = [Trial(n, t.tried, FAILED, why="no") if n == 3 else t for n, t in enumerate(trials[:15])]
    diverged = [Trial(n, t.tried, DIVERGED, why="no") if n == 3 else t for n, t in enumerate(trials[:15])]
    draws = [next_values(MIXED, told) for told in (trials[:15], failed, diverged)]
    assert all(one.holds(draw[one.name]) for draw in draws for one in MIXED.ranges)
    assert importances(MIXED, failed) == importances(MIXED, [t for t in trials[:15] if t.number != 3])


def test_importances_are_shares_of_the_variance_and_absent_where_nothing_can_be_compared(trials):
    found = importances(MIXED, trials)
    assert found.keys() == {"forgetting", "retained"}  # the attack never varied
    assert sum(found["forgetting"].values()) == pytest.approx(1)
    assert found["forgetting"]["alpha"] > 0.8
    assert importances(MIXED, trials[:5]) == {}
    assert importances(plan(ranges=MIXED.ranges[:1]), trials) == {}
