"""One membership attack as plain data: a score, the attacked network and a threshold; and its figures and rows of numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.domain.requests.base import ForgetRequest
from core.figures.metric_tables import SECOND_REFERENCE_TITLE
from core.figures.palette import MODEL_TITLE
from core.figures.privacy.attack_figures import distributions, roc_curves, shares_of
from core.figures.privacy.scores import SCORES, SECOND, Score, Sides, axis_range, halves, models_of, scores_of, sides_of
from core.metrics.privacy.threshold_attack import (
    FEWEST,
    Rates,
    Threshold,
    TooFewExamples,
    auc,
    best_threshold,
    rates,
    roc,
    tpr_at,
)

ROW = ["set", "index"]  # the key of a row of `examples`
SMALL = (0.1, 0.01)  # false-positive rates at which an attack is judged


@dataclass(frozen=True)
class Attack:
    """The attack of the widgets: a score (values by model, (N,) each), the attacked network, and the threshold.

    values holds the second reference too, under SECOND, where there is one. chosen: the threshold was fitted on one half of
    the images, so that the rates are computed on the other half, `counted`.
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
        """The images that the rates are computed on."""
        return halves(self.sides)[1] if self.chosen else self.sides

    def pair(self, model: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of the forget set and of the test images under a model."""
        return self.values[model][self.sides.forget], self.values[model][self.sides.unseen]

    def rows(self) -> np.ndarray:
        """All rows that the attack uses."""
        return np.concatenate(list(self.sides.each().values()))

    def rates(self, model: str) -> Rates:
        """Of the images that are counted. Raises TooFewExamples."""
        sides, values = self.counted, self.values[model]
        return rates(values[sides.forget], values[sides.unseen], self.threshold, self.above)

    def mark(self, model: str) -> Rates:
        """Of all images: a point of the ROC. Raises TooFewExamples."""
        return rates(*self.pair(model), self.threshold, self.above)

    @property
    def between(self) -> tuple[float, float]:
        """The score's axis, in drawn units; alike for all networks but the second reference."""
        return axis_range([some[self.rows()] for model, some in self.values.items() if model != SECOND], self.score)


def strongest_threshold(values: np.ndarray, sides: Sides) -> Threshold | None:
    """The best threshold against one network on the first of two halves; None where either half lacks a side."""
    sides, counted = halves(sides)
    if not len(counted.forget) or not len(counted.unseen):
        return None
    try:
        return best_threshold(values[sides.forget], values[sides.unseen])
    except TooFewExamples:
        return None


def score_figures(attack: Attack) -> dict[str, go.Figure]:
    """Model -> distribution of its scores by set: of the attacked network, then of the reference, on the same axes."""
    between = attack.between
    shown = [model for model in dict.fromkeys((attack.model, "reference")) if model in attack.values]
    sets = attack.sides.each()
    values = {model: {name: attack.values[model][rows] for name, rows in sets.items()} for model in shown}
    shares = [some for model in shown for some in shares_of(values[model], attack.score, between).values()]
    top = max((float(some.max()) for some in shares), default=1.0)
    return {model: distributions(values[model], attack.score, between, attack.threshold, attack.above, top) for model in shown}


def order_of(attack: Attack) -> list[str]:
    """The networks in the order in which curves and rows name them."""
    return [model for model in ("unlearned", "reference", SECOND, "original") if model in attack.values]


def roc_figure(attack: Attack) -> go.Figure:
    """ROC curves of all networks, with the threshold marked on the attacked one's and the reference's. Raises TooFewExamples."""
    curves = {model: roc(*signed(attack, model))[:2] for model in order_of(attack)}
    rated = {model: attack.mark(model) for model in order_of(attack) if model in (attack.model, "reference")}
    marks = {model: (rates.false_positive, rates.true_positive) for model, rates in rated.items()}
    return roc_curves(curves, marks, attack.model, {**MODEL_TITLE, SECOND: SECOND_REFERENCE_TITLE})


def signed(attack: Attack, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores of members and non-members, signed so that members are expected to score high."""
    member, other = attack.pair(model)
    return (member, other) if attack.above else (-member, -other)


def summary_row(attack: Attack, model: str) -> tuple[dict[str, str], list[str]]:
    """One network's area under the ROC and rates at few false alarms, as text, and why some are missing. Raises TooFewExamples."""
    member, other = signed(attack, model)
    title = SECOND_REFERENCE_TITLE if model == SECOND else model.capitalize()
    line, missing = {"Network": title, "AUC": percent(auc(member, other))}, []
    for share in SMALL:
        title = f"TPR at {percent(share)}"
        try:
            line[title] = percent(tpr_at(member, other, share))
        except TooFewExamples as few:
            line[title] = "–"
            missing.append(str(few))
    return line, missing


def aligned(table: pd.DataFrame, examples: pd.DataFrame) -> pd.DataFrame | None:
    """Rows of `table` in the order of `examples`; None where one of them is missing."""
    if all(np.array_equal(table[name].to_numpy(), examples[name].to_numpy()) for name in ROW):
        return table
    place = pd.MultiIndex.from_frame(table[ROW]).get_indexer(pd.MultiIndex.from_frame(examples[ROW]))
    return None if (place < 0).any() else table.iloc[place].reset_index(drop=True)


def against_alike(request: ForgetRequest, examples: pd.DataFrame) -> bool:
    """Whether the non-members are the test images of the forget request, where there are enough of these; else all test images."""
    return request.by_class or (request.by_rule and int((examples["set"] == "test_forget").sum()) >= FEWEST)


def strongest_attack(examples: pd.DataFrame, request: ForgetRequest, second: pd.DataFrame | None = None) -> Attack:
    """The attack on the unlearned network by its loss, at the threshold that is strongest on one half of the images.

    Where there are too few images for halves, at the median of the scores. second: as in `aligned`.
    """
    score = SCORES["loss"]
    values = {model: scores_of(examples, model, score) for model in models_of(examples)}
    sides = sides_of(examples, against_alike(request, examples), False)
    found = strongest_threshold(values["unlearned"], sides)
    both = values["unlearned"][np.concatenate([sides.forget, sides.unseen])]
    threshold, above = (found.value, found.above) if found else (float(np.median(both)) if len(both) else 0.0, score.above)
    if second is not None:
        values[SECOND] = scores_of(second, "unlearned", score)
    return Attack(score, "unlearned", values, sides, threshold, above, found is not None)
