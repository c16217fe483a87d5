"""The map's table, highlights, selectors, forecast and figure, each by hand on a few images."""

import numpy as np
import pandas as pd
import pytest

from core.figures.feature_map.figure import ARROWS, by_class, by_outcome, by_rule, by_set, hovers, map_figure
from core.figures.feature_map.table import models_of, rules_of, table_of
from core.figures.palette import CLASS_COLOURS, CLASS_SYMBOLS
from dashboard.components.feature_map.selection_rules import (
    SELECTORS,
    forecast,
    is_training,
    nearest_to,
    scores,
    top_rows,
)

CLASSES = ("zero", "one", "two")


def answers(*said: int, sure: float = 0.8) -> np.ndarray:
    """Probabilities (N, 3) with `sure` at each answer."""
    found = np.full((len(said), 3), (1 - sure) / 2, np.float32)
    found[np.arange(len(said)), said] = sure
    return found


@pytest.fixture
def arrays():
    """Eight images. set: forget x 3, retain x 3, test_forget, test_retain."""
    count = 8
    places = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    return {
        "set": np.array([0, 0, 0, 1, 1, 1, 2, 3]),
        "index": np.array([10, 11, 12, 20, 21, 22, 3, 4]),
        "place": np.array([0, 1, 2, 0, 1, 2, 0, 0]),
        "label": np.array([0, 0, 0, 1, 1, 2, 0, 2]),
        "probabilities/original": answers(0, 0, 1, 1, 1, 2, 0, 2),
        "probabilities/unlearned": answers(1, 0, 1, 0, 1, 0, 2, 0, sure=0.6),
        "probabilities/reference": answers(1, 1, 1, 1, 1, 0, 1, 2, sure=0.9),
        "positions/original": places, "positions/unlearned": places + np.array([1, 0]), "positions/reference": places - np.array([5, 0]),
        "neighbours": np.array([[1, 2, 3], [0, 2, 3], [1, 3, 4], [4, 5, 2], [3, 5, 2], [4, 3, 2], [0, 1, 2], [5, 4, 3]], np.int32),
        "agreeing": np.array([1, 1, 0.5, 0, 1, 1, 1, 1], np.float32),
        "unseen_agreeing": np.array([1, 0.2, 1, 0, 1, 1, 1, 1], np.float32),
        "distance": np.array([1, 0.5, 3, 1, 2, np.nan, 9, 9], np.float32),
        "explained": np.array([0.5, 0.25], np.float32), "available": np.array([3, 3, 1, 1]),
    }  # fmt: skip


def without_reference(arrays):
    return {name: values for name, values in arrays.items() if "reference" not in name}


def test_a_row_says_which_image_it_is_and_what_every_network_answers(arrays):
    table = table_of(arrays)
    assert models_of(arrays) == ["original", "unlearned", "reference"]
    assert table["id"].tolist() == ["train:10", "train:11", "train:12", "train:20", "train:21", "train:22", "test:3", "test:4"]
    assert table["unlearned_answer"].tolist() == [1, 0, 1, 0, 1, 0, 2, 0]
    assert table["original_own"].tolist() == pytest.approx([0.8, 0.8, 0.1, 0.8, 0.8, 0.8, 0.8, 0.8])
    assert table["reference_sure"].tolist() == pytest.approx([0.9] * 8)
    assert table["truth"].tolist() == table["label"].tolist()
    assert table["reference_x"].tolist() == [2 * i - 5 for i in range(8)]


def test_what_became_of_each_image(arrays):
    rules = rules_of(table_of(arrays))
    holds = {key: np.flatnonzero(rule.holds).tolist() for key, rule in rules.items()}
    assert holds == {
        "forgotten": [0, 6],  # 2 the original never knew
        "not forgotten": [1],
        "over-forgotten": [3, 7],  # 5 the reference does not know either
        "as the reference": [0, 2, 4, 5],
    }
    asked = {key: np.flatnonzero(rule.applies).tolist() for key, rule in rules.items()}
    assert asked["forgotten"] == asked["not forgotten"] == [0, 1, 6]
    assert asked["over-forgotten"] == [3, 4, 5, 7]


def test_without_a_reference_the_original_is_the_yardstick_and_it_is_said(arrays):
    rules = rules_of(table_of(without_reference(arrays)))
    assert list(rules) == ["forgotten", "not forgotten", "over-forgotten"]
    assert np.flatnonzero(rules["over-forgotten"].holds).tolist() == [3, 5, 7]
    assert "original (there is no reference)" in rules["over-forgotten"].about


def test_every_image_is_in_one_group_of_each_colouring(arrays):
    table = table_of(arrays)
    rules = rules_of(table)
    for groups in (by_class(table, CLASSES), by_set(table), by_outcome(rules), *(by_rule(rule) for rule in rules.values())):
        assert sorted(np.concatenate([group.rows for group in groups]).tolist()) == list(range(8))
        looks = [(group.colour, group.symbol) for group in groups]
        assert len(set(looks)) == len(looks)
    named = {group.name: group.rows.tolist() for group in by_outcome(rules)}
    assert named["Forgotten, as the reference (1)"] == [0]
    assert named["Forgotten, unlike it (1)"] == [6]
    assert named["Over-forgotten, unlike it (2)"] == [3, 7]


def test_seventy_classes_are_told_apart_by_colour_and_shape():
    looks = {(CLASS_COLOURS[i % len(CLASS_COLOURS)], CLASS_SYMBOLS[i % len(CLASS_SYMBOLS)]) for i in range(70)}
    assert len(looks) == 70


# The figure.


def figure_of(arrays, model="unlearned", arrows=()):
    table = table_of(arrays)
    texts = hovers(table, models_of(arrays), CLASSES)
    return map_figure(table, model, by_set(table), texts, ("x", "y"), np.array(arrows, int)), texts


def test_a_point_stands_where_its_network_has_it_and_carries_its_row(arrays):
    figure, texts = figure_of(arrays)
    seen_rows = {}
    for trace in figure.data:
        assert trace.type == "scattergl"
        for x, y, row, text in zip(trace.x, trace.y, trace.customdata, trace.text, strict=True):
            assert isinstance(row, list)  # of an array, the browser makes an object
            assert (x, y) == (2 * row[0] + 1, 2 * row[0] + 1)
            assert text == texts[row[0]]
            seen_rows[row[0]] = True
    assert len(seen_rows) == 8


def test_all_networks_share_the_axes(arrays):
    figures = [figure_of(arrays, model)[0] for model in models_of(arrays)]
    assert len({(*f.layout.xaxis.range, *f.layout.yaxis.range) for f in figures}) == 1
    low, high = figures[0].layout.xaxis.range
    assert low < -5
    assert high > 15


def test_arrows_lead_from_the_original_s_place_and_none_from_itself(arrays):
    (path,) = figure_of(arrays, "reference", [2, 3])[0].layout.shapes
    words = path.path.split()
    assert len(words) == 2 * 5
    assert words[:2] == ["M4,5", "L-1,5"]
    assert words[5:7] == ["M6,7", "L1,7"]
    assert path.layer == "above"
    assert not figure_of(arrays, "original", [2, 3])[0].layout.shapes
    assert not figure_of(arrays, "reference")[0].layout.shapes


def test_of_many_arrows_some_are_drawn(arrays):
    many = {name: np.repeat(values, 100, 0) for name, values in arrays.items()}
    (path,) = figure_of(many, "reference", range(800))[0].layout.shapes
    assert path.path.count("M") / 2 == 134  # every sixth: the fewest steps to no more than 150
    assert ARROWS >= 134


def test_a_hover_says_what_the_image_is_and_what_each_network_answers(arrays):
    arrays["truth"] = np.array([2, *arrays["label"][1:]])
    texts = figure_of(arrays)[1]
    assert texts[0] == (
        "forget set, train index 10<br>label zero (made wrong; truly two)<br>Original: zero (80 %)<br>Unlearned: one (60 %)"
        "<br>Retrained reference: one (90 %)"
    )
    assert texts[7].startswith("other test images, test index 4<br>label two<br>")


# Choosing.


def test_scores_by_hand(arrays):
    table = table_of(arrays)
    nan = np.nan
    wanted = {
        "most confident": [0.8] * 6 + [nan, nan],
        "most atypical": [1, 0.5, 3, 1, 2, nan, nan, nan],
        "most memorised": [np.log(0.8 / 0.05), np.log(0.8 / 0.05), np.log(0.1 / 0.05), *[nan] * 5],
        "training against test neighbours": [-0.2, 0.6, -0.9, 0.8, -0.2, -0.2, nan, nan],
        "suspected mislabelled": [0.1, 0.1, 0.7, 0.6, 0.1, 0.1, nan, nan],
    }
    assert set(wanted) == set(SELECTORS) - {"drawn around", "like one image"}
    for rule, values in wanted.items():
        np.testing.assert_allclose(scores(table, rule), values, rtol=1e-5, atol=1e-6)


def test_the_foremost_come_in_order_and_only_from_those_allowed():
    values = np.array([1.0, 5.0, np.nan, 3.0, 5.0])
    everyone = np.ones(5, bool)
    assert top_rows(values, everyone, 3).tolist() == [1, 4, 3]
    assert top_rows(values, np.array([True, False, True, True, False]), 9).tolist() == [3, 0]


def test_an_image_comes_first_among_its_like_and_unseen_ones_never(arrays):
    table, near = table_of(arrays), arrays["neighbours"]
    assert nearest_to(0, near, is_training(table), 3).tolist() == [0, 1, 2]
    assert nearest_to(6, near, is_training(table), 2).tolist() == [0, 1]
    assert nearest_to(3, near, (table["set"] == "retain").to_numpy(), 9).tolist() == [3, 4, 5]


def test_overlap_is_the_share_of_neighbours_that_stay(arrays):
    near, training = arrays["neighbours"], is_training(table_of(arrays))
    told = forecast(np.array([0, 1, 2]), near, training)  # two neighbours each: [1 2], [0 2], [1 3]
    assert (told.near, told.overlap, told.by_chance) == (2, pytest.approx(1 / 6), pytest.approx(3 / 5))
    assert forecast(np.array([4]), near, training).overlap == 1
    assert forecast(np.array([0, 3]), near, training).overlap == 1  # [1], [4]
    assert forecast(np.array([0, 1, 2, 3, 4, 5]), near, training).overlap == 0
    assert forecast(np.array([], int), near, training) is None


def test_a_random_choice_overlaps_as_much_as_chance_says():
    draw = np.random.default_rng(0)
    near = np.array([draw.permutation(np.delete(np.arange(300), i))[:20] for i in range(300)], np.int32)
    told = forecast(draw.choice(300, 60, replace=False), near, np.ones(300, bool))
    assert told.by_chance == pytest.approx(240 / 299)
    assert told.overlap == pytest.approx(told.by_chance, abs=0.05)


def test_a_table_is_made_of_two_networks_alone(arrays):
    table = table_of(without_reference(arrays))
    assert not [column for column in table.columns if column.startswith("reference")]
    assert isinstance(table, pd.DataFrame)
