"""Figures of the Privacy page are functions of scores and tables: what they draw, and where their lines stand."""

from math import log

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from core.figures import plotly_layout
from core.figures.image_card import card_table, probabilities
from core.figures.palette import MODEL_COLOUR, MODEL_TITLE, SET_COLOUR
from core.figures.privacy.attack_figures import BINS, LEAST, distributions, roc_curves, shares_of
from core.figures.privacy.image_grids import COLUMNS, HEADING, MOST, grids_figure, grids_of, pictures
from core.figures.privacy.recoverability_figures import DIRECTIONS, graft_lines, probe_lines, relearn_curves
from core.figures.privacy.scores import (
    SCORES,
    SECOND,
    SHOWN,
    axis_range,
    models_of,
    nearest,
    predicted_members,
    scores_of,
    sides_of,
    thresholds,
)
from core.reports.recoverability import grafted_retain_accuracy

LOSS, CONFIDENCE = SCORES["loss"], SCORES["confidence"]
CLASSES = ("cat", "dog", "owl")
MODELS = ("original", "unlearned", "reference")
EXAMPLES = pd.DataFrame(
    {
        "set": ["forget", "forget", "retain", "test_forget", "test_retain", "test_retain"],
        "index": [7, 2, 0, 1, 0, 2],
        "label": [1, 1, 0, 1, 0, 2],
        **{f"{model}_loss": [0.1, 3.0, 0.001, 2.0, 0.02, 5.0] for model in MODELS},
        **{f"{model}_entropy": [0.2, 1.0, 0.01, 0.9, 0.1, 0.4] for model in MODELS},
        **{f"{model}_confidence": [2.3, -2.9, 6.9, -1.9, 3.9, -5.0] for model in MODELS},
        **{f"{model}_answer": [1, 0, 0, 2, 0, 1] for model in MODELS},
    }
)
VALUES = {"forget": np.full(20, 1.0), "retain": np.full(50, 0.01), "unseen": np.full(10, 3.0)}
BETWEEN = (-5.0, 5.0)
RELEARN = pd.DataFrame(
    [(m, s, a, 0.9) for m, curve in (("original", [1.0]), ("unlearned", [0.0, 0.6, 0.95]), ("reference", [0.0, 0.1, 0.3, 0.9]))
     for s, a in enumerate(curve)],
    columns=["model", "step", "accuracy", "target"],
)  # fmt: skip
PROBES = pd.DataFrame([(m, layer, 0.8) for m in MODELS for layer in ("b", "a")], columns=["model", "layer", "accuracy"])
GRAFT = pd.DataFrame(
    [(m, d, k, ("", "conv", "head")[k], k / 10, 1 - k / 10) for m in MODELS[1:] for d in DIRECTIONS for k in (0, 1, 2)],
    columns=["model", "direction", "k", "layer", "forget", "retain"],
)  # fmt: skip
RATES = (np.array([0.0, 0.1, 1.0]), np.array([0.0, 0.5, 1.0]))


def distribution(threshold: float = 2.0, above: bool = False, values: dict[str, np.ndarray] = VALUES) -> go.Figure:
    return distributions(values, LOSS, BETWEEN, threshold, above, 1.0)


def charts() -> dict[str, go.Figure]:
    answers = {model: np.full((6, 3), 1 / 3) for model in MODELS}
    return {
        "distributions": distribution(),
        "roc": roc_curves(dict.fromkeys(MODELS, RATES), {"unlearned": (0.1, 0.5), "reference": (0.0, 0.0)}, "unlearned"),
        "relearn": relearn_curves(RELEARN),
        "probes": probe_lines(PROBES),
        "graft": graft_lines(GRAFT, "model_below"),
        "probabilities": probabilities(answers, 0, CLASSES, 1),
    }


@pytest.mark.parametrize("name", charts())
def test_every_figure_names_its_axes_leaves_the_theme_alone_and_is_the_same_each_time(name):
    figure = charts()[name]
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text
    assert figure.layout.xaxis.fixedrange
    assert figure.layout.yaxis.fixedrange
    assert figure.layout.height >= plotly_layout.HEIGHT
    assert (figure.layout.paper_bgcolor, figure.layout.plot_bgcolor, figure.layout.font.color) == (None, None, None)
    assert figure.to_json() == charts()[name].to_json()


@pytest.mark.parametrize("name", ["distributions", "roc", "relearn", "probes", "graft"])
def test_lines_are_told_apart_without_colour(name):
    lines = [trace for trace in charts()[name].data if "lines" in trace.mode]
    looks = [(t.line.dash, t.line.width, t.marker.symbol if "markers" in t.mode else None) for t in lines]
    assert len(lines) >= 3
    assert len(set(looks)) == len(looks)


# Scores and thresholds.


def test_a_loss_is_drawn_as_minus_the_confidence():
    """Loss -ln p and confidence ln p / (1 - p) of the same p; the axis turns the one into the other."""
    for p in (1e-6, 0.1, 0.5, 0.9, 0.999999):
        place = float(LOSS.drawn(-log(p)))
        assert place == pytest.approx(-log(p / (1 - p)), rel=1e-6)
        assert LOSS.of(place) == pytest.approx(-log(p), rel=1e-6)
    assert float(CONFIDENCE.drawn(-2.5)) == CONFIDENCE.of(-2.5) == -2.5
    assert np.isfinite(LOSS.drawn(np.array([0.0, 1e-30, 700.0]))).all()


def test_one_axis_holds_nearly_all_values_of_all_networks():
    low, high = axis_range([np.array([0.01, 0.1]), np.array([5.0])], LOSS)
    assert low <= float(LOSS.drawn(0.0101)) < float(LOSS.drawn(4.9)) <= high
    many = np.concatenate([np.full(1000, 1.0), [1e-12]])
    assert axis_range([many], LOSS)[0] > float(LOSS.drawn(1e-3))  # one in a thousand does not stretch it
    for values in ([], [np.array([2.0])]):
        low, high = axis_range(values, CONFIDENCE)
        assert high - low >= 1


@pytest.mark.parametrize("score", SCORES.values(), ids=lambda score: score.key)
def test_thresholds_rise_cover_the_axis_and_have_texts_of_their_own(score):
    between, worst = (-8.0, 4.0), score.of(0.123456)
    options = thresholds(between, score, [worst])
    assert options == sorted(options)
    assert worst in options
    assert len({SHOWN(option) for option in options}) == len(options) >= 100
    assert (float(score.drawn(options[0])), float(score.drawn(options[-1]))) == pytest.approx(between)
    assert options == thresholds(between, score, [worst])
    assert abs(float(score.drawn(nearest(options, score.of(1.0)))) - 1.0) <= 0.05 + 1e-9


def test_a_network_that_diverged_is_the_worst_and_breaks_no_axis():
    broken = EXAMPLES.assign(unlearned_loss=[np.nan, np.inf, 800.0, 2.0, 0.0, 5e4], unlearned_confidence=[np.nan, -np.inf, 0, 0, 0, np.inf])
    losses = scores_of(broken, "unlearned", LOSS)
    assert losses.tolist() == [1000, 1000, 800, 2, 0, 1000]
    assert scores_of(broken, "unlearned", CONFIDENCE).tolist() == [-1000, -1000, 0, 0, 0, 1000]
    between = axis_range([losses], LOSS)
    options = thresholds(between, LOSS, [])
    assert 100 <= len(options) <= 202
    assert np.isfinite(options).all()
    assert (float(LOSS.drawn(options[0])), float(LOSS.drawn(options[-1]))) == pytest.approx(between)
    assert np.isfinite(distributions({"forget": np.tile(losses, 3)}, LOSS, between, 2.0, False, 1.0).data[0].y).all()


def test_a_member_is_at_the_threshold_too():
    assert predicted_members(np.array([1.0, 2.0, 3.0]), 2.0, above=True).tolist() == [False, True, True]
    assert predicted_members(np.array([1.0, 2.0, 3.0]), 2.0, above=False).tolist() == [True, True, False]


def test_unseen_are_the_forgotten_classes_test_images_and_the_kept_ones_where_wished():
    assert sides_of(EXAMPLES, alike=True, all_test=False).unseen.tolist() == [3]
    assert sides_of(EXAMPLES, alike=True, all_test=True).unseen.tolist() == [3, 4, 5]
    sides = sides_of(EXAMPLES, alike=False, all_test=False)
    assert {name: rows.tolist() for name, rows in sides.each().items()} == {"forget": [0, 1], "retain": [2], "unseen": [3, 4, 5]}


def test_a_run_without_a_reference_has_two_networks():
    assert models_of(EXAMPLES) == list(MODELS)
    assert models_of(EXAMPLES.drop(columns="reference_loss")) == ["original", "unlearned"]
    assert scores_of(EXAMPLES, "unlearned", LOSS).tolist() == [0.1, 3.0, 0.001, 2.0, 0.02, 5.0]


# Distributions.


def test_histograms_are_shares_of_their_own_set():
    shares = shares_of(VALUES, LOSS, BETWEEN)
    assert all(some.sum() == pytest.approx(1) and len(some) == BINS for some in shares.values())
    assert np.flatnonzero(shares["forget"]).tolist() == [int((float(LOSS.drawn(1.0)) + 5) / 10 * BINS)]
    figure = distribution()
    assert [trace.name for trace in figure.data] == ["Forget set (20)", "Retain set (50)", "Test images (10)"]
    assert [trace.line.color for trace in figure.data] == list(SET_COLOUR.values())
    assert [max(trace.y) for trace in figure.data] == [1, 1, 1]


def test_what_lies_beyond_the_axis_counts_at_its_end():
    shares = shares_of({"forget": np.array([1e-9] * 5 + [50.0] * 15)}, LOSS, BETWEEN)["forget"]
    assert (shares[0], shares[-1]) == (0.25, 0.75)


@pytest.mark.parametrize("threshold", [1e-6, 0.5, 2.0, 40.0])
@pytest.mark.parametrize("above", [True, False])
def test_the_line_stands_at_the_threshold_and_the_members_side_is_shaded(threshold, above):
    figure = distribution(threshold, above)
    line, shade = figure.layout.shapes
    place = float(LOSS.drawn(threshold))
    assert line.x0 == line.x1 == shade.x0 == place
    low, high = figure.layout.xaxis.range
    assert shade.x1 == (high if above else low)
    assert low < place < high
    assert low < BETWEEN[0] < BETWEEN[1] < high
    assert figure.layout.annotations[0].text == f"members {'≥' if above else '≤'} {threshold:.3g}"


def test_marks_of_the_axis_are_losses_at_their_places():
    axis = distribution().layout.xaxis
    assert [float(text) for text in axis.ticktext] == pytest.approx([LOSS.of(place) for place in axis.tickvals])
    assert len(axis.tickvals) >= 4
    assert np.diff(axis.tickvals).min() > 0.5
    assert distributions(VALUES, CONFIDENCE, BETWEEN, 0.0, True, 1.0).layout.xaxis.tickvals is None


def test_a_few_images_are_points_and_an_empty_set_is_nothing():
    figure = distribution(values={"forget": np.array([1.0]), "retain": VALUES["retain"], "unseen": np.array([])})
    point, line = figure.data
    assert (point.mode, point.name, list(point.x)) == ("markers", "Forget set (1)", [float(LOSS.drawn(1.0))])
    assert line.mode == "lines"


# ROC.


def test_the_roc_is_on_log_axes_and_nothing_lies_outside():
    figure = charts()["roc"]
    chance, *curves = figure.data[:4]
    assert list(chance.x) == list(chance.y) == [np.log10(LEAST), 0]
    assert [trace.name for trace in curves] == [MODEL_TITLE[model] for model in MODELS]
    assert list(curves[0].x) == pytest.approx([-3, -1, 0])
    assert list(curves[0].y) == pytest.approx([-3, np.log10(0.5), 0])
    mark, other = figure.data[4:]
    assert (mark.x[0], mark.y[0]) == pytest.approx((-1, np.log10(0.5)))
    assert (other.x[0], other.y[0]) == (-3, -3)  # rates of 0 stand at the edge
    assert figure.layout.xaxis.ticktext[0] == "≤ 0.1 %"


def test_the_second_reference_is_a_thin_line_in_the_reference_s_colour():
    titles = {**MODEL_TITLE, SECOND: "Second"}
    figure = roc_curves(dict.fromkeys((*MODELS, SECOND), RATES), {}, "unlearned", titles)
    line = next(trace.line for trace in figure.data if trace.name == "Second")
    looks = [(trace.line.dash, trace.line.width) for trace in figure.data]
    assert (line.color, line.width) == (MODEL_COLOUR["reference"], 1)
    assert len(set(looks)) == len(figure.data) == 5


# Walls and card.


def test_a_wall_is_one_outcome_the_surest_first():
    values = np.array([0.5, 0.1, 9.0, 8.0, 0.2, 3.0])
    sides = sides_of(EXAMPLES, alike=False, all_test=False)
    leak, missed, alarm, alone = grids_of(values, np.array([9.0, 0.1, 9, 9, 9, 9]), sides, 1.0, False, CONFIDENCE)
    assert leak.rows.tolist() == [1, 0]  # 0.1 is farther below 1 than 0.5
    assert (leak.total, leak.whole, leak.matched) == (2, 2, 1)
    assert (missed.rows.tolist(), missed.total, missed.matched) == ([], 0, 1)
    assert (alarm.rows.tolist(), alarm.matched) == ([4], 0)
    assert alone.rows.tolist() == [3, 5]
    assert all(wall.matched is None for wall in grids_of(values, None, sides, 1.0, False, CONFIDENCE))


def test_a_wall_shows_so_many_and_says_how_many_there_are():
    examples = pd.DataFrame({"set": ["forget"] * 50, "index": range(50)})
    sides = sides_of(examples, alike=False, all_test=False)
    wall = grids_of(np.arange(50.0), None, sides, 100.0, False, CONFIDENCE)[0]
    assert (wall.rows.tolist(), wall.total) == (list(range(MOST)), 50)


def images() -> dict[str, np.ndarray]:
    train, test = (np.arange(n * 4, dtype=np.uint8).reshape(n, 1, 2, 2) for n in (10, 3))
    return {"train_images": train, "test_images": test + 100, "peak": np.array(255)}


def test_pictures_come_from_the_training_or_the_test_images():
    shown = pictures(EXAMPLES, np.array([0, 3]), images())
    assert shown[:, 0, 0, 0].tolist() == [28, 104]  # training image 7, test image 1


def test_the_walls_points_lie_on_their_tiles_and_know_their_rows():
    walls = grids_of(np.array([0.5, 0.1, 9.0, 8.0, 0.2, 3.0]), None, sides_of(EXAMPLES, False, False), 1.0, False, CONFIDENCE)
    figure = figure_of(walls)
    assert [trace.name for trace in figure.data] == ["forget-called", "unseen-called", "unseen-missed"]  # nobody is missed
    points, _, alone = figure.data
    assert [list(data) for data in points.customdata] == [[1], [0]]
    assert [int(x) for x in points.x] == [0, 1]
    assert points.y.tolist() == pytest.approx([HEADING + 0.45] * 2)
    assert alone.y.tolist() == pytest.approx([4 * HEADING + 2 + 0.45] * 2)  # below four headings and two rows of images
    assert points.marker.opacity == points.selected.marker.opacity == points.unselected.marker.opacity == 0
    assert points.text[1] == "forget set, index 7<br>class dog, predicted dog<br>loss 0.1"
    pictured = figure.layout.images
    assert [picture.y for picture in pictured] == pytest.approx([HEADING, 3 * HEADING + 1, 4 * HEADING + 2])
    assert pictured[0].source.startswith("data:image/png;base64,")
    assert (pictured[0].sizex, pictured[0].sizey) == (COLUMNS, 1)
    assert tuple(figure.layout.yaxis.range) == pytest.approx((4 * HEADING + 3, 0))
    headings = [note.text for note in figure.layout.annotations]
    assert headings[0] == "<b>Forget set, called members</b><br>2 of 2 · leaks, where the attack beats chance"
    assert headings[1] == "<b>Forget set, not called members</b><br>0 of 2 · none"
    assert figure.to_json() == figure_of(walls).to_json()


def figure_of(walls, examples=EXAMPLES):
    shown = {wall.key: pictures(examples, wall.rows, images()) for wall in walls if len(wall.rows)}
    return grids_figure(walls, shown, 255, examples, CLASSES, "unlearned", LOSS)


def test_a_heading_says_how_many_there_are_under_the_reference():
    values = np.array([0.5, 0.1, 9.0, 8.0, 0.2, 3.0])
    walls = grids_of(values, np.full(6, 9.0), sides_of(EXAMPLES, False, False), 1.0, False, CONFIDENCE)
    assert "2 of 2 (reference: 0) · leaks, if more than there" in figure_of(walls).layout.annotations[0].text


def test_a_wall_says_which_images_the_request_labelled_wrongly():
    walls = grids_of(np.array([0.5, 0.1, 9.0, 8.0, 0.2, 3.0]), None, sides_of(EXAMPLES, False, False), 1.0, False, CONFIDENCE)
    shown = figure_of(walls, EXAMPLES.assign(truth=[2, 1, 0, 1, 0, 2])).data[0].text
    assert list(shown) == [
        "forget set, index 2<br>class dog, predicted cat<br>loss 3",
        "forget set, index 7<br>labelled dog (wrongly, by the request), truly owl, predicted dog<br>loss 0.1",
    ]


def test_a_card_marks_the_wrong_label_beside_the_true_class():
    figure = probabilities({"unlearned": np.full((6, 3), 1 / 3)}, 0, CLASSES, 2, 1)
    assert list(figure.data[0].x) == ["cat", "<b>dog ✗</b>", "<b>owl ✓</b>"]
    assert figure.layout.xaxis.title.text == "class (✓ = true, ✗ = the wrong label)"
    many = {"unlearned": np.linspace(0, 1, 100)[None]}
    assert list(probabilities(many, 0, tuple(map(str, range(100))), 3, 5).data[0].x)[:2] == ["<b>3 ✓</b>", "<b>5 ✗</b>"]


def test_a_card_tells_three_networks_apart_and_marks_the_true_class():
    answers = {model: np.eye(3)[[i] * 6] for i, model in enumerate(MODELS)}
    figure = probabilities(answers, 0, CLASSES, 1)
    assert [trace.name for trace in figure.data] == [MODEL_TITLE[model] for model in MODELS]
    assert [list(trace.y) for trace in figure.data] == np.eye(3).tolist()
    assert list(figure.data[0].x) == ["cat", "<b>dog ✓</b>", "owl"]
    assert [trace.marker.line.color for trace in figure.data] == list(MODEL_COLOUR.values())
    table = card_table(EXAMPLES, 1, CLASSES, list(MODELS), list(SCORES.values()))
    assert list(table.columns) == ["", "Original", "Unlearned", "Reference"]
    assert table["Unlearned"].tolist() == ["cat", "3", "1", "-2.9"]


def test_of_many_classes_the_likeliest_and_the_true_one_are_shown():
    answers = {"unlearned": np.linspace(0, 1, 100)[None]}
    names = list(probabilities(answers, 0, tuple(map(str, range(100))), 3).data[0].x)
    assert names == ["<b>3 ✓</b>", *map(str, range(88, 100))]


# Bringing it back.


def test_relearning_is_drawn_from_the_first_step_to_the_target():
    target, *curves = relearn_curves(RELEARN).data
    assert (target.name, list(target.x), list(target.y)) == ("Brought back (90 %)", [0, 3], [0.9, 0.9])
    assert {trace.name: list(trace.y) for trace in curves} == {
        "Original": [1.0], "Unlearned": [0.0, 0.6, 0.95], "Retrained reference": [0.0, 0.1, 0.3, 0.9],
    }  # fmt: skip


def test_layers_come_in_the_table_s_order():
    assert [list(trace.x) for trace in probe_lines(PROBES).data] == [["b", "a"]] * 3
    assert probe_lines(PROBES).layout.shapes[0].y0 == 0.5
    low = PROBES.assign(accuracy=0.2)
    assert probe_lines(low).layout.yaxis.range[0] < 0.2


def test_a_graft_has_a_thick_and_a_thin_line_for_each_network():
    figure = graft_lines(GRAFT, "original_below")
    assert [trace.name for trace in figure.data] == [
        "Unlearned, forgotten", "Unlearned, kept", "Retrained reference, forgotten", "Retrained reference, kept",
    ]  # fmt: skip
    assert list(figure.data[0].x) == ["0", "1 conv", "2 head"]
    assert list(figure.data[0].y) == [0, 0.1, 0.2]
    assert list(figure.data[1].y) == [1, 0.9, 0.8]
    assert [trace.line.width for trace in figure.data] == [3, 1, 3, 1]


def test_the_kept_images_under_the_original_s_last_layer_are_read_off_the_last_graft_but_one():
    assert grafted_retain_accuracy(GRAFT) == {"unlearned": 0.9, "reference": 0.9}  # k = 1 of 2
    assert grafted_retain_accuracy(GRAFT[:0]) == {}


def test_without_a_reference_its_lines_are_left_out():
    for figure, count in ((relearn_curves(RELEARN[RELEARN["model"] != "reference"]), 3), (probe_lines(PROBES[:4]), 2),
                          (graft_lines(GRAFT[GRAFT["model"] == "unlearned"], "model_below"), 2)):  # fmt: skip
        assert len(figure.data) == count
        assert not [trace for trace in figure.data if "reference" in trace.name]
