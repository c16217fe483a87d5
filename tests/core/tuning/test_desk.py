"""Trials of one search given out to several makers: numbers, what is pending or lost, the budget, and what the journal says after all."""

import pytest

from core.domain.errors import WrongInput
from core.tuning import desk as desks
from core.tuning import journal
from core.tuning.desk import MOST_LOST, Desk
from core.tuning.journal import FAILED, Trial, plain_trial
from core.tuning.plan import Budget
from core.tuning.sampler import AT_RANDOM, next_values
from tests.core.tuning.searched import plan


@pytest.fixture
def begin(home):
    """A desk of a new search; all are closed at the end."""
    opened = []

    def of(wanted):
        journal.begin(home, wanted)
        opened.append(Desk(home, wanted.id))
        return opened[-1]

    yield of
    for one in opened:
        one.close()


def made(number, tried, **about):
    """As a node would tell it: forgetting is best at alpha 10."""
    values = {"forgetting": abs(tried.get("alpha", 1.0) - 10) / 50, "retained": 0.9, "attack": 0.01 * (number % 3)}
    return plain_trial(Trial(number, tried, values=values, **{"took": 2.0} | about))


def stored(home, wanted):
    return journal.read(home, wanted.id)


def test_makers_get_the_settings_that_one_alone_would_have_at_the_start_each_once(home, begin):
    wanted = plan(trials=AT_RANDOM)
    desk = begin(wanted)
    asked = [desk.ask(f"m{n}", 1.5) for n in range(AT_RANDOM)]
    assert [number for number, _ in asked] == list(range(AT_RANDOM))
    assert asked[0][1] == wanted.preset_within()
    alone = []
    for number in range(AT_RANDOM):
        tried = next_values(wanted, alone) if number else wanted.preset_within()
        assert asked[number][1] == tried
        alone.append(Trial(**made(number, tried)))
    assert desk.ask("one more") is None
    assert desk.ask("m3") == asked[3]  # its answer was lost on the way
    for number, tried in reversed(asked):
        desk.tell(made(number, tried))
    found = stored(home, wanted)
    assert found.trials == tuple(alone)
    assert (found.complete, found.left, found.prepared) == (True, 0, {"original": 1.5})
    assert found.importances


def test_what_arrives_before_its_turn_is_kept_and_joins_when_the_missing_one_comes(home, begin):
    wanted = plan(trials=5)
    desk = begin(wanted)
    asked = dict(desk.ask(maker) for maker in "abc")
    desk.tell(made(2, asked[2]))
    desk.tell(made(1, asked[1]))
    found = stored(home, wanted)
    assert (found.trials, list(found.ahead), found.took, found.left) == ((), [2, 1], 4.0, 3)
    desk.tell(made(1, asked[1], took=9.0))  # told again
    assert stored(home, wanted) == found
    desk.tell(made(0, asked[0]))
    desk.tell(made(0, asked[0], took=9.0))
    found = stored(home, wanted)
    assert [t.number for t in found.trials] == [0, 1, 2]
    assert (dict(found.ahead), found.took, found.complete, found.left) == ({}, 6.0, False, 2)


def test_a_trial_that_was_lost_is_made_by_the_next_with_the_same_settings_and_counts_once(home, begin):
    wanted = plan(trials=3)
    desk = begin(wanted)
    asked = dict(desk.ask(maker) for maker in "abc")
    desk.gone("b")
    desk.gone("nobody")
    assert desk.ask("d") == (1, asked[1])
    assert desk.ask("e") is None
    for number in (0, 2, 1):
        desk.tell(made(number, asked[number]))
    desk.gone("d")  # it ended as it should
    assert desk.ask("f") is None
    assert [t.number for t in stored(home, wanted).trials] == [0, 1, 2]


def test_a_trial_that_ends_whoever_makes_it_has_failed_and_the_search_goes_on(home, begin):
    wanted = plan(trials=2)
    desk = begin(wanted)
    for maker in "abc"[:MOST_LOST]:
        assert desk.ask(maker)[0] == 0
        desk.gone(maker)
    number, tried = desk.ask("d")
    assert number == 1
    desk.tell(made(number, tried))
    found = stored(home, wanted)
    assert [t.state for t in found.trials] == [FAILED, "done"]
    assert found.trials[0].why == "The process that made it, or its machine, was gone without a word, 3 times."
    assert found.complete


def test_another_desk_goes_on_where_the_last_one_was_ended_and_fills_what_is_missing(home, begin):
    wanted = plan(trials=4)
    first = begin(wanted)
    asked = dict(first.ask(maker) for maker in "abc")
    first.tell(made(0, asked[0]))
    first.tell(made(2, asked[2]))
    first.close()
    second = begin(wanted)
    assert second.ask("d") == (1, asked[1])  # at random, by its number
    number, tried = second.ask("e")
    assert number == 3
    second.tell(made(1, asked[1]))
    second.tell(made(number, tried))
    assert [t.number for t in stored(home, wanted).trials] == [0, 1, 2, 3]


def test_minutes_end_it_with_the_trials_that_are_being_made_and_what_is_missing_below_them(home, begin):
    wanted = plan().with_budget(Budget(None, 0.1))  # six seconds
    desk = begin(wanted)
    asked = dict(desk.ask(maker) for maker in "abcd")
    desk.tell(made(1, asked[1], took=4.0))
    desk.tell(made(2, asked[2], took=3.0))
    found = stored(home, wanted)
    assert (found.complete, found.left) == (False, 1)
    assert desk.ask("b") is None
    desk.gone("a")
    assert desk.ask("c") == (0, asked[0])
    desk.tell(made(0, asked[0]))
    desk.tell(made(3, asked[3]))
    assert desk.ask("d") is None
    found = stored(home, wanted)
    assert (len(found.trials), found.complete, found.left) == (4, True, 0)


def test_while_runs_wait_all_but_one_leave(begin):
    desk = begin(plan(trials=9))
    number, tried = desk.ask("a", leave=True)
    assert desk.ask("b", leave=True) is None
    desk.tell(made(number, tried))
    assert desk.ask("a", leave=True)[0] == 1


def test_no_two_try_the_same_beyond_the_start_either(begin):
    desk = begin(plan(trials=60))
    for _ in range(AT_RANDOM + 2):
        number, tried = desk.ask("a")
        desk.tell(made(number, tried))
    asked = [desk.ask(f"m{n}")[1] for n in range(8)]
    assert len({one["alpha"] for one in asked}) == 8
    assert all(one.holds(values[one.name]) for values in asked for one in plan().ranges)


def test_a_search_has_one_desk_and_damaged_or_hopeless_trials_are_refused_in_a_sentence(home, begin, monkeypatch):
    wanted = plan(trials=30)
    desk = begin(wanted)
    monkeypatch.setattr(journal, "HELD", 0.05)
    with pytest.raises(WrongInput, match="computed by another process"):
        Desk(home, wanted.id)
    _, tried = desk.ask("a")
    for wrong in ({}, made(-1, tried), made(0, tried) | {"values": {}}, made(0, tried) | {"state": "fine"}):
        with pytest.raises(WrongInput, match="came damaged"):
            desk.tell(wrong)
    failed = [plain_trial(Trial(n, tried, FAILED, why="Nothing fits.")) for n in range(10)]
    for one in failed[:-1]:
        desk.tell(one)
    with pytest.raises(WrongInput, match=r"first 10 trials all failed.*Nothing fits"):
        desk.tell(failed[-1])


def test_progress_counts_what_is_made_and_who_makes(begin):
    desk = begin(plan(trials=4))
    asked = dict(desk.ask(maker) for maker in "ab")
    desk.tell(made(1, asked[1]))
    assert desk.standing() == (pytest.approx(0.1 + 0.9 / 4), "trial 2, blind")
    desk.ask("b")
    assert desk.standing()[1] == "trial 2, blind, 2 at once"
    assert desks.PREPARED == 0.1
