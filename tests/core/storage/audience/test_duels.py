"""Duels in the store: short codes, a bounded number, and of two browsers that act at once one is told."""

from concurrent.futures import ThreadPoolExecutor
import re
from threading import Barrier

import pytest

from core.domain.duel import ATTACK, Rules
from core.domain.errors import WrongInput
from core.storage.audience import duels
from core.storage.runs import ResultStore

RULES = Rules(seed=7)


def over(store):
    begun = duels.begin(store, RULES)
    ended = begun.asked("one").handed_over("one").chose(("loss", "graft"), 6).called({"loss": True, "graft": True})
    return duels.change(store, begun, ended)


def test_a_duel_is_found_by_its_code_however_it_is_typed(store):
    begun = duels.begin(store, RULES)
    assert re.fullmatch("[b-df-hj-np-tv-z2-9]{4}", begun.code)
    assert duels.existing(store, f" {begun.code.upper()} ") == begun
    after = duels.change(store, begun, begun.asked("one"))
    assert duels.existing(store, begun.code) == after != begun


@pytest.mark.parametrize("code", ["", "k3f", "k3f99", "kaf9", "k3f9'; drop table duels", "K3F\x00", "²²²²", "x" * 10_000])
def test_what_is_no_code_is_said_in_one_short_sentence(store, code):
    with pytest.raises(WrongInput, match="4 letters and digits") as told:
        duels.existing(store, code)
    assert len(str(told.value)) < 150


def test_a_code_that_no_duel_has_is_said_so(store):
    with pytest.raises(WrongInput, match="There is no duel k3f9 here"):
        duels.existing(store, "k3f9")


def test_who_saw_an_older_standing_changes_nothing_and_is_told(store):
    begun = duels.begin(store, RULES)
    seen = duels.change(store, begun, begun.asked("one"))
    handed = duels.change(store, seen, seen.handed_over("one"))
    for late in (begun.asked("two"), seen.asked("two"), seen.withdrawn("one")):
        with pytest.raises(WrongInput, match="moved on in another browser"):
            duels.change(store, begun if late.version == 1 else seen, late)
    assert duels.existing(store, begun.code) == handed


def test_of_many_at_once_one_wins(store):
    begun = duels.begin(store, RULES)
    seen, together = duels.change(store, begun, begun.asked("one").asked("two")), Barrier(8)

    def hand_over(number: int) -> bool:
        with ResultStore(store.db.path) as mine:
            together.wait()
            try:
                duels.change(mine, seen, seen.handed_over(("one", "two")[number % 2]))
            except WrongInput:
                return False
            return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(hand_over, range(8))) == 1
    now = duels.existing(store, begun.code)
    assert (now.stage, now.version) == (ATTACK, seen.version + 1)


def test_both_seats_come_to_the_same_next_duel(store):
    ended, together = over(store), Barrier(4)

    def again(_: int) -> str:
        with ResultStore(store.db.path) as mine:
            together.wait()
            return duels.go_on(mine, ended, RULES).code

    with ThreadPoolExecutor(4) as threads:
        codes = set(threads.map(again, range(4)))
    assert len(codes) == 1 != {ended.code}
    assert duels.existing(store, ended.code).successor in codes
    assert len(store.db.read("select * from duels")) == 2


def test_the_oldest_make_room_and_one_that_is_gone_can_still_be_followed(store, monkeypatch):
    monkeypatch.setattr(duels, "MOST", 3)
    ended, others = over(store), [duels.begin(store, RULES) for _ in range(3)]
    assert len({duel.code for duel in others}) == 3
    with pytest.raises(WrongInput, match="There is no duel"):
        duels.existing(store, ended.code)
    with pytest.raises(WrongInput, match="moved on in another browser, or is gone"):
        duels.change(store, ended, ended.followed_by("b2b2"))
    assert duels.existing(store, duels.go_on(store, ended, RULES).code).rules == RULES


@pytest.mark.parametrize("column", ["content = '{}'", "content = x'ff'", "version = 'two'", "content = replace(content, 'forget', 'won')"])
def test_a_damaged_row_is_said_in_a_sentence(store, column):
    begun = duels.begin(store, RULES)
    with store.db.transaction() as write:
        write.execute(f"update duels set {column}")
    with pytest.raises(WrongInput, match=f"row of duel {begun.code} is damaged") as told:
        duels.existing(store, begun.code)
    assert "\n" not in str(told.value)
