"""Figures of a search, held against trials written by hand."""

import pandas as pd
import pytest

from core.figures.tuning import Axis, front_figure, importance_figure, parallel_figure, slice_figure

FORGET = Axis("forgetting", "forget gap (oracle)", low=True, share=True)
RETAIN = Axis("retained", "validation accuracy (blind)", low=False, share=True)
ALPHA, KIND = Axis("alpha", "alpha", log=True), Axis("kind", "kind", choices=("a", "b"))


@pytest.fixture
def trials():
    return pd.DataFrame({
        "number": [0, 1, 2, 3], "front": [False, True, True, False], "closest": [False, False, True, False],
        "alpha": [1.0, 10.0, 100.0, None], "kind": ["a", "b", "b", "a"], "forgetting": [0.3, 0.0, 0.1, 0.4],
        "retained": [0.9, 0.8, 0.95, 0.7],
    })  # fmt: skip


def test_the_front_marks_what_no_other_beats_the_preset_and_the_closest(trials):
    figure = front_figure(trials, FORGET, RETAIN, [ALPHA, KIND])
    shown = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}
    assert shown == {
        "beaten by another": ([0.3, 0.4], [0.9, 0.7]), "on the front": ([0.0, 0.1], [0.8, 0.95]), "the preset": ([0.3], [0.9]),
        "closest to the best": ([0.1], [0.95]),
    }  # fmt: skip
    assert figure.layout.xaxis.title.text == "forget gap (oracle); lower is better"
    assert figure.layout.yaxis.title.text == "validation accuracy (blind); higher is better"
    assert figure.data[1].customdata[0] == "trial 1<br>alpha 10<br>kind b<br>forget gap (oracle) 0 %<br>validation accuracy (blind) 80 %"
    assert "alpha" not in figure.data[0].customdata[1]  # a word that the preset had


def test_importances_are_bars_of_each_objective():
    figure = importance_figure({"forget gap (oracle)": {"alpha": 0.75, "kind": 0.25}, "seconds": {"kind": 1.0}})
    assert [list(trace.y) for trace in figure.data] == [["kind", "alpha"]] * 2
    assert [list(trace.x) for trace in figure.data] == [[0.25, 0.75], [1.0, 0.0]]


def test_a_slice_has_a_row_for_each_objective_and_leaves_out_what_has_no_number(trials):
    figure = slice_figure(trials, ALPHA, [FORGET, RETAIN])
    assert [list(trace.x) for trace in figure.data] == [[1.0, 10.0, 100.0]] * 2
    assert [list(trace.y) for trace in figure.data] == [[0.3, 0.0, 0.1], [0.9, 0.8, 0.95]]
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.yaxis.domain[0] >= figure.layout.yaxis2.domain[1]
    assert (figure.data[1].yaxis, figure.layout.xaxis.anchor) == ("y2", "y2")


def test_parallel_coordinates_show_logs_and_choices_as_they_are_called(trials):
    figure = parallel_figure(trials, [ALPHA, KIND, FORGET], FORGET)
    alpha, kind, forget = figure.data[0].dimensions
    assert list(alpha["values"]) == [0, 1, 2]
    assert (alpha.ticktext[0], alpha.ticktext[-1]) == ("1", "100")
    assert (list(kind["values"]), list(kind.ticktext)) == ([0, 1, 1], ["a", "b"])
    assert list(forget["values"]) == [0.3, 0.0, 0.1]
    assert figure.data[0].line.reversescale  # less is better, and the best is strong
