"""Figures of a sequence of requests, held against rows written by hand."""

import pandas as pd
import pytest

from core.figures.sequences import cost_figure, damage_figure, forgetting_figure


@pytest.fixture
def rows():
    numbers = {
        "unlearned_test": [0.9, 0.8, 0.7], "reference_test": [0.9, 0.9, 0.92], "original_test": [0.95] * 3,
        "unlearned_request": [0.0, 0.5, 1.0], "reference_request": [0.0] * 3, "unlearned_earlier": [None, 0.1, 0.2],
        "reference_earlier": [None, 0.0, 0.0],
        "spent": [1.0, 2.0, 5.0], "retrained": [4.0, 8.0, 12.0], "one": [4.0] * 3,
    }  # fmt: skip
    return pd.DataFrame({"number": [1, 2, 3], **numbers, **{f"{name}_half": [0.01, None, 0.03] for name in numbers}})


def lines(figure):
    return {trace.name: [None if pd.isna(y) else round(float(y), 6) for y in trace.y] for trace in figure.data}


def test_the_damage_curve_has_its_intervals_the_tolerance_and_where_it_is_left(rows):
    figure = damage_figure(rows, 0.02, 2, "reference")
    assert lines(figure) == {
        "Original": [0.95] * 3, "Unlearned": [0.9, 0.8, 0.7], "Retrained reference": [0.9, 0.9, 0.92],
        "retrained reference − 2 points": [0.88, 0.88, 0.9],
    }  # fmt: skip
    unlearned = next(trace for trace in figure.data if trace.name == "Unlearned")
    assert unlearned.error_y.array[0] == 0.01
    assert list(unlearned.customdata) == ["90 % ± 1 %", "80 %", "70 % ± 3 %"]
    assert tuple(figure.layout.yaxis.range) == pytest.approx((0.67 - 0.004, 1.004))
    (mark,), (note,) = figure.layout.shapes, figure.layout.annotations
    assert (mark.x0, note.x, note.text) == (2, 2, "tolerance left")
    assert damage_figure(rows, 0.02, None, "original").layout.shapes == ()


def test_without_a_retrained_network_damage_and_forgetting_are_drawn_all_the_same(rows):
    alone = rows[[name for name in rows if not name.startswith(("reference", "retrain", "one"))]]
    assert list(lines(damage_figure(alone, 0.05, None, "original"))) == ["Original", "Unlearned", "original − 5 points"]
    assert list(lines(forgetting_figure(alone))) == ["this request, unlearned", "all earlier, unlearned"]
    assert list(lines(cost_figure(alone, None, None))) == ["unlearning, with its statistics"]


def test_forgetting_and_relapse_are_told_apart_by_dash_and_mark_and_the_first_request_has_none_earlier(rows):
    figure = forgetting_figure(rows)
    assert lines(figure) == {
        "this request, retrained reference": [0.0] * 3, "all earlier, retrained reference": [None, 0.0, 0.0],
        "this request, unlearned": [0.0, 0.5, 1.0], "all earlier, unlearned": [None, 0.1, 0.2],
    }  # fmt: skip
    assert len({(trace.line.color, trace.line.dash, trace.marker.symbol) for trace in figure.data}) == 4


def test_costs_have_the_line_of_one_retraining_and_the_marks_of_break_even(rows):
    figure = cost_figure(rows, 2, 3)
    assert list(lines(figure).values()) == [[1.0, 2.0, 5.0], [4.0, 8.0, 12.0], [4.0] * 3]
    assert "break-even" in figure.data[2].name
    assert [(note.x, note.text) for note in figure.layout.annotations] == [(2, "tolerance left"), (3, "break-even")]
    assert figure.layout.annotations[0].yshift != figure.layout.annotations[1].yshift
    assert list(figure.data[0].customdata) == ["1 s ± 0.01 s", "2 s", "5 s ± 0.03 s"]
