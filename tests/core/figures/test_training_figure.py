"""Curves of training as a figure: a line for each network and number, on epochs."""

import pandas as pd

from core.figures.palette import MODEL_TITLE
from core.figures.training_curves import LARGE, SMALL, VALIDATION, WORDS, training_curves, words

TABLE = pd.DataFrame({
    "model": ["reference", "original", "original"], "epoch": [1, 2, 1], "loss": [0.8, 0.3, 0.7], "accuracy": [0.4, 0.9, 0.5],
})  # fmt: skip


def test_each_network_has_its_loss_on_the_left_and_its_accuracy_on_the_right():
    lines = [(t.name, t.yaxis, list(t.x), list(t.y), t.mode) for t in training_curves(TABLE).data]
    original, reference = MODEL_TITLE["original"], MODEL_TITLE["reference"]
    assert lines == [
        (original, "y", [1, 2], [0.7, 0.3], "lines"), (original, "y2", [1, 2], [0.5, 0.9], "lines"),
        (reference, "y", [1], [0.8], "markers"), (reference, "y2", [1], [0.4], "markers"),
    ]  # fmt: skip


def test_a_legend_names_each_network_once_and_a_thousand_epochs_have_few_ticks():
    figure = training_curves(TABLE)
    assert [t.name for t in figure.data if t.showlegend] == [MODEL_TITLE["original"], MODEL_TITLE["reference"]]
    assert figure.layout.xaxis.dtick == figure.layout.xaxis2.dtick == 1
    long = pd.DataFrame({"model": "original", "epoch": range(1, 1001), "loss": 0.1, "accuracy": 0.9})
    assert training_curves(long).layout.xaxis.dtick == 125


def test_what_is_held_out_is_points_beside_the_lines_and_the_kept_epoch_is_the_large_one():
    table = TABLE.assign(validation_loss=[0.9, 0.6, 0.5], validation_accuracy=[0.3, 0.7, 0.8])
    figure = training_curves(table, {"original": 1})
    held = {(t.name, t.yaxis): t for t in figure.data if t.name.endswith(", validation")}
    original = f"{MODEL_TITLE['original']}, validation"
    assert list(held) == [(f"{MODEL_TITLE[model]}, validation", axis) for model in ("original", "reference") for axis in ("y", "y2")]
    assert (list(held[original, "y"].x), list(held[original, "y"].y)) == ([1, 2], [0.5, 0.6])
    assert list(held[original, "y2"].y) == [0.8, 0.7]
    assert list(held[original, "y"].marker.size) == [LARGE, SMALL]
    assert {t.mode for t in held.values()} == {"markers"}
    assert words(table) == WORDS + VALIDATION
    assert words(TABLE) == WORDS
