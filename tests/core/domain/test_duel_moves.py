"""What turns one standing of a duel into the next, and what comes too early, too late or twice."""

import json

import pytest

from core.domain.duel import ATTACK, CALL, FORGET, MOST_RUNS, OVER, Duel, Rules
from core.domain.errors import WrongInput

BEGUN = Duel("k3f9", Rules(seed=7))
HANDED = BEGUN.asked("one").asked("two").handed_over("one")
CHOSEN = HANDED.chose(("loss", "graft"), usable=6)
ENDED = CHOSEN.called({"loss": False, "graft": True})


def test_a_duel_goes_from_the_tries_over_the_tools_to_the_calls():
    assert [duel.stage for duel in (BEGUN, HANDED, CHOSEN, ENDED)] == [FORGET, ATTACK, CALL, OVER]
    assert (HANDED.runs, HANDED.handed, CHOSEN.tools) == (("one", "two"), "one", ("loss", "graft"))
    assert ENDED.calls == {"loss": False, "graft": True}
    assert [duel.version for duel in (BEGUN, HANDED, CHOSEN, ENDED, ENDED.followed_by("b2b2"))] == [0, 3, 4, 5, 6]
    assert BEGUN.asked("one").asked("two").withdrawn("one").runs == ("two",)


@pytest.mark.parametrize("duel", [BEGUN, HANDED, CHOSEN, ENDED, ENDED.followed_by("b2b2")])
def test_it_comes_back_from_the_database_as_it_was(duel):
    assert Duel.from_json(duel.code, duel.version, duel.to_json()) == duel


@pytest.mark.parametrize(
    ("move", "sentence"),
    [
        (lambda: BEGUN.asked("one").asked("one"), "one of your tries already"),
        (lambda: HANDED.asked("three"), "handed over already"),
        (lambda: HANDED.handed_over("two"), "handed over already"),
        (lambda: BEGUN.handed_over("one"), "Only one of this duel's tries"),
        (lambda: BEGUN.chose(("loss", "graft"), 6), "the tools are chosen already"),
        (lambda: HANDED.chose(("loss",), 6), "uses 2 different tools; got 1"),
        (lambda: HANDED.chose(("loss", "loss"), 6), "uses 2 different tools"),
        (lambda: HANDED.chose(("loss", "graft"), 1), "uses 1 different tool; got 2"),
        (lambda: HANDED.called({}), "no tool was used yet"),
        (lambda: CHOSEN.called({"loss": True}), "decides on every tool"),
        (lambda: ENDED.called({"loss": True, "graft": True}), "decided already"),
        (lambda: CHOSEN.followed_by("b2b2"), "not over yet"),
        (lambda: Rules(budget=0.5), "80 % to 100 %"),
        (lambda: Rules(budget=float("nan")), "80 % to 100 %"),
        (lambda: Rules(tries=0), "1 to 5 tries"),
        (lambda: Rules(tools=4), "1 to 3 tools"),
        (lambda: Rules(seed=2**31), "The seed"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(move, sentence):
    with pytest.raises(WrongInput, match=sentence):
        move()


def test_fewer_tools_are_used_where_fewer_can_be():
    assert HANDED.chose(("loss",), usable=1).tools == ("loss",)
    assert HANDED.chose((), usable=0).called({}).stage == OVER


def test_a_duel_asks_for_a_bounded_number_of_runs():
    duel = BEGUN
    for number in range(MOST_RUNS):
        duel = duel.asked(str(number))
    with pytest.raises(WrongInput, match="40 runs, which is the most"):
        duel.asked("more")


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "won"}, {"runs": "one"}, {"runs": [1]}, {"calls": {"loss": 1}}, {"handed": None}, {"rules": {}},
        {"rules": json.loads(BEGUN.to_json())["rules"] | {"budget": 7.0}}, {"rules": json.loads(BEGUN.to_json())["rules"] | {"tries": "3"}},
    ],
)  # fmt: skip
def test_a_damaged_row_is_none(change):
    with pytest.raises(WrongInput):
        Duel.from_json("k3f9", 0, json.dumps(json.loads(BEGUN.to_json()) | change))


@pytest.mark.parametrize("text", [None, b"", "", "[]", "{"])
def test_nor_is_what_is_no_object(text):
    with pytest.raises(WrongInput):
        Duel.from_json("k3f9", 0, text)
