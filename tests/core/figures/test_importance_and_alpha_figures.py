"""Figures of the Parameters page, on tables small enough to be read: what is where, and what a gap is."""

from base64 import b64encode
from math import log10

import numpy as np
import pytest

from core.figures.palette import ACCENT
from core.figures.parameters import importance_and_alpha_figures as drawn
from core.figures.parameters import weight_change_figures as changes
from core.figures.ssd_figures import ratio_histogram
from dashboard.components.parameters.importance_panel import filter_table, strip
from dashboard.components.parameters.ssd_explorer import steps

QUARTILES = {"forget": [-5.0, -4.0, -3.0, -2.0, -1.0], "all": [-4.0, -3.5, -3.0, -2.5, -2.0], "ratio": None}
LAYERS = [
    {"layer": "conv", "weights": 9, "forget": 0.01, "all": 0.001, "ratio": 10.0, "bands": QUARTILES},
    {"layer": "dead", "weights": 4, "forget": 0.0, "all": 0.0, "ratio": None, "bands": dict.fromkeys(QUARTILES)},
]


def test_the_histogram_marks_alpha_the_ceiling_and_the_automatic_value():
    histogram = {"counts": [5.0, 3.0, 2.0], "edges": [-1.0, 0.0, 0.5, 1.0]}
    figure = ratio_histogram(histogram, 2.0, 1.0, 10.0, 4.0)
    assert [shape.x0 for shape in figure.layout.shapes] == pytest.approx([log10(2), 1, log10(4)])
    assert [note.text for note in figure.layout.annotations] == ["α = 2.00", "n/k = 10.00", "percentile"]
    left, dampened = (list(trace.y) for trace in figure.data)
    assert (left, dampened) == ([5, 3, 0], [0, 3, 2])  # log 2 = 0.3 cuts the middle one
    assert len(ratio_histogram(histogram, 4.0, 1.0, None, 4.0).layout.shapes) == 1  # the automatic value is the chosen one


def test_an_alpha_of_0_stands_at_the_left_end_of_a_log_axis():
    histogram = {"counts": [5.0, 3.0, 2.0], "edges": [-1.0, 0.0, 0.5, 1.0]}
    assert [shape.x0 for shape in ratio_histogram(histogram, 2.0, 0.0, None, 0.0).layout.shapes] == pytest.approx([log10(2), -12])
    chosen = ratio_histogram(histogram, 0.0, 0.0, None, 0.0)
    assert [shape.x0 for shape in chosen.layout.shapes] == [-12]
    assert list(chosen.data[1].y) == [5, 3, 2]  # all are dampened
    shapes, notes = drawn.marks(0.0, 1.0, None)
    assert ([shape["x0"] for shape in shapes], [note["text"] for note in notes]) == ([-12, 0], ["α = 0", "percentile"])


def test_the_slider_goes_over_the_whole_axis_and_has_the_run_s_own_and_the_automatic_value():
    values = steps(4.2, (0.02, 400.0), 294.123)
    assert (values[0], values[-1]) == (pytest.approx(0.02), pytest.approx(400))
    assert {4.2, 294.123} <= set(values)
    assert len({f"{value:.3g}" for value in values}) == len(values) >= 121
    assert steps(0.5, (0.999, 1.001), 0.0)[0] == 0


def test_betas_stand_in_equal_bins_from_0_to_1():
    (bars,) = drawn.beta_bars([4, 0, 1, 2]).data
    assert list(bars.x) == [0.125, 0.375, 0.625, 0.875]
    assert list(bars.y) == [4, 0, 1, 2]


def test_the_curve_leaves_out_parts_of_the_data_that_are_empty_and_marks_alpha():
    accuracies = {"forget": [0.0, 1.0], "retain": [0.9, 1.0], "test_forget": [None, None], "test_retain": [0.8, 0.9]}
    figure = drawn.alpha_lines([0.1, 10.0], accuracies, 1.0, 3.0, None)
    assert [trace.name for trace in figure.data] == ["forget set", "retain set", "test retain set"]
    assert list(figure.data[0].x) == [-1, 1]
    assert [shape.x0 for shape in figure.layout.shapes] == pytest.approx([0, log10(3)])


def test_the_importance_map_is_on_log_scales_and_a_layer_without_importance_is_a_gap():
    above, below = drawn.importance_map(LAYERS).data
    assert above.z[0][0] == pytest.approx(-3)  # all data
    assert above.z[1][0] == pytest.approx(-2)  # the forget set
    assert below.z[0][0] == 1
    assert np.isnan([above.z[0][1], above.z[1][1], below.z[0][1]]).all()
    assert (below.zmin, below.zmax) == (-1, 1)  # 1, no difference, in the middle
    assert list(below.text[0]) == ["10", ""]


def test_bands_are_boxes_of_the_quantiles_and_dead_layers_have_none():
    grey, pink = drawn.bands(LAYERS, ["all", "forget"], "importance").data
    assert (list(pink.x), list(pink.lowerfence), list(pink.q1), list(pink.median), list(pink.q3), list(pink.upperfence)) == (
        ["conv"], [-5], [-4], [-3], [-2], [-1],
    )  # fmt: skip
    assert list(grey.q1) == [-3.5]
    (empty,) = drawn.bands(LAYERS, ["ratio"], "ratio").data
    assert len(empty.x) == 0


def test_a_kernel_map_counts_channels_in_blocks_and_centres_a_ratio_of_1():
    (cells,) = drawn.kernels([[1.0, 100.0], [None, 0.1]], [2, 3], "ratio").data
    assert (list(cells.x), list(cells.y)) == ([0, 3], [0, 2])
    assert [list(row) for row in cells.z] == [[0, 2], [pytest.approx(np.nan, nan_ok=True), -1]]
    assert (cells.zmin, cells.zmax) == (-2, 2)
    (plain,) = drawn.kernels([[0.0, 0.5]], [1, 1], "change", ratio=False).data
    assert (plain.zmin, plain.zmax, list(plain.z[0])) == (0, 0.5, [0, 0.5])


def test_rows_are_runs_and_columns_layers_and_what_did_not_move_is_empty():
    (cells,) = changes.by_layer([[0.0, 2.5], [0.25, 0.5]], ["ssd", "retrain"], ["a", "b"], "relative change").data
    assert (list(cells.y), list(cells.x)) == (["ssd", "retrain"], ["a", "b"])
    assert [list(row) for row in cells.text] == [["", "2.5"], ["0.25", "0.5"]]
    assert cells.z[0][1] == 1  # the colour ends there
    assert cells.customdata[0][1] == 2.5  # the number does not
    (shares,) = changes.by_layer([[0.125]], ["ssd"], ["a"], "moved", shares=True).data
    assert shares.text[0][0] == "12"


def test_overlaps_are_in_percent_and_a_gap_where_neither_moved():
    (cells,) = changes.overlaps([[1.0, 0.25], [0.25, None]], ["ssd", "original"]).data
    assert [list(row) for row in cells.text] == [["100", "25"], ["25", ""]]


def test_bars_of_filters_stand_in_the_layers_order():
    (bars,) = changes.filters([0.5, None, 0.1]).data
    assert (list(bars.x), bars.marker.color) == ([0, 1, 2], ACCENT)
    assert bars.y[1] is None or np.isnan(bars.y[1])


def test_a_row_of_the_table_is_a_filter_with_its_images_as_strips():
    images = np.zeros((1, 4, 1, 8, 8), np.uint8)
    answer = {
        "channels": [[7, 2.5, 1.0, 0.25]], "images": b64encode(images.tobytes()).decode(), "shape": list(images.shape), "peak": 16,
        "kernels": None, "kernel_shape": None, "looked_at": {"forget": 9, "retain": 9},
    }  # fmt: skip
    row = filter_table(answer).iloc[0]
    assert (row["Channel"], row["Ratio"], row["Forget / retain response"]) == (7, 2.5, "1.00 / 0.25")
    assert "Filter" not in row
    assert row["Forget images"].startswith("data:image/png;base64,")
    few = filter_table({**answer, "looked_at": {"forget": 1, "retain": 9}}).iloc[0]
    assert few["Forget images"] == strip(images[0, :1], 16)  # a forget set of one image is not shown as two
    assert few["Retain images"] == row["Retain images"]


def test_large_images_are_thinned_before_they_are_sent():
    small, large = (strip(np.random.default_rng(0).integers(0, 255, (1, 3, side, side), np.uint8), 255) for side in (64, 256))
    assert len(large) < 1.5 * len(small)
