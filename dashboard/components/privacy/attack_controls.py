"""The controls of one membership attack: score, network, non-members, threshold and its side."""

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.requests.base import ForgetRequest
from core.domain.run import ACTIVE, RunStatus
from core.figures.privacy.attack import Attack, against_alike, aligned, strongest_threshold
from core.figures.privacy.scores import (
    SCORES,
    SECOND,
    SHOWN,
    Score,
    Sides,
    axis_range,
    models_of,
    nearest,
    scores_of,
    sides_of,
    thresholds,
)
from core.metrics.privacy.threshold_attack import Threshold
from core.storage.record_types import Run
from dashboard.queries import runs
from dashboard.session import belongs, recall, remember


def ask_attack(run_id: str, request: ForgetRequest, examples: pd.DataFrame, second: pd.DataFrame | None = None) -> Attack:
    """The widgets: score, network, side, non-members, threshold. second: the second reference's examples, row by row."""
    models = models_of(examples)
    key = st.segmented_control(
        "Score", list(SCORES), default="loss", key="score", bind="query-params", required=True, wrap=True,
        help=" · ".join(f"{score.key}: {score.about}" for score in SCORES.values()),
    )  # fmt: skip
    model = st.segmented_control("Network under attack", models, default="unlearned", key="attacked", bind="query-params", required=True,
                                 wrap=True)  # fmt: skip
    score, model = SCORES[key or "loss"], model or "unlearned"
    expected = "above" if score.above else "below"
    belongs("side", (run_id, score.key), expected)
    side = st.segmented_control(
        'Predict "member" if the score is', ["below", "above"], default=expected, key="side", bind="query-params", required=True,
        help="On which side of the threshold an image is called a member of the training set.",
    )  # fmt: skip
    alike = against_alike(request, examples)
    all_test = alike and st.toggle(
        "Non-members: all test images", key="others", bind="query-params",
        help="By default the test images of the forget request; switch on to count all others too.",
    )  # fmt: skip
    values = {m: scores_of(examples, m, score) for m in models}
    sides = sides_of(examples, alike, all_test)
    threshold, chosen = _ask_threshold(run_id, score, model, values, sides)
    if second is not None:
        values[SECOND] = scores_of(second, "unlearned", score)
    return Attack(score, model, values, sides, threshold, (side or expected) == "above", chosen)


def _ask_threshold(run_id: str, score: Score, model: str, values: dict[str, np.ndarray], sides: Sides) -> tuple[float, bool]:
    """The threshold, and whether it is the strongest against one of the networks."""
    rows = np.concatenate(list(sides.each().values()))
    between = axis_range([some[rows] for some in values.values()], score)
    strongest = {m: strongest_threshold(some, sides) for m, some in values.items()}
    also = [best.value for best in strongest.values() if best is not None]
    values_of_both = values["unlearned"][np.concatenate([sides.forget, sides.unseen])]
    start = nearest(thresholds(between, score, ()), float(np.median(values_of_both)) if len(values_of_both) else 0.0)
    belongs("threshold", (run_id, score.key), start)
    now = recall("threshold")
    options = thresholds(between, score, [*also, start, *([now] if isinstance(now, float) else [])])
    threshold = st.select_slider(
        f"Threshold on the {score.title} ({score.unit})", options, start, format_func=SHOWN, key="threshold", bind="query-params",
        help="Drag it: the line in the figures and the rates follow.",
    )  # fmt: skip
    best = strongest[model]
    st.button(
        "Strongest threshold", key="strongest", width="stretch", disabled=best is None, on_click=_take, args=(best,),
        help="Set threshold and side to those with the greatest balanced accuracy against this network on one half of the images; "
        "they are then counted on the other half. It needs two images a side.",
    )  # fmt: skip
    texts = {SHOWN(value) for value in [best.value for best in strongest.values() if best is not None]}
    return float(threshold), SHOWN(threshold) in texts  # a link knows the threshold by its text


def _take(threshold: Threshold) -> None:
    """A callback."""
    remember("threshold", threshold.value)
    remember("side", "above" if threshold.above else "below")


WHY = "how far two retrained networks differ"


def second_reference_examples(run: Run, second_reference: Run | None, examples: pd.DataFrame) -> tuple[pd.DataFrame | None, str]:
    """The second reference's examples in the rows of `examples`; or None and, in a sentence, why there are none.

    The sentence is empty where there can be none: without a reference, and for a second reference itself.
    """
    if not run.spec.reference or run.spec.method == SECOND_REFERENCE_METHOD:
        return None, ""
    if second_reference is not None and second_reference.status in ACTIVE:
        return None, f"The second reference is being trained; until it is there, {WHY} under this attack is not known."
    if second_reference is None or second_reference.status != RunStatus.DONE:
        return None, f"There is no second reference, so {WHY} under this attack is not known; the Result page can train one."
    try:
        table = runs.handle(second_reference).table("examples")
    except WrongInput as wrong:
        return None, str(wrong)
    rows = aligned(table, examples)
    return (rows, "") if rows is not None else (None, "The second reference was evaluated on other images, so it is not shown.")
