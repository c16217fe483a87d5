"""One membership attack as the widgets say it: a score, a network, who counts as unseen, a threshold and its side."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from core.domain import ForgetRequest
from core.privacy.thresholds import Rates, Threshold, TooFewExamples, best_threshold, rates
from dashboard.components.privacy_scores import (
    SCORES,
    SHOWN,
    Score,
    Sides,
    models_of,
    nearest,
    reach,
    scores_of,
    sides_of,
    steps,
)
from dashboard.session import belongs, recall, remember


@dataclass(frozen=True)
class Attack:
    """What the widgets say: a score (values by model, (N,) each) of one network, and where the line is drawn."""

    score: Score
    model: str
    values: dict[str, np.ndarray]
    sides: Sides
    threshold: float
    above: bool

    def pair(self, model: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of the forget set and of the unseen images under a model."""
        return self.values[model][self.sides.forget], self.values[model][self.sides.unseen]

    def rows(self) -> np.ndarray:
        """All rows that are looked at."""
        return np.concatenate(list(self.sides.each().values()))

    def rates(self, model: str) -> Rates:
        """Raises TooFewExamples."""
        return rates(*self.pair(model), self.threshold, self.above)


def ask_attack(run_id: str, request: ForgetRequest, examples: pd.DataFrame) -> Attack:
    """The widgets: score, network, side, who counts as unseen, threshold."""
    models = models_of(examples)
    top = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    key = top.segmented_control(
        "Score", list(SCORES), default="loss", key="score", bind="query-params", required=True,
        help=" · ".join(f"{score.key}: {score.about}" for score in SCORES.values()),
    )  # fmt: skip
    model = top.segmented_control("Network under attack", models, default="unlearned", key="attacked", bind="query-params", required=True)
    score, model = SCORES[key or "loss"], model or "unlearned"
    expected = "above" if score.above else "below"
    belongs("side", (run_id, score.key), expected)
    side = top.segmented_control(
        "Members lie", ["below", "above"], default=expected, key="side", bind="query-params", required=True,
        help="On which side of the threshold an image is called a member of the training set.",
    )  # fmt: skip
    kept_too = request.by_class and top.toggle(
        "With unseen images of kept classes", key="others", bind="query-params",
        help="Unseen are the test images of the forgotten classes; switch on to count those of the kept classes too.",
    )  # fmt: skip
    values = {m: scores_of(examples, m, score) for m in models}
    sides = sides_of(examples, request.by_class, kept_too)
    threshold = _ask_threshold(run_id, score, model, values, sides)
    return Attack(score, model, values, sides, threshold, (side or expected) == "above")


def _ask_threshold(run_id: str, score: Score, model: str, values: dict[str, np.ndarray], sides: Sides) -> float:
    rows = np.concatenate(list(sides.each().values()))
    between = reach([some[rows] for some in values.values()], score)
    worst = {m: _worst(some, sides) for m, some in values.items()}
    also = [found.value for found in worst.values() if found is not None]
    looked_at = values["unlearned"][np.concatenate([sides.forget, sides.unseen])]
    start = nearest(steps(between, score, ()), float(np.median(looked_at)) if len(looked_at) else 0.0)
    belongs("threshold", (run_id, score.key), start)
    now = recall("threshold")
    options = steps(between, score, [*also, start, *([now] if isinstance(now, float) else [])])
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    threshold = left.select_slider(
        f"Threshold on the {score.title} ({score.unit})", options, start, format_func=SHOWN, key="threshold", bind="query-params",
        help="Drag it: the line in the figures and the rates follow.",
    )  # fmt: skip
    found = worst[model]
    right.button(
        "Worst case", key="worst", width="stretch", disabled=found is None, on_click=_take, args=(found,),
        help="Set threshold and side to those with the greatest balanced accuracy against this network.",
    )  # fmt: skip
    return float(threshold)


def _worst(values: np.ndarray, sides: Sides) -> Threshold | None:
    try:
        return best_threshold(values[sides.forget], values[sides.unseen])
    except TooFewExamples:
        return None


def _take(found: Threshold) -> None:
    """A callback."""
    remember("threshold", found.value)
    remember("side", "above" if found.above else "below")
