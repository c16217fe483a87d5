"""The attack with a threshold that can be dragged without a server: plotly's own slider, each step computed beforehand."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.figures.palette import MODEL_TITLE
from core.figures.plotly_layout import base_layout
from core.figures.privacy.attack import Attack, order_of, roc_figure, score_figures
from core.figures.privacy.attack_figures import LEAST, threshold_marks
from core.figures.privacy.scores import SHOWN, thresholds
from core.metrics.privacy.threshold_attack import rates

STEPS = 60  # of the slider, about
HEIGHT = 860  # pixels
ABOVE, BELOW = [0.68, 1.0], [0.11, 0.46]  # of the height: the distribution, the ROC


def threshold_slider(attack: Attack) -> go.Figure:
    """The attacked network's scores above, the ROC of all networks below, and a slider that moves the threshold in both.

    Raises TooFewExamples where a side of the attack is empty.
    """
    scores, curves = score_figures(attack)[attack.model], roc_figure(attack)
    ends = tuple(scores.layout.xaxis.range)
    marked = [index for index, trace in enumerate(curves.data) if trace.mode == "markers"]
    models = [model for model in order_of(attack) if model in (attack.model, "reference")]
    options = _options(attack)
    first, behind = len(scores.data), {"xaxis": "x2", "yaxis": "y2", "legend": "legend2"}
    traces = [*(trace.to_plotly_json() for trace in scores.data), *(trace.to_plotly_json() | behind for trace in curves.data)]
    steps = [_step(attack, value, ends, models, [first + index for index in marked]) for value in options]
    active = options.index(attack.threshold)
    one, two = scores.layout.to_plotly_json(), curves.layout.to_plotly_json()
    legend = {"orientation": "h", "x": 0, "yanchor": "bottom"}
    return go.Figure(traces, {
        **base_layout("", "", HEIGHT, margin={"l": 8, "r": 8, "t": 64, "b": 8}), **steps[active]["args"][1],
        "xaxis": {**one["xaxis"], "anchor": "y"}, "yaxis": {**one["yaxis"], "domain": ABOVE, "anchor": "x"},
        "xaxis2": {**two["xaxis"], "anchor": "y2"}, "yaxis2": {**two["yaxis"], "domain": BELOW, "anchor": "x2"},
        "legend": {**legend, "y": 1.04}, "legend2": {**legend, "y": BELOW[1] + 0.01},
        "sliders": [{
            "active": active, "steps": steps, "x": 0, "len": 1, "y": 0, "yanchor": "top", "pad": {"t": 44, "b": 8}, "ticklen": 0,
            "minorticklen": 0, "currentvalue": {"prefix": f"Threshold on the {attack.score.title} ({attack.score.unit}), drag it: "},
            "font": {"size": 12}, "transition": {"duration": 0},
        }],
    })  # fmt: skip


def _options(attack: Attack) -> list[float]:
    """Ascending thresholds over the axis, the attack's own among them."""
    every = thresholds(attack.between, attack.score, ())
    chosen = {SHOWN(value): value for value in every[:: max(1, len(every) // STEPS)]} | {SHOWN(attack.threshold): attack.threshold}
    return sorted(chosen.values())


def _step(attack: Attack, threshold: float, ends: tuple[float, float], models: list[str], marked: list[int]) -> dict[str, Any]:
    """What changes in the figure at one threshold: its line, its marks on the ROC, and the rates in words."""
    found = {model: rates(*attack.pair(model), threshold, attack.above) for model in models}
    x, y = ([[float(np.log10(max(getattr(rate, name), LEAST)))] for rate in found.values()] for name in ("false_positive", "true_positive"))
    about = [[[rate.false_positive, rate.true_positive]] for rate in found.values()]
    words = "<br>".join(
        f"{MODEL_TITLE[model]}: finds {percent(rate.true_positive)} of the forget set at {percent(rate.false_positive)} false alarms; "
        f"balanced accuracy {percent(rate.balanced_accuracy)}"
        for model, rate in found.items()
    )
    marks = threshold_marks(attack.score, threshold, attack.above, ends)
    line = {"text": words, "x": 0, "xref": "paper", "xanchor": "left", "y": ABOVE[0] - 0.1, "yref": "paper", "yanchor": "top",
            "align": "left", "showarrow": False}  # fmt: skip
    layout = {**marks, "annotations": [*marks["annotations"], line]}
    return {"method": "update", "label": SHOWN(threshold), "args": [{"x": x, "y": y, "customdata": about}, layout, marked]}
