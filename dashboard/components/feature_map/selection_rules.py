"""Rules that choose a forget set, and a forecast of its difficulty; pure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

NEAR = 10  # neighbours that a forecast uses
DRAWN, LIKE = "drawn around", "like one image"


@dataclass(frozen=True)
class Selector:
    """A way to choose training images."""

    about: str
    needs_reference: bool = False


SELECTORS = {
    DRAWN: Selector("Take the lasso or the box from the tools above the map, and draw around points; more of them with Shift held."),
    LIKE: Selector(
        "The open image and those nearest to it: Euclidean distance between the original's features before its last layer, "
        "among the training images on the map.",
    ),
    "most confident": Selector("The original's largest probability, highest first, whatever the prediction."),
    "most atypical": Selector(
        "Distance of the original's features from the centre of the image's class (the mean over its training images on the map), "
        "divided by the class's root mean square distance: 1 is usual.",
    ),
    "most memorised": Selector(
        "A proxy, not memorisation itself: loss of the label under the reference, which never saw the forget set, minus loss under the "
        "original, in nats. Only of forget images; it leaves out all of them at once and comes from one pair of networks, where "
        "memorisation proper leaves out one image over many trainings. Where a whole class is gone, it tells of the class, not the image.",
        True,
    ),
    "training against test neighbours": Selector(
        "Another proxy of memorisation, of any training image: the original's probability of the label, minus the share of the "
        f"{NEAR} nearest test images (by its own features) that have that label: what it knows of the image and could not know from "
        "others like it. Those features were trained on the image too, which hides a part of it.",
    ),
    "suspected mislabelled": Selector(
        f"Mean of two uncertainties: 1 minus the original's probability of the label, and the share of the {NEAR} nearest training images "
        "with another label. A network that has learnt a wrong label by heart hides the first; an honest rare image shows both.",
    ),
}  # fmt: skip


def scores(table: pd.DataFrame, rule: str) -> np.ndarray:
    """(N,) scores of a ranking rule, chosen from the largest down; NaN where undefined, and for all test images."""
    own = {model: table[f"{model}_own"].to_numpy(np.float64) for model in ("original", "reference") if f"{model}_own" in table}
    if rule == "most confident":
        values = table["original_sure"].to_numpy(np.float64)
    elif rule == "most atypical":
        values = table["distance"].to_numpy(np.float64)
    elif rule == "most memorised":
        before, without = (np.log(own[model].clip(np.finfo(np.float32).tiny)) for model in ("original", "reference"))
        values = np.where(table["set"] == "forget", before - without, np.nan)
    elif rule == "training against test neighbours":
        values = own["original"] - table["unseen_agreeing"].to_numpy(np.float64)
    else:
        values = (1 - own["original"] + 1 - table["agreeing"].to_numpy(np.float64)) / 2
    return np.where(is_training(table), values, np.nan)


def is_training(table: pd.DataFrame) -> np.ndarray:
    """bool (N,): training images, which alone can be forgotten."""
    return ~table["set"].str.startswith("test").to_numpy(bool)


def top_rows(values: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """Rows (<= count,) of the largest values `among` bool (N,), largest first; equal ones in the table's order, NaN never."""
    rows: np.ndarray = np.flatnonzero(among & ~np.isnan(values))
    order = np.argsort(-values[rows], kind="stable")
    return np.asarray(rows[order][:count])


def nearest_to(row: int, neighbours: np.ndarray, allowed: np.ndarray, count: int) -> np.ndarray:
    """Rows (<= count,): the image itself where it is `allowed` bool (N,), then its nearest. neighbours (N, K): rows."""
    line = np.array([row, *neighbours[row]], np.int64)
    return np.asarray(line[allowed[line]][:count])


@dataclass(frozen=True)
class Forecast:
    """Overlap of a forget set with the retain set, in [0, 1]. near: neighbours used; by_chance: of a random set as large."""

    overlap: float
    by_chance: float
    near: int


def forecast(chosen: np.ndarray, neighbours: np.ndarray, training: np.ndarray) -> Forecast | None:
    """Of the nearest training images of every chosen one, the share that is not chosen: entangled sets are harder to forget.

    chosen: rows (n,); neighbours (N, K): rows of the nearest training images; training: bool (N,). At most n - 1 neighbours are
    used, so that a set of any size can have no overlap. None where there is nothing to compare.
    """
    near = min(NEAR, neighbours.shape[1], max(1, len(chosen) - 1))
    if not len(chosen) or not near:
        return None
    picked = np.zeros(len(training), bool)
    picked[chosen] = True
    stays = ~picked[neighbours[chosen, :near]]
    count = int(training.sum())
    return Forecast(float(stays.mean()), (count - len(chosen)) / (count - 1), near)
