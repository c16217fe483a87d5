"""Inside every other method: what it recorded, and an honest sentence where that is nothing."""

from functools import partial

import numpy as np

from core.verdict import percent
from dashboard.components.inside_figures import Line, bars, lines
from dashboard.components.palette import SET_COLOUR, SET_DASH, SET_TITLE
from dashboard.components.steps import Frame, Panel, Story
from dashboard.components.text import plain


def frames(story: Story, about: str) -> list[Frame]:
    """about: the method in a sentence."""
    shown = [*_mask(story), *_healing(story)]
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
        "every step, so that the rest of the network is spared.", partial(_by_layer, masks),
    )]  # fmt: skip


def _by_layer(masks: dict[str, np.ndarray]) -> list[Panel]:
    free = [float(np.mean(mask)) for mask in masks.values()]
    figure = bars(list(masks), free, "parameter tensor, input to output", "weights that may move", share=True)
    return [Panel("Free weights by layer", "tall bars are layers that the forget set's loss is most sensitive to.",
                  "Bars: share of each parameter tensor's weights that may move", figure)]  # fmt: skip


def _healing(story: Story) -> list[Frame]:
    if "scrub/healing" not in story.recorded:
        return []
    looks = np.asarray(story.recorded["scrub/healing"], dtype=float)
    return [Frame(
        "Away and back, epoch by epoch",
        f"Each epoch climbs away from the original's answers on the forget set and then back on the rest: accuracy goes to "
        f"{percent(looks[-1, 0])} and {percent(looks[-1, 1])}.", partial(_epochs, looks),
    )]  # fmt: skip


def _epochs(looks: np.ndarray) -> list[Panel]:
    series = [Line(SET_TITLE[name], looks[:, i], SET_COLOUR[name], SET_DASH[name]) for i, name in enumerate(("forget", "retain"))]
    return [Panel("Accuracy after each epoch", "the forget set's line should fall and stay down, the kept images' come back up.",
                  "Lines: accuracy on forget and retain set after each epoch", lines(series, "epoch", "accuracy", share=True))]  # fmt: skip
