"""Figures are functions of their tables: what they draw, where their lines stand, and how models are told apart."""

from math import log10

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from core.figures import class_figures, plotly_layout, ssd_figures
from core.figures.palette import ACCENT, MODEL_COLOUR, MODEL_TITLE, QUIET
from core.reports.checks.accuracy import CLASS_LOSS

CLASSES = ("cat", "dog", "owl")
MODELS = ("original", "unlearned", "reference")


def accuracies(*models: str) -> pd.DataFrame:
    """Rows in an order that is not the figure's."""
    rows = [(m, c, (10 * i + c) / 100) for i, m in enumerate(models) for c in (2, 0, 1)]
    return pd.DataFrame(rows, columns=["model", "class", "accuracy"])


def look(trace) -> tuple[str, bool]:
    """What distinguishes a bar or a dot where there is no colour: its hatching or shape, and whether it is hollow."""
    if trace.type == "scatter":
        return trace.marker.symbol, trace.marker.symbol.endswith("open")
    colour = str(trace.marker.color)
    return trace.marker.pattern.shape, colour.startswith("rgba") and float(colour.rstrip(")").split(",")[-1]) < 0.5


def dots(figure: go.Figure) -> dict[str, go.Scatter]:
    """The networks' traces by name, without the lines between them."""
    return {trace.name: trace for trace in figure.data if trace.mode == "markers"}


def every_figure() -> dict[str, go.Figure]:
    counts = pd.DataFrame([(t, p, 1) for t in range(3) for p in range(3)], columns=["true", "predicted", "count"])
    moved = pd.DataFrame({"layer": ["a", "b"], "distance": [0.1, 0.2], "reference_distance": [1.0, 1.1]})
    layers = [{"layer": name, "weights": 3, "forget": 1e-3, "all": 1e-4} for name in ("a", "b")]
    return {
        "class_shift": class_figures.class_shift(accuracies(*MODELS), CLASSES, (1,)),
        "confusion": class_figures.confusion(counts, CLASSES, "Original"),
        "layer_importance": ssd_figures.layer_importance(layers),
        "ratio_histogram": ssd_figures.ratio_histogram({"counts": [1, 2], "edges": [-1.0, 0.0, 1.0]}, 2.0, 1.0, 9.0),
        "dampened_share": ssd_figures.dampened_share({"a": 0.1, "b": 0.2}),
        "layer_change": class_figures.layer_change(moved),
    }


@pytest.mark.parametrize("name", every_figure())
def test_every_figure_names_its_axes_and_is_the_same_each_time(name):
    figure = every_figure()[name]
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text
    assert figure.layout.xaxis.fixedrange  # scrolling over a figure scrolls the page
    assert figure.layout.yaxis.fixedrange
    assert figure.layout.height >= plotly_layout.HEIGHT
    assert figure.to_json() == every_figure()[name].to_json()  # else it would be sent and drawn anew each time


@pytest.mark.parametrize("name", every_figure())
def test_text_and_background_are_left_to_the_theme(name):
    layout = every_figure()[name].layout
    assert (layout.paper_bgcolor, layout.plot_bgcolor, layout.font.color) == (None, None, None)


# Accuracy by class.


def test_each_class_is_a_row_in_its_order_and_the_forgotten_ones_stand_first_and_apart():
    figure = class_figures.class_shift(accuracies(*MODELS), CLASSES, (1,))
    assert {name: list(trace.x) for name, trace in dots(figure).items()} == {
        "Original": [0, 0.01, 0.02], "Unlearned": [0.1, 0.11, 0.12], "Retrained reference": [0.2, 0.21, 0.22],
    }  # fmt: skip
    assert list(figure.layout.yaxis.tickvals) == pytest.approx([1.8, 0, 2.8])  # dog, then a gap, cat and owl
    assert list(figure.layout.yaxis.ticktext) == ["cat", "<b>dog ✕</b>", "owl"]
    top, bottom = figure.layout.yaxis.range[::-1]
    assert top < 0
    assert bottom > 2.8  # the first row is above
    low, high = figure.layout.xaxis.range
    assert (-0.1 < low < 0, 1 < high < 1.1) == (True, True)  # a share of 0 or 1 fits, and the scale is the whole one


def test_a_line_leads_from_each_original_to_its_unlearned_dot():
    figure = class_figures.class_shift(accuracies(*MODELS), CLASSES, (1,))
    (line,) = [trace for trace in figure.data if trace.mode == "lines"]
    assert list(line.x) == [0, 0.1, None, 0.01, 0.11, None, 0.02, 0.12, None]
    assert line.y[0] == line.y[1] == dots(figure)["Unlearned"].y[0]


def test_no_class_is_marked_where_single_samples_go():
    figure = class_figures.class_shift(accuracies(*MODELS), CLASSES, ())
    assert list(figure.layout.yaxis.ticktext) == list(CLASSES)
    assert list(figure.layout.yaxis.tickvals) == [0, 1, 2]
    assert figure.layout.yaxis.title.text == "class"


def test_without_a_reference_its_marks_are_left_out_and_with_a_second_one_there_are_more():
    figure = class_figures.class_shift(accuracies("original", "unlearned"), CLASSES, (0, 2))
    assert list(dots(figure)) == ["Original", "Unlearned"]
    assert list(dots(class_figures.class_shift(accuracies(*MODELS, "second"), CLASSES, ()))) == [*MODEL_TITLE.values(), "Second reference"]


def test_a_class_without_images_leaves_a_gap():
    table = accuracies("original")
    table.loc[table["class"] == 1, "accuracy"] = np.nan
    assert np.isnan(dots(class_figures.class_shift(table, CLASSES, ()))["Original"].x[1])


def test_models_are_told_apart_without_colour():
    shift = class_figures.class_shift(accuracies(*MODELS, "second"), CLASSES, (1,))
    for traces in (dots(shift).values(), every_figure()["layer_change"].data, every_figure()["layer_importance"].data):
        looks = [look(trace) for trace in traces]
        assert len(set(looks)) == len(looks)


def test_a_model_has_the_same_colour_in_every_figure():
    shift, moved = every_figure()["class_shift"], every_figure()["layer_change"]
    colours = {name: trace.marker.color for name, trace in dots(shift).items()}
    assert colours == {MODEL_TITLE[model]: colour for model, colour in MODEL_COLOUR.items()}
    assert all(trace.marker.color == colours[trace.name] for trace in moved.data)


def many(count: int = 20) -> pd.DataFrame:
    """Class i: 80 % before, 50 % + i points now, 60 % if retrained; class 3 is forgotten."""
    rows = [(model, c, share) for c in range(count) for model, share in (
        ("original", 0.8), ("unlearned", 0.0 if c == 3 else 0.5 + c / 100), ("reference", 0.1 if c == 3 else 0.6),
    )]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "class", "accuracy"])


NAMES = tuple(f"kind {number}" for number in range(20))


def test_of_many_classes_each_is_a_column_with_its_gap_to_the_reference_from_loss_to_gain():
    figure = class_figures.class_shift(many(), NAMES, (3,))
    unlearned = dots(figure)["Unlearned"]
    assert list(unlearned.y) == pytest.approx([-0.1 if c == 3 else c / 100 - 0.1 for c in range(20)])
    order = [*np.argsort(unlearned.x)]
    assert order == [3, *(c for c in range(20) if c != 3)]
    assert unlearned.x[0] - unlearned.x[3] > 1  # what is forgotten stands apart
    original = dots(figure)["Original"]
    assert [None if np.isnan(gap) else gap for gap in original.y] == [*3 * [None], pytest.approx(0.7), *16 * [None]]
    assert figure.layout.yaxis.title.text == "gap to the reference"
    assert [note.text for note in figure.layout.annotations] == ["kind 3 ✕", "kind 0", "kind 19"]


def test_their_band_is_what_the_check_of_hidden_losses_lets_pass():
    (band,) = [shape for shape in class_figures.class_shift(many(), NAMES, (3,)).layout.shapes if shape.type == "rect"]
    assert (band.y0, band.y1) == (-CLASS_LOSS, CLASS_LOSS) == (-0.1, 0.1)


def test_without_a_reference_the_gap_is_that_to_the_original():
    table = many()[many()["model"] != "reference"]
    figure = class_figures.class_shift(table, NAMES, (3,))
    assert list(dots(figure)["Unlearned"].y) == pytest.approx([-0.8 if c == 3 else c / 100 - 0.3 for c in range(20)])
    assert list(dots(figure)) == ["Unlearned"]
    assert figure.layout.yaxis.title.text == "gap to the original"


@pytest.mark.parametrize("count, named", [(2, True), (12, True), (13, False), (1001, False)])
def test_up_to_twelve_classes_have_names_and_a_thousand_fit(count, named):
    figure = class_figures.class_shift(many(count), tuple(f"k{number}" for number in range(count)), (3,))
    assert (figure.layout.yaxis.ticktext is not None) == named
    assert len(dots(figure)["Unlearned"].y) == count
    assert len(figure.to_json()) < 250_000


# Confusion.


def test_a_cell_is_the_share_of_its_row():
    counts = {(0, 0): 8, (0, 2): 2, (1, 1): 5}
    rows = [(t, p, counts.get((t, p), 0)) for p in (2, 1, 0) for t in (1, 0, 2)]
    figure = class_figures.confusion(pd.DataFrame(rows, columns=["true", "predicted", "count"]), CLASSES, "Unlearned")
    cells = figure.data[0]
    assert cells.z.tolist() == [[0.8, 0, 0.2], [0, 1, 0], [0, 0, 0]]  # a class without images has an empty row
    assert cells.text.tolist() == [["8", "", "2"], ["", "5", ""], ["", "", ""]]
    assert (cells.zmin, cells.zmax) == (0, 1)  # colours of two figures can be compared
    assert figure.layout.yaxis.autorange == "reversed"  # the first class is at the top
    assert figure.layout.title.text == "Unlearned"


def test_a_row_of_labels_that_were_made_wrong_is_called_so():
    table = pd.DataFrame([(t, p, 1) for t in range(3) for p in range(3)], columns=["true", "predicted", "count"])
    plain, taught = (class_figures.confusion(table, CLASSES, "x", **about) for about in ({}, {"row": "taught label"}))
    assert (plain.layout.yaxis.title.text, taught.layout.yaxis.title.text) == ("true class", "taught label")
    assert plain.data[0].hovertemplate.startswith("true %{y}, predicted %{x}: ")
    assert taught.data[0].hovertemplate.startswith("taught label %{y}, predicted %{x}: ")


def test_many_classes_are_drawn_without_numbers():
    size = 21
    rows = [(t, p, 1) for t in range(size) for p in range(size)]
    table = pd.DataFrame(rows, columns=["true", "predicted", "count"])
    assert class_figures.confusion(table, tuple(map(str, range(size))), "x").data[0].texttemplate is None


# Ratios.

EDGES = [-2.0, -1.0, 0.0, 1.0, 2.0]
HISTOGRAM = {"counts": [5.0, 4.0, 3.0, 2.0], "edges": EDGES}


def lines(figure: go.Figure) -> list[float]:
    assert all(shape.type == "line" and shape.x0 == shape.x1 for shape in figure.layout.shapes)
    return [shape.x0 for shape in figure.layout.shapes]


@pytest.mark.parametrize("alpha, ceiling", [(4.3, 9.78), (0.1, 2.0), (100.0, 9.78)])
def test_alpha_and_the_ceiling_stand_at_their_logarithms(alpha, ceiling):
    figure = ssd_figures.ratio_histogram(HISTOGRAM, alpha, 1.0, ceiling)
    assert lines(figure) == pytest.approx([log10(alpha), log10(ceiling)])
    assert [note.text for note in figure.layout.annotations] == [f"α = {alpha:.2f}", f"n/k = {ceiling:.2f}"]
    assert figure.layout.shapes[0].line.dash == "solid"
    assert figure.layout.shapes[1].line.dash == "dot"  # told apart without colour


@pytest.mark.parametrize("alpha, ceiling", [(4.3, 9.78), (0.1, 9.78), (100.0, 9.78), (1.0, 5000.0)])
def test_both_lines_are_in_sight(alpha, ceiling):
    figure = ssd_figures.ratio_histogram(HISTOGRAM, alpha, 1.0, ceiling)
    low, high = figure.layout.xaxis.range
    assert low <= min(lines(figure)) <= max(lines(figure)) <= high
    assert low <= EDGES[0] < EDGES[-1] <= high


def test_bars_right_of_alpha_are_the_dampened_ones():
    left, right = ssd_figures.ratio_histogram(HISTOGRAM, 1.0, 0.5, 9.78).data
    assert (left.name, list(left.y), left.marker.color) == ("left alone", [5, 4, 0, 0], QUIET)
    assert (right.name, list(right.y), right.marker.color) == ("dampened", [0, 0, 3, 2], ACCENT)
    assert (list(left.x)[:2], list(left.width)) == ([-1.5, -0.5], [1, 1, 0, 0])
    assert (list(right.x)[2:], list(right.width)) == ([0.5, 1.5], [0, 0, 1, 1])


def test_a_bar_that_alpha_goes_through_changes_its_colour_there():
    left, right = ssd_figures.ratio_histogram(HISTOGRAM, 10**0.25, 0.5, 9.78).data
    assert (list(left.y), list(right.y)) == ([5, 4, 3, 0], [0, 0, 3, 2])
    assert (left.x[2], left.width[2], right.x[2], right.width[2]) == pytest.approx((0.125, 0.25, 0.625, 0.75))
    assert [row[2] for row in right.customdata] == ["", "", ", the threshold goes through them", ""]  # the 3 are not all dampened


def test_a_weight_that_lambda_would_enlarge_is_left_alone():
    assert list(ssd_figures.ratio_histogram(HISTOGRAM, 0.5, 10.0, 9.78).data[1].y) == [0, 0, 0, 2]


def test_an_estimator_without_a_ceiling_has_one_line():
    figure = ssd_figures.ratio_histogram(HISTOGRAM, 4.3, 1.0, None)
    assert lines(figure) == pytest.approx([log10(4.3)])
    assert figure.layout.xaxis.range[1] >= EDGES[-1]


def test_above_the_ceiling_nothing_is_dampened():
    assert sum(ssd_figures.ratio_histogram(HISTOGRAM, 1000.0, 1.0, 9.78).data[1].y) == 0


# Layers.


def test_layers_come_in_the_network_s_order_on_a_log_axis():
    layers = [{"layer": n, "weights": 1, "forget": f, "all": a} for n, f, a in (("b", 1e-3, 1e-4), ("a", 1e-5, 1e-2))]
    figure = ssd_figures.layer_importance(layers)
    assert [list(trace.x) for trace in figure.data] == [["b", "a"]] * 2
    assert {trace.name: list(trace.y) for trace in figure.data} == {"all training data": [1e-4, 1e-2], "forget set": [1e-3, 1e-5]}
    assert figure.layout.yaxis.type == "log"


def test_shares_are_drawn_from_zero():
    figure = ssd_figures.dampened_share({"conv": 0.25, "head": 0.75})
    assert (list(figure.data[0].x), list(figure.data[0].y)) == (["conv", "head"], [0.25, 0.75])
    assert figure.layout.yaxis.range[0] == 0
    assert figure.layout.yaxis.range[1] >= 0.75


def test_change_without_a_reference_is_the_unlearned_model_s_alone():
    moved = pd.DataFrame({"layer": ["a"], "distance": [0.1], "reference_distance": [np.nan]})
    assert [trace.name for trace in class_figures.layer_change(moved).data] == ["Unlearned"]


def test_few_classes_are_all_drawn_in_their_order_whatever_the_order_of_the_rows():
    table = accuracies(*MODELS)
    assert class_figures.most_changed(table.iloc[::-1], ()) == tuple(range(len(CLASSES)))
    for rows in (table, table.iloc[::-1]):
        figure = class_figures.class_shift(rows, CLASSES, (1,))
        assert list(figure.layout.yaxis.ticktext) == ["cat", "<b>dog ✕</b>", "owl"]
        assert [list(trace.x) for trace in dots(figure).values()] == [[0.0, 0.01, 0.02], [0.1, 0.11, 0.12], [0.2, 0.21, 0.22]]
