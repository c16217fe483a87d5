"""The Pareto front and the closest trial, worked by hand."""

import pytest

from core.domain.errors import WrongInput
from core.tuning.objectives import BLIND, ORACLE, SECONDS, USUAL, closest, front, objectives_of

BLINDLY = objectives_of(BLIND, USUAL)


def values(forgetting, retained, attack=0.0, seconds=1.0):
    return {"forgetting": forgetting, "retained": retained, "attack": attack, "seconds": seconds}


def test_a_trial_is_on_the_front_where_no_other_is_as_good_in_all_and_better_in_one():
    trials = {
        0: values(0.10, 0.90), 1: values(0.00, 0.80), 2: values(0.10, 0.95),  # 2 beats 0; 1 forgets most
        3: values(0.20, 0.95), 4: values(0.05, 0.70, 0.2), 5: values(0.05, 0.85),  # 2 beats 3, 1 and 5 beat 4
    }  # fmt: skip
    assert front(trials, BLINDLY) == {1, 2, 5}


def test_equal_trials_share_the_front_and_one_that_is_best_in_one_objective_alone_is_on_it():
    trials = {0: values(0.5, 0.5, 0.1), 1: values(0.5, 0.5, 0.1), 2: values(0.9, 0.4, 0.0), 3: values(0.9, 0.4, 0.1)}
    assert front(trials, BLINDLY) == {0, 1, 2}
    assert front({}, BLINDLY) == set()


def test_of_the_oracle_less_is_better_in_all_and_seconds_count_where_they_are_asked_for():
    trials = {0: values(0.1, 0.1, 0.1, 3.0), 1: values(0.1, 0.1, 0.1, 2.0), 2: values(0.1, 0.2, 0.1, 1.0)}
    assert front(trials, objectives_of(ORACLE, USUAL)) == {0, 1}
    assert front(trials, objectives_of(ORACLE, [*USUAL, SECONDS])) == {1, 2}


def test_the_closest_trial_lacks_least_in_sum_and_seconds_do_not_count():
    trials = {0: values(0.30, 0.90, 0.0, 9.0), 1: values(0.0, 0.65, 0.0, 1.0), 2: values(0.10, 0.80, 0.05, 1.0)}  # 0.40, 0.35, 0.35
    assert closest(trials, objectives_of(BLIND, [*USUAL, SECONDS])) == 1
    assert closest(trials, objectives_of(ORACLE, ["attack"])) == 0
    assert closest({}, BLINDLY) is None


@pytest.mark.parametrize("mode, keys, said", [
    ("guess", USUAL, "oracle or blind"), (BLIND, ["speed"], "no objective 'speed'"), (BLIND, [SECONDS], "besides seconds"),
    (BLIND, [], "besides"),
])  # fmt: skip
def test_what_is_no_set_of_objectives_is_refused(mode, keys, said):
    with pytest.raises(WrongInput, match=said):
        objectives_of(mode, keys)
