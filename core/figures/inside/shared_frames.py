"""The last frames of every method: change by layer, accuracy by class, predictions on the forget set."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.figures import class_figures
from core.figures.inside import recorded_steps
from core.figures.inside.figures import Line, bars, lines
from core.figures.inside.frames import Frame, Panel, Story
from core.figures.markdown import on_axis, plain
from core.figures.palette import (
    MODEL_COLOUR,
    MODEL_PATTERN,
    MODEL_TITLE,
    SET_COLOUR,
    SET_DASH,
    SET_TITLE,
)
from core.figures.plotly_layout import base_layout, hatch

MOST, OTHERS = 24, "all others"  # predicted classes that have bars of their own; the rest


def frames(story: Story) -> list[Frame]:
    """Before and after: layers, classes, and the predictions on the forget set."""
    what = "attribute" if story.multi else "class"
    ends = [
        Frame(
            "What each layer became",
            "The unlearned network beside the original, layer by layer: where the method worked shows in how far each layer moved.",
            partial(_layers, story),
        ),
        Frame(
            f"Before and after, {what} by {what}",
            "Accuracy on the forget request should fall to the retrained network's, and retain accuracy should stay: both are shown here.",
            partial(_classes, story),
        ),
    ]
    if not story.multi:
        ends.append(
            Frame(
                "Predictions on the forget set",
                "A forgotten image is predicted as another class; the retrained network shows which predictions are natural for it.",
                partial(_predictions, story),
            )
        )
    return ends


def _layers(story: Story) -> Sequence[Panel]:
    return [Panel(
        "Relative change by parameter tensor", "length of the change over that of the original's weights; retraining starts elsewhere and "
        "ends far off.", "Relative change of each parameter tensor from the original's weights",
        class_figures.layer_change(story.table("layers")),
    )]  # fmt: skip


def _classes(story: Story) -> Sequence[Panel]:
    table, what = story.table("per_class"), "attribute" if story.multi else "class"
    figure = class_figures.class_shift(table[table["split"] == "test"], story.classes, story.forgotten, story.multi)
    return [Panel(
        f"Accuracy by {what} on test images", "the unlearned network's dot should lie by the reference's square where it had to forget, "
        "and inside the original's diamond elsewhere.", f"Accuracy by {what} before, after, and retrained", figure,
    )]  # fmt: skip


def _predictions(story: Story) -> Sequence[Panel]:
    return [Panel(
        "Predictions on the forget set", "share of the forget set with each prediction; the unlearned network's bars should look like "
        "the hatched reference's.", "Bars: share of the forget set by prediction, of each network",
        prediction_shares(story.table("confusion"), story.classes),
    )]  # fmt: skip


def prediction_shares(table: pd.DataFrame, classes: tuple[str, ...]) -> go.Figure:
    """Grouped bars: predictions on the forget set under each network; of many classes the most frequent, the rest as one.

    table: split, model, predicted, count.

    Raises WrongInput where the table has no rows of the forget set.
    """
    rows = table[table["split"] == "forget"]
    if not len(rows):
        raise WrongInput("This run stored no predictions on the forget set by themselves; run it again.")
    frequency = rows.groupby("predicted")["count"].sum().sort_values(ascending=False, kind="stable")
    here = sorted(int(index) for index in frequency.index[frequency > 0][:MOST])
    names = dict(zip(here, on_axis([classes[index] for index in here]), strict=True))
    order = {"type": "category", "categoryorder": "array", "categoryarray": [*names.values(), OTHERS]}
    shares_axis = {"range": [0, 1.04], "tickformat": ".0%"}
    figure = go.Figure(layout=base_layout("answer", "share of the forget set", xaxis=order, yaxis=shares_axis))
    for model, title in MODEL_TITLE.items():
        counts = rows[rows["model"] == model].groupby("predicted")["count"].sum()
        if not len(counts):
            continue
        total = max(1, counts.sum())
        shares = {names[index]: counts[index] / total for index in here if counts.get(index, 0)}
        if len(frequency[frequency > 0]) > len(here):
            shares[OTHERS] = 1 - sum(shares.values())
        hollow = model == "original"
        figure.add_bar(
            name=title, x=list(shares), y=list(shares.values()),
            marker={"color": "rgba(128,136,144,0.18)" if hollow else MODEL_COLOUR[model],
                    "line": {"color": MODEL_COLOUR[model], "width": 1.5}, "pattern": hatch(MODEL_PATTERN[model])},
            hovertemplate=f"{title} answers %{{x}}: %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    return figure


def method_frames(story: Story, about: str) -> list[Frame]:
    """about: the method in a sentence."""
    shown = [*_mask(story), *_healing(story), *recorded_steps.frames(story)]
    if shown:
        return [Frame("The idea", plain(about)), *shown]
    return [Frame(
        "No steps were recorded",
        f"{plain(about)} {plain(story.title)} records no steps of its own, so there is nothing to play between before and after; the next "
        "frames show both.",
    )]  # fmt: skip


def _mask(story: Story) -> list[Frame]:
    masks = story.under("salun_mask")
    if not masks:
        return []
    free = sum(float(np.sum(mask)) for mask in masks.values()) / max(1, sum(np.size(mask) for mask in masks.values()))
    return [Frame(
        "The mask: which weights may move",
        f"The {percent(free)} of all weights to which the forget set's loss is most sensitive may move; all others are put back after "
        "every step, so that the network is spared elsewhere.", partial(_by_layer, masks),
    )]  # fmt: skip


def _by_layer(masks: dict[str, np.ndarray]) -> list[Panel]:
    free = [float(np.mean(mask)) for mask in masks.values()]
    figure = bars(list(masks), free, "parameter tensor, input to output", "weights that may move", share=True)
    return [Panel("Free weights by layer", "tall bars are layers that the forget set's loss is most sensitive to.",
                  "Bars: share of each parameter tensor's weights that may move", figure)]  # fmt: skip


def _healing(story: Story) -> list[Frame]:
    if "scrub/healing" not in story.recorded:
        return []
    accuracies = np.asarray(story.recorded["scrub/healing"], dtype=float)
    return [Frame(
        "Away and back, epoch by epoch",
        f"Each epoch climbs away from the original's predictions on the forget set and then back on the retain set: accuracy goes to "
        f"{percent(accuracies[-1, 0])} and {percent(accuracies[-1, 1])}.", partial(_epochs, accuracies),
    )]  # fmt: skip


def _epochs(accuracies: np.ndarray) -> list[Panel]:
    series = [Line(SET_TITLE[name], accuracies[:, i], SET_COLOUR[name], SET_DASH[name]) for i, name in enumerate(("forget", "retain"))]
    return [Panel("Accuracy after each epoch", "the forget set's line should fall and stay down, the retain set's come back up.",
                  "Lines: accuracy on forget and retain set after each epoch", lines(series, "epoch", "accuracy", share=True))]  # fmt: skip
