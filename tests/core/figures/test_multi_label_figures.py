"""Figures of images with several attributes: what stands on the axes and in the hovers where classes would."""

import numpy as np
import pandas as pd

from core.figures import class_figures
from core.figures.compare import pair_figures
from core.figures.image_card import card_table, probabilities
from core.figures.privacy.image_grids import grids_figure, grids_of
from core.figures.privacy.scores import SCORES, Sides

NAMES = ("striped", "dotted", "dark")
MODELS = ("original", "unlearned")


def accuracies(shares: tuple[float, ...] = (0.5, 0.75, 1.0)) -> pd.DataFrame:
    """Of both networks on 20 images, of which 10, 5 and 20 have the attribute."""
    rows = [("test", m, a, share, 20, has) for m in MODELS for a, (share, has) in enumerate(zip(shares, (10, 5, 20), strict=True))]
    return pd.DataFrame(rows, columns=["split", "model", "class", "accuracy", "count", "positives"])


def marks(table):
    """The unlearned network's marks by attribute, and the figure."""
    figure = class_figures.class_shift(table, NAMES, (), multi=True)
    return next(trace for trace in figure.data if trace.name == "Unlearned"), figure


def test_marks_by_attribute_say_how_many_images_have_it():
    unlearned, figure = marks(accuracies())
    assert figure.layout.yaxis.title.text == "attribute"
    assert figure.layout.xaxis.title.text == "predicted correctly"
    assert figure.layout.yaxis.ticktext == NAMES
    assert unlearned.x.tolist() == [0.5, 0.75, 1.0]
    told = [(name, f"; {has} of 20 images have it") for name, has in zip(NAMES, (10, 5, 20), strict=True)]
    assert [tuple(each) for each in unlearned.customdata] == told
    assert "attribute %{customdata[0]}" in unlearned.hovertemplate


def test_without_counts_the_hover_leaves_them_out():
    bare = [(name, "") for name in NAMES]
    assert [tuple(each) for each in marks(accuracies().drop(columns="positives"))[0].customdata] == bare
    half = accuracies()
    half.loc[half["model"] == "unlearned", "positives"] = np.nan  # dampened anew, the table does not know
    assert [tuple(each) for each in marks(half)[0].customdata] == bare


def test_the_difference_of_two_runs_stands_by_attribute():
    ours = accuracies()[accuracies()["model"] == "unlearned"]
    theirs = ours.assign(accuracy=[0.75, 0.75, 0.5])
    figure = pair_figures.class_difference(ours, theirs, NAMES, (), multi=True)
    assert figure.layout.xaxis.title.text == "attribute"
    assert figure.data[0].y.tolist() == [0.25, 0.0, -0.5]
    assert figure.data[0].hovertemplate.startswith("attribute %{x}")


EXAMPLES = pd.DataFrame(
    {"set": ["forget", "test_retain"], "index": [7, 2], "label": [1, 3], "unlearned_answer": [2, 3], "unlearned_loss": [0.5, 0.1],
     "unlearned_entropy": [0.6, 0.2], "unlearned_confidence": [0.3, 2.0]}
)  # fmt: skip


def test_a_wall_counts_attributes_and_those_answered_rightly():
    sides = Sides(np.array([0]), np.array([], int), np.array([1]))
    values = EXAMPLES["unlearned_loss"].to_numpy()
    walls = grids_of(values, None, sides, 1.0, False, SCORES["loss"])
    images = {wall.key: np.zeros((1, 1, 8, 8), np.uint8) for wall in walls if len(wall.rows)}
    figure = grids_figure(walls, images, 16, EXAMPLES, NAMES, "unlearned", SCORES["loss"], multi=True)
    texts = [trace.text[0] for trace in figure.data]
    assert "1 attribute, 2 of 3 predicted correctly" in texts[0]
    assert "3 attributes, 3 of 3 predicted correctly" in texts[1]


def test_a_card_marks_every_attribute_that_the_image_has():
    answers = {m: np.array([[0.9, 0.2, 0.6]]) for m in MODELS}
    figure = probabilities(answers, 0, NAMES, (0, 2))
    assert list(figure.data[0].x) == ["<b>striped ✓</b>", "dotted", "<b>dark ✓</b>"]
    assert figure.layout.xaxis.title.text == "attribute (✓ = the image has it)"
    assert list(probabilities(answers, 0, NAMES, ()).data[0].x) == list(NAMES)
    many = tuple(f"a{i}" for i in range(40))
    shares = {"original": np.linspace(1, 0, 40)[None]}
    assert len(probabilities(shares, 0, many, (39,)).data[0].x) == 13  # the twelve likeliest, and the one it has


def test_a_cards_table_counts_the_right_attributes():
    table = card_table(EXAMPLES, 0, NAMES, ["unlearned"], list(SCORES.values()), multi=True)
    assert table.iloc[0].tolist() == ["attributes right", "2 of 3"]
