"""Curves of training as a figure: a line for each network and number, on epochs."""

import pandas as pd

from core.figures.palette import MODEL_TITLE
from core.figures.training_curves import training_curves

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
