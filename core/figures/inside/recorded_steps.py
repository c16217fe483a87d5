"""Inside AMUN, amnesiac and guided unlearning: the nearest mistakes, the steps that were taken back, the stages."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from core.domain.formatting import percent
from core.figures.inside.aru import ACROSS, grid_of
from core.figures.inside.figures import Line, bars, histogram, lines
from core.figures.inside.frames import Frame, Panel, Story
from core.figures.palette import ACCENT, SET_COLOUR, SET_DASH, SET_TITLE

BINS = 20
BOTH = ("forget", "retain")


def frames(story: Story) -> list[Frame]:
    """Those of the recordings that are there; none for other methods."""
    made = (_amun(story), _amnesiac(story), _guided(story))
    return [frame for group in made for frame in group]


def _amun(story: Story) -> list[Frame]:
    recorded = story.under("amun")
    if not {"images", "attacked", "distance", "radius", "mistaken"} <= recorded.keys():
        return []
    distance, mistaken = np.asarray(recorded["distance"], dtype=float), np.asarray(recorded["mistaken"]) > 0
    return [
        Frame(
            "The nearest mistakes",
            f"An attack moves each forgotten image until the original takes it for something else; it found such an image for "
            f"{percent(float(mistaken.mean()))} of them, and these are learned under the mistaken class, beside the images themselves.",
            partial(_mistakes, recorded["images"], recorded["attacked"]),
        ),
        Frame(
            "How far they lie",
            f"Where one was found, the nearest mistake lies {float(np.median(distance[mistaken])):.3g} away (median, L2 of all pixels in 0 "
            "to 1): the further, the surer the network was of the image." if mistaken.any() else
            "No attack found a mistake within its last radius: the network is sure of every forgotten image.",
            partial(_distances, distance[mistaken], np.asarray(recorded["radius"], dtype=float)),
        ),
    ]  # fmt: skip


def _mistakes(images: np.ndarray, attacked: np.ndarray) -> Sequence[Panel]:
    before, after = (np.asarray(pixels, dtype=float)[:ACROSS] for pixels in (images, attacked))
    largest = max(float(np.abs(after - before).max()), 1e-9)
    rows = np.concatenate([before, 0.5 + (after - before) / (2 * largest), after])
    return [Panel(
        f"Above: images of the forget set · in the middle: what the attack changed, {0.5 / largest:.1f} times louder · below: the mistakes",
        "grey is no change; below is what is learned under another class: the less it differs from above, the nearer the mistake lay.",
        f"{len(before)} images of the forget set, the change, and the nearest images that the original mistakes",
        grid=grid_of(rows, len(before)),
    )]  # fmt: skip


def _distances(distance: np.ndarray, radius: np.ndarray) -> Sequence[Panel]:
    counts, edges = np.histogram(distance, BINS)
    radii, images = np.unique(radius.round(6), return_counts=True)
    return [
        Panel("Distance to the nearest mistake", "the further right, the further inside its class an image lay; 0: mistaken as it stood.",
              "Histogram: forget images by the distance that the attack moved them",
              histogram(counts, edges, "distance, L2", "forget images")),
        Panel("Radius that the attack ended with", "it doubles where the answer is still right; 0 needed no attack.",
              "Bars: forget images by the last radius of the attack",
              bars([f"{value:.3g}" for value in radii], images, "radius, L2", "forget images")),
    ]  # fmt: skip


def _amnesiac(story: Story) -> list[Frame]:
    recorded = story.under("amnesiac")
    if not {"hit", "lengths", "way_back", "log_bytes", "healing"} <= recorded.keys():
        return []
    hit, healing = np.asarray(recorded["hit"]) > 0, np.asarray(recorded["healing"], dtype=float)
    size, way = float(recorded["log_bytes"]) / 1e6, float(recorded["way_back"])
    return [
        Frame(
            "The steps that saw a forgotten image",
            f"Of {len(hit):,} steps of training {int(hit.sum()):,} had a forgotten image in their batch; a log of them would have taken "
            f"{size:.3g} MB. Taking them back goes {percent(way)} of the way to the network before training.",
            partial(_steps, hit, np.asarray(recorded["lengths"], dtype=float)),
        ),
        Frame(
            "Taken back, then healed",
            f"Without these steps accuracy on what stays is {percent(healing[1])}, where it was {percent(healing[0])}; after healing it is "
            f"{percent(healing[-1])}.", partial(_healed, healing),
        ),
    ]  # fmt: skip


def _steps(hit: np.ndarray, lengths: np.ndarray) -> Sequence[Panel]:
    figure = lines([Line("steps that were taken back", lengths, ACCENT, "dot", np.flatnonzero(hit) + 1)], "step of training",
                   "length of the change")  # fmt: skip
    return [Panel("What was taken back", "one point for each step that saw a forgotten image, at its place in training; gaps are steps "
                  "that stay.", "Line: length of the change by each step that was taken back", figure)]  # fmt: skip


def _healed(healing: np.ndarray) -> Sequence[Panel]:
    figure = lines([Line(SET_TITLE["retain"], healing, SET_COLOUR["retain"], SET_DASH["retain"])], "0: before, 1: taken back, then epochs",
                   "accuracy", share=True)  # fmt: skip
    return [Panel("Accuracy on what stays", "it falls where steps are taken back, and should come back up.",
                  "Line: accuracy on retained images before, without the steps, and after each epoch", figure)]  # fmt: skip


def _guided(story: Story) -> list[Frame]:
    if "guided/stages" not in story.recorded:
        return []
    stages = np.asarray(story.recorded["guided/stages"], dtype=float)
    return [Frame(
        "Restart, warm-up, then away and back",
        f"The last layers start afresh and warm up on what stays, to an accuracy of {percent(stages[2, 1])}; then each round climbs the "
        f"loss of the forgotten images and recovers: {percent(stages[-1, 0])} of them are recognised at the end.",
        partial(_stages, stages),
    )]  # fmt: skip


def stage_names(count: int) -> list[str]:
    """Of so many recorded moments, in order."""
    rounds = [f"{what} {number}" for number in range(1, (count - 3) // 2 + 1) for what in ("ascent", "recovery")]
    return ["before", "restart", "warm-up", *rounds]


def _stages(stages: np.ndarray) -> Sequence[Panel]:
    figure = lines([Line(SET_TITLE[name], stages[:, i], SET_COLOUR[name], SET_DASH[name]) for i, name in enumerate(BOTH)], "stage",
                   "accuracy", share=True)  # fmt: skip
    figure.update_xaxes(tickvals=list(range(len(stages))), ticktext=stage_names(len(stages)))
    return [Panel("Accuracy after each stage", "the retain set's line falls at the restart and should come back; the forget set's should "
                  "stay down.", "Lines: accuracy on forget and retain set after each stage", figure)]  # fmt: skip
