"""Frames as pure functions of hand-made arrays: what they count, what they draw, what they say where something is missing."""

from math import log10

import numpy as np
import pandas as pd
import pytest

from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.figures.inside import aru, shared_frames, ssd, ssse, unsir
from core.figures.inside import weight_perturbation as perturbation
from core.figures.inside.figures import Line, bars, kernels, level, lines, tiled
from core.figures.inside.frames import Panel, Story, missing
from core.figures.palette import ACCENT, MODEL_DASH, QUIET
from dashboard.components.inside.player import rows

LAYERS = ("conv1.weight", "conv1.bias", "conv2.weight", "classifier.weight")


def story(recorded=None, request="class:1", multi=False, **params):
    def table(name):
        raise WrongInput(f"no table {name}")

    arrays = {name: np.asarray(array, dtype=float) for name, array in (recorded or {}).items()}
    return Story("A method", params, parse_request(request), ("a", "b*", "c"), arrays, table, LAYERS, multi)


def named(figure):
    return {trace.name: trace for trace in figure.data}


# What a story hands out.


def test_recordings_come_in_the_networks_order_blocks_of_layers_too():
    told = story({"x/conv2.weight": 1, "x/classifier.weight": 2, "x/conv1.weight": 3, "y/conv1.bias": 4})
    assert list(told.under("x")) == ["conv1.weight", "conv2.weight", "classifier.weight"]
    blocks = story({"ssse/conv2/spectrum": 1, "ssse/classifier/spectrum": 1, "ssse/conv1/spectrum": 1, "ssse/actual": 1})
    assert list(blocks.under("ssse")) == ["conv1/spectrum", "conv2/spectrum", "classifier/spectrum", "actual"]


def test_only_whole_classes_count_as_forgotten():
    assert story().forgotten == (1,)
    assert story(request="random:0.1").forgotten == ()


def test_a_missing_frame_says_what_is_not_there_and_what_to_do():
    frame = missing("The attack", "attacked images")
    assert "recorded no attacked images" in frame.sentence
    assert "run it again" in frame.sentence
    assert not frame.panels()


# The kinds of figure.


def test_a_matrix_is_drawn_as_it_is_until_its_sides_are_too_long():
    small = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(tiled(small, 3), small)
    large = np.arange(24.0).reshape(4, 6)
    assert tiled(large, 2).tolist() == [[4.0, 7.0], [16.0, 19.0]]  # means of 2 x 3 tiles
    assert tiled(np.ones((97, 5)), 96).shape == (96, 5)
    assert tiled(np.arange(5.0)[:, None], 2).ravel().tolist() == [0.5, 3.0]  # of 2 and of 3 rows


def test_a_kernel_map_ends_at_its_largest_cell_and_a_mask_at_one():
    assert kernels(np.array([[0.0, 2.0]])).data[0].zmax == 2.0
    assert kernels(np.zeros((2, 2))).data[0].zmax == 1.0
    assert kernels(np.array([[0, 1]], dtype=np.uint8), of_bits=True).data[0].zmax == 1


def test_lines_stand_at_a_frame_and_a_level_goes_across():
    figure = lines([Line("loss", [3.0, 2.0, 1.0]), level(0.5, "stop", 2)], "step", "nats", at=1)
    assert list(named(figure)["loss"].x) == [0, 1, 2]
    assert list(named(figure)["stop"].y) == [0.5, 0.5]
    assert list(named(figure)["stop"].x) == [0, 2]
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == 1


def test_shares_go_from_nothing_to_all():
    assert tuple(bars(["a"], [0.3], "x", "y", share=True).layout.yaxis.range) == (0, 1.04)


# Selective Synaptic Dampening.


def test_dampened_weights_are_those_with_a_factor_below_one():
    told = ssd.dampened({"conv1.weight": np.array([[1.0, 0.5], [0.26, 1.0]]), "conv1.bias": np.array([1.0, 1.0]), "x": np.zeros(2)})
    assert told["share"] == {"conv1.weight": 0.5, "conv1.bias": 0.0, "x": 1.0}
    assert told["left"]["conv1.weight"] == pytest.approx(0.38)
    assert np.isnan(told["left"]["conv1.bias"])
    assert told["all"] == 0.5
    assert told["counts"].sum() == 4
    assert told["counts"][0] == 2  # the two that were erased


VIEW = {"histogram": {"counts": [10, 20, 5, 3], "edges": [-2.0, -1.0, 0.0, 1.0, 2.0]}, "ceiling": 50.0, "layers": []}


def test_the_ratios_keep_their_axes_while_alpha_and_the_selected_come_in():
    figures = [ssd.ratios(VIEW, 4.0, 1.0, stage) for stage in range(3)]
    assert len({tuple(figure.layout.xaxis.range) for figure in figures}) == 1
    assert [len(figure.layout.shapes) for figure in figures] == [0, 2, 2]
    assert figures[1].layout.shapes[0].x0 == pytest.approx(log10(4))
    assert figures[1].layout.shapes[1].x0 == pytest.approx(log10(50))
    assert list(named(figures[1])["dampened"].y) == [0, 0, 0, 0]
    assert list(named(figures[2])["dampened"].y) == [0, 0, 5, 3]  # log 4 = 0.6 cuts the third bar
    assert list(named(figures[2])["left alone"].y) == [10, 20, 5, 0]
    assert named(figures[2])["dampened"].width[2] == pytest.approx(1 - log10(4))


def test_a_weight_is_dampened_only_where_its_ratio_is_above_lambda_too():
    assert list(named(ssd.ratios(VIEW, 0.1, 4.0, 2))["dampened"].y) == [0, 0, 5, 3]
    assert list(named(ssd.ratios({**VIEW, "ceiling": None}, 0.1, 0.5, 2))["dampened"].y) == [0, 20, 5, 3]


def test_the_story_of_ssd_has_its_six_frames_and_says_who_chose_alpha():
    told = story({"dampening/conv1.weight": [0.5, 1.0], "ssd/alpha": 4.25}, **{"alpha": "auto", "lambda": 1.0})
    found = ssd.frames(told, lambda: VIEW)
    assert len(found) == 6
    assert "α = 4.25 (the adaptive rule chose it)" in found[2].sentence
    assert len(found[5].panels()) == 2
    by_hand = ssd.frames(story({"dampening/conv1.weight": [0.5], "ssd/alpha": 2.0}, **{"alpha": 2.0, "lambda": 1.0}), lambda: VIEW)
    assert "it was set by hand" in by_hand[2].sentence


# Single-Step Sample Erasure.


def of_ssse(**more):
    return {
        "ssse/conv1/spectrum": [4.0, 1.0, 0.01], "ssse/conv1/damping": 0.5, "ssse/conv1/cosine_with_ascent": 0.25,
        "ssse/conv1/mean_gradient_norm": 0.1, "ssse/conv1/predicted": [1.0, 2.0],
        "ssse/classifier/spectrum": [9.0, 0.1], "ssse/classifier/damping": 0.2, "ssse/classifier/cosine_with_ascent": 0.75,
        "ssse/classifier/predicted": [0.5, -1.0], "ssse/actual": [3.0, 0.5], "ssse/path": [0, 1], "ssse/path_loss": [0.1, 0.9],
        "step/conv1.weight": [[3.0], [4.0]], **more,
    }  # fmt: skip


def test_stiff_directions_are_counted_above_their_own_blocks_damping():
    found = ssse.frames(story(of_ssse()), lambda: None)
    assert "3 of the 5 directions" in found[1].sentence  # 4 and 1 above 0.5, 9 above 0.2
    assert "cosines go from 0.25 to 0.75" in found[2].sentence


def test_a_direction_keeps_the_share_that_damping_leaves_it():
    left = named(ssse.spared({"conv1": np.array([4.5, 0.5])}, {"conv1": 0.5}))["conv1"].y
    assert list(left) == pytest.approx([0.1, 0.5])


def test_blocks_are_drawn_from_the_stiffest_and_not_all_of_many():
    blocks = {f"b{i}": np.array([float(i)]) for i in range(9)}
    assert ssse.largest(blocks) == ["b8", "b7", "b6", "b5", "b4", "b3"]
    assert [t.name for t in ssse.spectra({"b1": blocks["b1"]}, {"b1": 0.5}).data] == ["b1", "λ of b1"]
    many = ssse.spectra(blocks, dict.fromkeys(blocks, 0.5)).data
    assert [t.name for t in many if t.showlegend is not False] == ssse.largest(blocks)  # of many, the dashes alone tell λ


def test_the_promise_is_the_sum_of_the_blocks_promises():
    promised, along = ssse.frames(story(of_ssse()), lambda: None)[3].panels()
    points = named(promised.figure)["an image of the forget set"]
    assert list(points.x) == [1.5, 1.0]
    assert list(points.y) == [3.0, 0.5]
    assert "1.75 nats, promised were 1.25" in promised.how
    assert list(along.figure.data[0].x) == [0, 1]


def test_the_steps_length_is_told_by_tensor():
    _, lengths = ssse.frames(story(of_ssse()), lambda: None)[2].panels()
    assert list(lengths.figure.data[0].y) == [5.0]


def test_the_path_marks_where_t_stands_for_every_set():
    curve = {"t": [0.0, 1.0], "forget": {"loss": [0.0, 2.0], "accuracy": [1.0, 0.0]}, "retain": {"loss": [0.0, 0.1], "accuracy": [1.0,
        0.9]}}
    now = {"forget": {"loss": 1.1, "accuracy": 0.4}, "retain": {"loss": 0.05, "accuracy": 0.95}}
    marks = named(ssse.path(curve, now, 0.5, "accuracy"))["at t"]
    assert list(marks.x) == [0.5, 0.5]
    assert list(marks.y) == [0.4, 0.95]


# Attack-and-Reset.


def of_aru():
    return {
        "aru/images": np.zeros((5, 1, 8, 8)), "aru/noise": np.full((5, 1, 8, 8), 0.1), "aru/attack_loss": [0.5, 0.25, 0.125],
        "aru_difference/conv1.weight": [[0.0, 1.0], [2.0, 3.0]], "aru_mask/conv1.weight": [[1, 0], [1, 1]],
        "aru_difference/conv2.weight": [[1.0, 1.0]], "aru_mask/conv2.weight": [[0, 0]],
        "aru/healing": [[0.2, 0.3], [0.1, 0.9]],
    }  # fmt: skip


SETTINGS = {"radius": 0.1, "mask": "aru", "reset": "init"}


def test_noise_at_its_largest_is_white_and_none_is_grey():
    def middle(noise):
        (panel,) = aru.frames(story({**of_aru(), "aru/noise": noise}, **SETTINGS), None, lambda: None, lambda: None)[0].panels()
        third = panel.grid.shape[0] // 3
        return set(np.unique(panel.grid[third + 4 : 2 * third - 4]))

    assert middle(np.full((5, 1, 8, 8), 0.1)) == {127, 255}  # gaps, and tiles
    assert middle(np.zeros((5, 1, 8, 8))) == {127, 128}
    assert middle(np.full((5, 1, 8, 8), -0.1)) == {127, 0}


def test_the_attacked_images_stand_below_the_images_they_were_made_of():
    images = np.zeros((5, 1, 8, 8))
    images[2] = 0.5
    (panel,) = aru.frames(story({**of_aru(), "aru/images": images}, **SETTINGS), None, lambda: None, lambda: None)[0].panels()
    tall, wide, _ = panel.grid.shape
    centres = [[int(panel.grid[(2 * row + 1) * tall // 6, (2 * column + 1) * wide // 10, 0]) for column in range(5)] for row in (0, 2)]
    assert centres == [[0, 0, 128, 0, 0], [26, 26, 153, 26, 26]]  # 0.1 and 0.6 of 255


def test_a_wall_enlarges_small_images_and_cuts_what_lies_beyond():
    wall = aru.grid_of(np.array([[[[-1.0, 2.0]]], [[[0.0, 1.0]]]]), across=2)
    assert wall.ndim == 3
    assert wall.shape[1] >= 2 * 24
    assert wall[0, 0].tolist() == [0, 0, 0]
    assert wall[0, -1].tolist() == [255, 255, 255]


def test_each_convolution_has_a_frame_with_its_matrix_its_mask_and_its_filters():
    found = aru.frames(story(of_aru(), **SETTINGS), None, lambda: None, lambda: None)
    assert [frame.title for frame in found[2:4]] == [r"Which slices go: conv1\.weight", r"Which slices go: conv2\.weight"]
    assert "75 % of this layer" in found[2].sentence
    matrix, mask, filters = found[2].panels()
    assert matrix.figure.data[0].z.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert mask.figure.data[0].z.tolist() == [[1, 0], [1, 1]]
    assert list(filters.figure.data[0].y) == [0.5, 1.0]
    slices, whole = found[4].panels()
    assert list(slices.figure.data[0].y) == [0.75, 0.0]
    assert list(whole.figure.data[0].y) == [0.5, 0.0]


def test_the_frames_say_which_way_the_noise_goes_and_offer_the_other():
    drawn = []
    down, up = (aru.frames(story(of_aru(), **SETTINGS | way), None, lambda: None, lambda: drawn.append(1))
                for way in ({}, {"direction": "maximise"}))  # fmt: skip
    assert ["imitates" in down[0].title, "surer of it" in down[0].sentence, "descent" in down[1].sentence] == [True] * 3
    assert ["hides" in up[0].title, "less sure of it" in up[0].sentence, "ascent" in up[1].sentence] == [True] * 3
    assert "lowers the loss." in down[5].sentence
    assert "raises the loss." in up[5].sentence
    down[5].panels()[0].draw()
    assert drawn == [1]
    figure = aru.shared_slices({"conv1.weight": np.array(0.5), "conv2.weight": np.array(np.nan)})
    assert list(figure.data[0].x) == ["conv1.weight", "conv2.weight"]
    assert figure.data[0].y[0] == 0.5


def test_of_many_convolutions_some_are_shown_evenly_and_it_says_so():
    assert aru.evenly_spaced(list("abcde"), 3) == ["a", "c", "e"]
    many = {f"aru_{what}/conv{i}.weight": [[1.0]] for i in range(20) for what in ("difference", "mask")}
    found = aru.frames(story({**of_aru(), **many}, **SETTINGS), None, lambda: None, lambda: None)
    assert sum(frame.title.startswith("Which slices go") for frame in found) == aru.LAYERS
    assert "8 of 20 convolutions are shown" in found[2].sentence


def test_healing_stands_beside_its_control_or_offers_one():
    drawn = []
    alone = aru.frames(story(of_aru(), **SETTINGS), None, lambda: drawn.append(1), lambda: None)[-1]
    assert "its ablation would tell" in alone.sentence
    alone.panels()[-1].draw()
    assert drawn == [1]
    beside = aru.frames(story(of_aru(), **SETTINGS), np.array([[0.4, 0.5], [0.3, 0.8]]), lambda: None, lambda: None)[-1]
    forget, retain = beside.panels()
    assert list(named(forget.figure)["random mask"].y) == [0.4, 0.3]
    assert list(named(retain.figure)["this run"].y) == [0.3, 0.9]
    control = aru.frames(story(of_aru(), **{**SETTINGS, "mask": "random"}), None, lambda: None, lambda: None)[-1]
    assert len(control.panels()) == 2


# UNSIR.


def test_noise_becomes_pixels_by_the_training_sets_mean_and_deviation():
    noise = np.array([[[[2.0]], [[-1.0]]]])
    assert unsir.pixels(noise, ((0.5, 0.2), (0.25, 0.1))).ravel().tolist() == pytest.approx([1.0, 0.1])
    assert unsir.stretched(np.array([0.4, 0.5, 0.6])).tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert unsir.stretched(np.array([0.4, 0.4])).tolist() == [0.0, 0.0]


def of_unsir():
    return {
        "unsir_noise/1/frames": np.zeros((3, 2, 1, 4, 4)), "unsir_noise/1/curve": [[1.0, 9.0], [2.0, 8.0], [3.0, 7.0], [4.0, 6.0]],
        "unsir/retain": [1.0, 0.5, 0.9],
    }  # fmt: skip


def test_the_noise_grows_over_its_moments_and_is_asked_about_at_each():
    answers = {"1": [[[0.2, 0.6, 0.2], [0.0, 0.8, 0.2]], [[0.5, 0.0, 0.5]] * 2, [[0.9, 0.0, 0.1]] * 2]}
    found = unsir.frames(story(of_unsir(), noise="optimised", norm_mode="train"), ((0.5,), (0.25,)), lambda: answers)
    assert [frame.title for frame in found] == [
        *(rf"Noise against b\*: step {step} of 4" for step in (0, 2, 4)), "Impair", "Repair",
    ]  # fmt: skip
    assert "now 3.0 nats" in found[1].sentence  # the loss before the third step
    _, taken, growth = found[0].panels()
    assert list(taken.figure.data[0].y) == pytest.approx([0.1, 0.7, 0.2])
    assert list(taken.figure.data[0].marker.color) == [QUIET, ACCENT, QUIET]
    assert "BatchNorm" in taken.how
    assert growth.figure.layout.shapes[0].x0 == 0
    assert list(named(growth.figure)["squared length"].y) == [9.0, 8.0, 7.0, 6.0]


def test_repairing_is_not_shown_before_it_happened():
    impair, repair = unsir.frames(story(of_unsir(), noise="optimised"), ((0.5,), (0.25,)), dict)[-2:]
    assert np.isnan(impair.panels()[0].figure.data[0].y[2])
    assert repair.panels()[0].figure.data[0].y[2] == 0.9
    assert "from 100 % to 50 %" in impair.sentence


# Weight perturbation.

PLANE = {"reference": [2.0, 0.0], "unlearned": [0.4, 0.2], "moments": [[0, 0.0, 0.0, 0.0], [2, 0.3, 0.1, 0.05], [4, 0.4, 0.2, 0.0]]}


def of_perturbation():
    looks = np.array([[0.6, 0.0, 0.5, 0.1, 0.1], [0.4, 0.02, 0.6, 0.4, 0.1], [0.2, 0.04, 0.7, 0.9, 0.1], [0.1, 0.05, 0.8, 1.5, 0.2],
                      [0.05, 0.06, 0.9, 2.0, 0.2]])  # fmt: skip
    return {"perturbation/trajectory": looks, "perturbation/moments": [0, 2, 4], "perturbation/sketch": np.zeros((3, 4))}


PERTURBING = {"look_every": 20, "steps": 70, "tolerance": 0.02, "radius": 0.1}


def test_the_way_is_told_in_steps_and_ends_when_they_do():
    found = perturbation.frames(story(of_perturbation(), **PERTURBING), lambda: PLANE, dict)
    assert [frame.title for frame in found[1:4]] == [f"The way of the weights: {steps} steps" for steps in (0, 40, 70)]
    assert "the steps ran out first" in found[0].sentence
    assert "0.040 of their length" in found[2].sentence
    reached = perturbation.frames(story(of_perturbation(), **{**PERTURBING, "tolerance": 0.06}), lambda: PLANE, dict)
    assert "ran out" not in reached[0].sentence


def test_the_close_view_shows_the_way_so_far_on_axes_that_hold_all_of_it():
    early, late = (perturbation.close_up(PLANE, look) for look in (2, 4))
    assert list(named(early)["the way so far"].x) == [0.0, 0.3]
    assert list(named(late)["the way so far"].y) == [0.0, 0.1, 0.2]
    assert early.layout.xaxis.range == late.layout.xaxis.range
    assert np.array_equal(named(late)["the way so far"].customdata, [[0.0], [0.05], [0.0]])  # how far from the plane
    assert list(named(perturbation.full_plane(PLANE))["Retrained reference"].x) == [2.0]
    assert perturbation.full_plane(PLANE).layout.yaxis.scaleanchor == "x"


def test_confidences_are_counted_and_told_apart_by_dash_too():
    figure = perturbation.confidence({"original": np.array([0.99, 1.0, 0.97]), "unlearned": np.array([0.01, 0.02, 0.52])})
    assert named(figure)["Original"].y[-1] == 3
    assert named(figure)["Unlearned"].y[0] == 2
    assert named(figure)["Unlearned"].y[10] == 1  # of twenty bins, the one from 0.5
    assert named(figure)["Original"].line.dash == MODEL_DASH["original"] != named(figure)["Unlearned"].line.dash


def test_of_several_attributes_no_single_class_is_right_so_no_confidence_is_shown():
    whole, multi = (perturbation.frames(story(of_perturbation(), multi=multi, **PERTURBING), lambda: PLANE, dict) for multi in (False,
        True))
    assert len(multi) == len(whole) - 1


# Every other method, and every method's end.


def test_a_mask_is_told_by_layer():
    masks = {"salun_mask/conv2.weight": [1, 0, 0, 0], "salun_mask/conv1.weight": [1, 1]}
    idea, mask = shared_frames.method_frames(story(masks), "It does _this_.")
    assert idea.sentence == r"It does \_this\_\."
    assert "50 % of all weights" in mask.sentence
    assert list(mask.panels()[0].figure.data[0].x) == ["conv1.weight", "conv2.weight"]
    assert list(mask.panels()[0].figure.data[0].y) == [1.0, 0.25]


def test_healing_epochs_are_drawn_for_both_sets():
    _, healing = shared_frames.method_frames(story({"scrub/healing": [[1.0, 1.0], [0.2, 0.9]]}), "About.")
    assert [list(trace.y) for trace in healing.panels()[0].figure.data] == [[1.0, 0.2], [1.0, 0.9]]


def test_the_answers_of_the_forget_set_are_shares_of_it():
    rows = [("forget", "original", 1, 1, 8), ("forget", "unlearned", 1, 0, 6), ("forget", "unlearned", 1, 2, 2), ("test", "unlearned", 1,
        1, 99)]
    table = pd.DataFrame(rows, columns=["split", "model", "true", "predicted", "count"])
    figure = shared_frames.prediction_shares(table, ("a", "b", "c"))
    assert list(named(figure)["Original"].y) == [1.0]
    assert list(named(figure)["Unlearned"].x) == ["a", "c"]
    assert list(named(figure)["Unlearned"].y) == [0.75, 0.25]
    with pytest.raises(WrongInput, match="by themselves"):
        shared_frames.prediction_shares(table[table["split"] == "test"], ("a", "b", "c"))


def test_an_image_with_several_attributes_has_no_single_answer():
    assert len(shared_frames.frames(story())) == 3
    assert len(shared_frames.frames(story(multi=True))) == 2


# How they are laid out.


def test_a_wide_panel_has_a_row_of_its_own_and_the_others_share():
    wide, narrow = Panel("w", wide=True), Panel("n")
    assert [len(row) for row in rows([narrow])] == [1]
    assert [len(row) for row in rows([narrow] * 2)] == [2]
    assert [len(row) for row in rows([narrow] * 3)] == [3]
    assert [len(row) for row in rows([narrow] * 4)] == [2, 2]
    assert rows([wide, narrow, narrow]) == [[wide], [narrow, narrow]]
    assert rows([narrow, wide, narrow]) == [[narrow], [wide], [narrow]]
    assert rows([]) == []


def test_without_a_plane_the_divergence_is_still_shown():
    def none():
        raise WrongInput("There is no reference.")

    told, gap = perturbation.frames(story(of_perturbation(), **PERTURBING), none, dict)[2].panels()
    assert told.note == "There is no reference."
    assert gap.figure.layout.shapes[0].x0 == 40
