"""The leaderboard, on frames by hand, where it is known which methods can be told apart."""

from math import nan

import pandas as pd
import pytest

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.reports.compare.leaderboard import COLUMNS, Cell, Task, leaderboard, ranks
from core.reports.intervals import Spread

FAR = {"train_forget_accuracy": 0.5, "original.train_forget_accuracy": 1.0, "reference.train_forget_accuracy": 0.5}
STILL = {**FAR, "train_forget_accuracy": 1.0}  # as the original
A = Task("digits", "small_cnn", "random:0.05", "e")


def runs(method, gaps, *, dataset="digits", engine="e", seeds=None, draws=None, tag="", numbers=FAR):
    """Runs of one method, a gap each."""
    seeds, draws = seeds or range(len(gaps)), draws or [0] * len(gaps)
    return pd.DataFrame([
        {
            "id": f"{method}{tag}{dataset}{engine}{seed}-{draw}", "dataset": dataset, "model": "small_cnn", "kind": "random",
            "request": f"random:0.05@{draw}" if draw else "random:0.05", "draw": str(draw), "method": method, "settings": tag,
            "control": "", "seed": seed, "reference": True, "engine": engine, "average_gap": gap, **numbers,
        }
        for gap, seed, draw in zip(gaps, seeds, draws, strict=True)
    ])  # fmt: skip


def board(*parts, **about):
    frame = pd.concat(parts, ignore_index=True)
    names = {run: method + tag for run, method, tag in zip(frame["id"], frame["method"], frame["settings"], strict=True)}
    return leaderboard(frame, names, **about)


def places(told, task=A):
    return {row.method: row.cells[task].rank_text for row in told.rows if task in row.cells}


@pytest.mark.parametrize(
    "costs, wanted",
    [
        # Differences of 1 at every seed, to within 0.1: both are told apart.
        ([[1.0, 1.1, 0.9], [2.0, 2.05, 1.95]], [(1, 1), (2, 2)]),
        # The differences are 1, -1 and 0: their interval contains zero, and both share the first rank.
        ([[1.0, 2.0, 1.0], [2.0, 1.0, 1.0]], [(1, 2), (1, 2)]),
        # One seed tells nothing.
        ([[1.0], [9.0]], [(1, 2), (1, 2)]),
        # a and c differ by 1 at every seed; b lies with differences of 0.5 and 1.5, 0.5 and -0.5, ... in the midst of them.
        ([[0.0, 0.0, 0.0, 0.0], [-1.0, 2.0, -1.0, 2.0], [1.0, 1.0, 1.0, 1.0]], [(1, 2), (1, 3), (2, 3)]),
        # Paired: seeds that are hard for both hide no difference.
        ([[1.0, 5.0, 9.0], [1.2, 5.2, 9.2]], [(1, 1), (2, 2)]),
        ([[1.0, 2.0, 3.0]], [(1, 1)]),
        ([], []),
    ],
)
def test_a_rank_counts_those_that_are_surely_better_and_ends_before_those_that_are_surely_worse(costs, wanted):
    assert ranks(costs) == wanted


def test_methods_that_cannot_be_told_apart_share_a_rank_and_stand_by_their_mean_rank():
    told = board(runs("far", [0.50, 0.52, 0.51]), runs("near", [0.10, 0.11, 0.12]), runs("also near", [0.11, 0.12, 0.10]))
    assert told.tasks == (A,)
    assert places(told) == {"also near": "1-2", "near": "1-2", "far": "3"}
    assert [row.method for row in told.rows] == ["also near", "near", "far"]
    assert told.rows[2].cells[A].gap == Spread(pytest.approx(0.51), pytest.approx(4.302653 * 0.01 / 3**0.5, abs=1e-6), 3)
    assert [row.mean_rank.mean for row in told.rows] == [1.5, 1.5, 3]
    assert told.caution == ""


def test_less_evidence_does_not_rank_better():
    """Of one run nothing can be told, so that its ranks are 1 to 3 and no mean is taken of them; of two noisy ones the middle counts."""
    near, far = [runs("a", [0.10, 0.11, 0.12]), runs("b", [0.20, 0.21, 0.22])], [0.9, 0.5]
    alone = board(*near, runs("c", far[:1]))
    assert places(alone)["c"] == "1-3"
    assert [(row.method, row.mean_rank.n) for row in alone.rows] == [("a", 1), ("b", 1), ("c", 0)]
    assert "1 of 3 methods are not ranked by two runs" in alone.caution
    noisy = board(*near, runs("c", far))
    assert places(noisy) == {"a": "1-2", "c": "1-3", "b": "2-3"}
    assert {row.method: row.mean_rank.mean for row in noisy.rows} == {"a": 1.5, "c": 2.0, "b": 2.5}


def test_only_runs_of_one_dataset_network_request_and_engine_are_ranked_against_each_other():
    ours = [runs("a", [0.1, 0.1, 0.1]), runs("b", [0.2, 0.2, 0.2])]
    others = [runs("a", [0.9, 0.9, 0.9], dataset="mnist"), runs("b", [0.8, 0.8, 0.8], dataset="mnist")]
    told = board(*ours, *others, runs("c", [0.7, 0.7, 0.7], engine="o"))
    mnist = Task("mnist", "small_cnn", "random:0.05", "e")
    assert told.tasks == (A, mnist)  # the other engine's task has one method alone
    assert (places(told), places(told, mnist)) == ({"a": "1", "b": "2"}, {"a": "2", "b": "1"})
    assert {row.method: (row.mean_rank.mean, row.mean_rank.n) for row in told.rows} == {"a": (1.5, 2), "b": (1.5, 2)}
    once = board(*ours, *others, runs("new", [0.0, 0.0, 0.0]))
    assert [(row.method, row.mean_rank.mean) for row in once.rows] == [("a", 2), ("b", 2), ("new", 1)]  # one win is no lead over two tasks


def test_draws_of_one_request_are_one_task_and_pair_by_seed_and_draw():
    told = board(runs("a", [0.1, 0.5, 0.9], draws=[0, 1, 2]), runs("b", [0.2, 0.6, 1.0], draws=[0, 1, 2]))
    assert (told.tasks, places(told)) == ((A,), {"a": "1", "b": "2"})


def test_a_method_that_changed_nothing_is_not_ranked_and_a_second_retraining_is_no_method():
    told = board(
        runs("still", [0.3, 0.3, 0.3], numbers=STILL), runs("a", [0.1, 0.1, 0.1]), runs("b", [0.2, 0.2, 0.2]),
        runs(SECOND_REFERENCE_METHOD, [0.01, 0.02, 0.03], numbers={**FAR, "train_forget_accuracy": 0.5}),
    )  # fmt: skip
    assert places(told) == {"a": "1", "b": "2", "still": "unchanged"}
    assert [row.method for row in told.rows] == ["a", "b", "still"]
    assert told.second[A].mean == pytest.approx(0.02)
    assert told.caution == "Mean ranks are comparable only over the same tasks; 1 of 3 methods are not ranked by two runs on all 1."


def test_of_a_method_whose_code_changed_the_newest_version_counts():
    newest, old = runs("a", [0.5, 0.5, 0.5], engine="e-2"), runs("a", [0.1, 0.1, 0.1], engine="e-1")
    told = board(newest, runs("b", [0.2, 0.2, 0.2]), old)
    assert places(told) == {"b": "1", "a": "2"}
    assert told.rows[1].cells[A].gap.n == 3


def test_a_run_without_a_gap_or_of_no_study_is_left_out():
    frame = pd.concat([runs("a", [0.1, nan, 0.1]), runs("b", [0.2, 0.2, 0.2]), runs("c", [0.3, 0.3, 0.3])], ignore_index=True)
    told = leaderboard(frame, {run: run[0] for run in frame["id"] if run[0] != "c"})
    assert {row.method: row.cells[A].gap.n for row in told.rows} == {"a": 2, "b": 3}
    for nothing in (leaderboard(frame, {}), leaderboard(frame, dict.fromkeys(frame["id"], "x"), "js_to_reference")):
        assert (nothing.tasks, nothing.rows, nothing.table()) == ((), (), [])


def test_the_table_has_one_record_a_method_and_task():
    told = board(runs("a", [0.1, 0.1]), runs("b", [0.2, 0.2]), runs(SECOND_REFERENCE_METHOD, [0.04, 0.06]))
    first, _ = told.table()
    assert tuple(first) == COLUMNS
    assert first == {
        "method": "a", "dataset": "digits", "model": "small_cnn", "request": "random:0.05", "engine": "e", "rank": 1, "rank_to": 1,
        "gap": 0.1, "half_width": 0.0, "n": 2, "unchanged": False, "second_reference": pytest.approx(0.05),
    }  # fmt: skip
    assert Cell(Spread(0.1, None, 1), 2, 4).rank_text == "2-4"
