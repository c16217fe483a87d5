"""One membership attack as the widgets say it: a score, a network, who counts as unseen, a threshold and its side."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.ablations import SECOND_REFERENCE_METHOD
from core.domain.errors import WrongInput
from core.domain.requests.base import ForgetRequest
from core.domain.run import ACTIVE, RunStatus
from core.metrics.privacy.threshold_attack import FEWEST, Rates, Threshold, TooFewExamples, best_threshold, rates
from core.storage.records import Run
from dashboard.components.privacy.scores import (
    SCORES,
    SECOND,
    SHOWN,
    Score,
    Sides,
    halves,
    models_of,
    nearest,
    reach,
    scores_of,
    sides_of,
    steps,
)
from dashboard.queries import runs
from dashboard.session import belongs, recall, remember


@dataclass(frozen=True)
class Attack:
    """What the widgets say: a score (values by model, (N,) each) of one network, and where the line is drawn.

    values holds the second reference too, under SECOND, where it is there. chosen: the threshold was sought on one half of
    the images, so that only the other half, `counted`, can say how good it is.
    """

    score: Score
    model: str
    values: dict[str, np.ndarray]
    sides: Sides
    threshold: float
    above: bool
    chosen: bool = False

    @property
    def counted(self) -> Sides:
        """The images that the rates are counted on."""
        return halves(self.sides)[1] if self.chosen else self.sides

    def pair(self, model: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of the forget set and of the test images under a model."""
        return self.values[model][self.sides.forget], self.values[model][self.sides.unseen]

    def rows(self) -> np.ndarray:
        """All rows that are looked at."""
        return np.concatenate(list(self.sides.each().values()))

    def rates(self, model: str) -> Rates:
        """Of the images that are counted. Raises TooFewExamples."""
        sides, values = self.counted, self.values[model]
        return rates(values[sides.forget], values[sides.unseen], self.threshold, self.above)

    def mark(self, model: str) -> Rates:
        """Of all images: a point of the ROC. Raises TooFewExamples."""
        return rates(*self.pair(model), self.threshold, self.above)


def ask_attack(run_id: str, request: ForgetRequest, examples: pd.DataFrame, second: pd.DataFrame | None = None) -> Attack:
    """The widgets: score, network, side, who counts as unseen, threshold. second: the floor run's examples, row by row."""
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
        'Predict "member" if the score is', ["below", "above"], default=expected, key="side", bind="query-params", required=True,
        help="On which side of the threshold an image is called a member of the training set.",
    )  # fmt: skip
    alike = request.by_class or (request.by_rule and int((examples["set"] == "test_forget").sum()) >= FEWEST)
    kept_too = alike and top.toggle(
        "Non-members: all test images", key="others", bind="query-params",
        help="By default the test images of the forget request; switch on to count all others too.",
    )  # fmt: skip
    values = {m: scores_of(examples, m, score) for m in models}
    sides = sides_of(examples, alike, kept_too)
    threshold, chosen = _ask_threshold(run_id, score, model, values, sides)
    if second is not None:
        values[SECOND] = scores_of(second, "unlearned", score)
    return Attack(score, model, values, sides, threshold, (side or expected) == "above", chosen)


def _ask_threshold(run_id: str, score: Score, model: str, values: dict[str, np.ndarray], sides: Sides) -> tuple[float, bool]:
    """The threshold, and whether it is the strongest against one of the networks."""
    rows = np.concatenate(list(sides.each().values()))
    between = reach([some[rows] for some in values.values()], score)
    strongest = {m: strongest_threshold(some, sides) for m, some in values.items()}
    also = [found.value for found in strongest.values() if found is not None]
    looked_at = values["unlearned"][np.concatenate([sides.forget, sides.unseen])]
    start = nearest(steps(between, score, ()), float(np.median(looked_at)) if len(looked_at) else 0.0)
    belongs("threshold", (run_id, score.key), start)
    now = recall("threshold")
    options = steps(between, score, [*also, start, *([now] if isinstance(now, float) else [])])
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    threshold = left.select_slider(
        f"Threshold on the {score.title} ({score.unit})", options, start, format_func=SHOWN, key="threshold", bind="query-params",
        help="Drag it: the line in the figures and the rates follow.",
    )  # fmt: skip
    found = strongest[model]
    right.button(
        "Strongest threshold", key="strongest", width="stretch", disabled=found is None, on_click=_take, args=(found,),
        help="Set threshold and side to those with the greatest balanced accuracy against this network on one half of the images; "
        "they are then counted on the other half. It needs two images a side.",
    )  # fmt: skip
    texts = {SHOWN(value) for value in [found.value for found in strongest.values() if found is not None]}
    return float(threshold), SHOWN(threshold) in texts  # a link knows the threshold by its text


def strongest_threshold(values: np.ndarray, sides: Sides) -> Threshold | None:
    """Against one network, by the first of two halves; None where either half lacks a side."""
    sides, counted = halves(sides)
    if not len(counted.forget) or not len(counted.unseen):
        return None
    try:
        return best_threshold(values[sides.forget], values[sides.unseen])
    except TooFewExamples:
        return None


def _take(found: Threshold) -> None:
    """A callback."""
    remember("threshold", found.value)
    remember("side", "above" if found.above else "below")


ROW = ["set", "index"]  # what tells a row of `examples` from every other
WHY = "how far two retrained networks differ"


def second_reference(run: Run, floor: Run | None, examples: pd.DataFrame) -> tuple[pd.DataFrame | None, str]:
    """The floor run's examples, row by row those of `examples`; or None and, in a sentence, why there are none.

    The sentence is empty where there can be no floor: without a reference, and under a run that is a floor itself.
    """
    if not run.spec.reference or run.spec.method == SECOND_REFERENCE_METHOD:
        return None, ""
    if floor is not None and floor.status in ACTIVE:
        return None, f"The second reference is being trained; until it is there, {WHY} under this attack is not known."
    if floor is None or floor.status != RunStatus.DONE:
        return None, f"There is no second reference, so {WHY} under this attack is not known; the Result page can train one."
    try:
        table = runs.handle(floor).table("examples")
    except WrongInput as wrong:
        return None, str(wrong)
    rows = aligned(table, examples)
    return (rows, "") if rows is not None else (None, "The second reference was evaluated on other images, so it is not shown.")


def aligned(table: pd.DataFrame, examples: pd.DataFrame) -> pd.DataFrame | None:
    """Rows of `table` in the order of `examples`; None where one of them is not there."""
    if all(np.array_equal(table[name].to_numpy(), examples[name].to_numpy()) for name in ROW):
        return table
    place = pd.MultiIndex.from_frame(table[ROW]).get_indexer(pd.MultiIndex.from_frame(examples[ROW]))
    return None if (place < 0).any() else table.iloc[place].reset_index(drop=True)
