"""Guesses of a class: two browsers see each other's, one that guesses again is counted once, and nothing grows without end."""

import pytest

from core.domain.errors import WrongInput
from core.storage.audience import guesses
from core.storage.audience.guesses import clear, count, pool
from core.storage.home import open_home
from core.storage.runs import ResultStore


@pytest.fixture
def two(tmp_path):
    """Two browsers' connections to one home."""
    database = open_home(tmp_path / "home").database
    with ResultStore(database) as one, ResultStore(database) as other:
        yield one, other


def test_two_browsers_see_each_others_counts(two):
    one, other = two
    count(one, "7b", "run", {"attack_auc": 10, "verdict": 0})
    count(other, "7b", "run", {"attack_auc": 12, "verdict": 0})
    for store in two:
        assert pool(store, "7b", "run") == guesses.Pool(2, {"attack_auc": {10: 1, 12: 1}, "verdict": {0: 2}})
    assert pool(one, "7c", "run").guesses == pool(one, "7b", "other").guesses == 0


def test_who_guesses_again_is_counted_once(two):
    one, other = two
    count(other, "7b", "run", {"attack_auc": 10})
    first = count(one, "7b", "run", {"attack_auc": 10, "verdict": 3})
    again = count(one, "7b", "run", {"attack_auc": 4}, first)
    assert pool(one, "7b", "run") == guesses.Pool(2, {"attack_auc": {10: 1, 4: 1}})
    count(one, "7b", "run", {"attack_auc": 5}, again)
    assert pool(one, "7b", "run").counts == {"attack_auc": {10: 1, 5: 1}}


def test_a_guess_from_before_a_new_beginning_takes_nothing_away(two):
    one, other = two
    first = count(one, "7b", "run", {"attack_auc": 10})
    clear(other, "7b", "run")
    assert pool(one, "7b", "run") == guesses.Pool(0, {})
    count(other, "7b", "run", {"attack_auc": 10})
    count(one, "7b", "run", {"attack_auc": 3}, first)
    assert pool(one, "7b", "run") == guesses.Pool(2, {"attack_auc": {10: 1, 3: 1}})


def test_a_pool_is_full_at_its_most_and_still_takes_a_changed_guess(two, monkeypatch):
    monkeypatch.setattr(guesses, "MOST", 2)
    first = count(two[0], "7b", "run", {"verdict": 1})
    count(two[0], "7b", "run", {"verdict": 1})
    with pytest.raises(WrongInput, match="Class 7b has 2 guesses of this run, which is the most"):
        count(two[1], "7b", "run", {"verdict": 1})
    count(two[0], "7b", "run", {"verdict": 2}, first)
    assert pool(two[0], "7b", "run") == guesses.Pool(2, {"verdict": {1: 1, 2: 1}})


def test_the_pools_that_were_not_guessed_in_for_longest_are_removed(two, monkeypatch):
    monkeypatch.setattr(guesses, "POOLS", 2)
    for code in ("a", "b", "a", "c"):
        count(two[0], code, "run", {"verdict": 1})
    assert [pool(two[1], code, "run").guesses for code in "abc"] == [2, 0, 1]
    assert pool(two[1], "b", "run").counts == {}


@pytest.mark.parametrize("bins", [{}, {"a": -1}, {"a": 100}, {"": 1}, {"a" * 101: 1}, {f"q{n}": 1 for n in range(41)}])
def test_what_is_no_guess_is_not_stored(two, bins):
    with pytest.raises(WrongInput, match="A guess is 1 to 40 quantities"):
        count(two[0], "7b", "run", bins)
    assert pool(two[0], "7b", "run").guesses == 0


def test_nothing_but_counts_is_stored(two):
    count(two[0], "7b", "run", {"verdict": 1})
    columns = {table: [row["name"] for row in two[0].db.read(f"pragma table_info({table})")] for table in ("guess_pools", "guess_counts")}
    assert columns == {"guess_pools": ["code", "run_id", "round", "guesses", "changed_at"],
                       "guess_counts": ["code", "run_id", "quantity", "bin", "count"]}  # fmt: skip
