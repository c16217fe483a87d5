"""Inside Selective Synaptic Dampening: from two importances of each weight to the dampened weights."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import log10
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.figures.inside.figures import bars, histogram
from core.figures.inside.frames import Frame, Panel, Story, missing
from core.figures.palette import MODEL_COLOUR, THRESHOLD
from core.figures.plotly_layout import base_layout
from core.figures.ssd_figures import DECADES, dampened_share, layer_importance, split_bars

BETAS = np.linspace(0, 1, 41)
View = Callable[[], Mapping[str, Any]]  # see core.analysis.weights.importance_summary.importance_view


def frames(story: Story, view: View) -> list[Frame]:
    """Measure, compare, select, dampen."""
    factors = story.under("dampening")
    if not factors or "ssd/alpha" not in story.recorded:
        return [missing("Importance and dampening", "importances")]
    alpha, strength = float(story.recorded["ssd/alpha"]), float(story.params["lambda"])
    summary = cache(partial(dampened, factors))
    ratio = partial(_ratios, view, alpha, strength)
    rule = "the adaptive rule chose it" if isinstance(story.params.get("alpha"), str) else "it was set by hand"
    if story.params.get("settings") == "auto":
        rule = "a search chose it"
    return [
        Frame(
            "Two importances of every weight",
            "How strongly the loss reacts to each weight is measured twice, on the forget set and on all training data: what serves only "
            "the forgotten images must be found first.", partial(_importance, view),
        ),
        Frame(
            "One number decides: the ratio",
            "Importance to the forget set is divided by importance to all data: far right lies what matters to the forget set out of "
            "proportion.", partial(ratio, 0),
        ),
        Frame(
            "α draws the line",
            f"The threshold is α = {alpha:.2f} ({rule}): only weights that matter more than α times as much to the forget set will be "
            "touched.", partial(ratio, 1),
        ),
        Frame(
            "Right of the line: selected",
            "Selected weights serve the forget set out of proportion; all others are left as they are, which is to spare the retain set.",
            partial(ratio, 2),
        ),
        Frame(
            "β: how much of each is left",
            f"A selected weight is multiplied by β = λ / ratio, with λ = {strength:.2f}: the more it belongs to the forget set alone, the "
            "less of it stays.", partial(_betas, summary),
        ),
        Frame(
            "Dampened weights by layer",
            "That is SSD's whole edit, without any training: which layers it fell on tells where the forget set was encoded.",
            partial(_by_layer, summary),
        ),
    ]  # fmt: skip


def dampened(factors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """`counts` of factors below 1 between BETAS; `share`: layer -> of its weights dampened; `left`: layer -> mean factor of those;
    `all`: share of all weights dampened."""
    below = {layer: np.asarray(factor)[np.asarray(factor) < 1] for layer, factor in factors.items()}
    weights = sum(np.asarray(factor).size for factor in factors.values())
    return {
        "counts": sum((np.histogram(values, BETAS)[0] for values in below.values()), np.zeros(len(BETAS) - 1, int)),
        "share": {layer: values.size / max(1, np.asarray(factors[layer]).size) for layer, values in below.items()},
        "left": {layer: float(values.mean()) if values.size else float("nan") for layer, values in below.items()},
        "all": sum(values.size for values in below.values()) / max(1, weights),
    }


def ratios(view: Mapping[str, Any], alpha: float, strength: float, stage: int) -> go.Figure:
    """The histogram of ratios, on the same axes at each stage: 0 alone, 1 with α and the ceiling, 2 with the selected weights coloured."""
    edges, counts = np.array(view["histogram"]["edges"]), np.array(view["histogram"]["counts"])
    centres = (edges[1:] + edges[:-1]) / 2
    line, ceiling = log10(max(alpha, 1e-12)), view["ceiling"]
    cut = max(line, log10(max(strength, 1e-12))) if stage == 2 else np.inf
    right = max(edges[-1], line, log10(ceiling) if ceiling else -np.inf)
    heavy = centres[counts.cumsum() > 0.005 * counts.sum()]
    left = min(float(heavy[0]) if len(heavy) else edges[0], line - 0.2)
    bars = [{**trace, "showlegend": stage == 2} for trace in split_bars(edges, counts, cut)]
    figure = go.Figure(bars, base_layout(
        "importance, forget set / all data (log scale)", "weights", bargap=0, barmode="stack", margin={"t": 56},
        xaxis={"range": [left, right + 0.15 * (right - left)], "tickvals": list(DECADES), "ticktext": [f"{10.0**d:g}" for d in DECADES]},
        yaxis={"type": "log", "exponentformat": "power", "dtick": 1},
    ))  # fmt: skip
    if stage:
        figure.add_vline(line, line={"width": 3, "color": THRESHOLD}, annotation={"text": f"α = {alpha:.2f}", "yanchor": "bottom"},
                         annotation_position="top left")  # fmt: skip
        if ceiling:
            figure.add_vline(log10(ceiling), line={"width": 2, "dash": "dot", "color": MODEL_COLOUR["reference"]},
                             annotation={"text": f"n/k = {ceiling:.2f}", "yanchor": "bottom"}, annotation_position="top right")  # fmt: skip
    return figure


def _importance(view: View) -> Sequence[Panel]:
    return [Panel(
        "Mean importance by layer", "where the hatched bar is the taller one, the layer matters more to the forget set than to all images.",
        "Bars: mean importance of each parameter tensor on the forget set and on all data", layer_importance(view()["layers"]),
    )]  # fmt: skip


def _ratios(view: View, alpha: float, strength: float, stage: int) -> Sequence[Panel]:
    how = (
        "each bar counts the weights with that ratio; 1 means as important to the forget set as to all data.",
        "weights right of the α line will be selected; with per-image importances none can lie right of n/k.",
        "the coloured weights are made smaller, those in grey, left of the threshold, keep their value to the last bit.",
    )
    return [Panel("Ratio of importances, weight by weight", how[stage], "Histogram of the importance ratio"
                  + (" with alpha drawn in" if stage else ""), ratios(view(), alpha, strength, stage))]  # fmt: skip


def _betas(summary: Callable[[], dict[str, Any]]) -> Sequence[Panel]:
    dampening = summary()
    figure = histogram(dampening["counts"], BETAS, "β, the factor that a selected weight is multiplied by", "weights")
    return [Panel(f"Distribution of β over the {percent(dampening['all'])} of all weights that were dampened",
                  "at the left end weights are all but erased, at the right end hardly changed.", "Histogram of beta", figure)]  # fmt: skip


def _by_layer(summary: Callable[[], dict[str, Any]]) -> Sequence[Panel]:
    dampening = summary()
    names = list(dampening["left"])
    left = bars(names, [dampening["left"][name] for name in names], "parameter tensor, input to output", "mean β", share=True)
    return [
        Panel("Share of weights dampened", "tall bars at the right mean that forgetting happens near the output.",
              "Bars: share of each parameter tensor's weights that were dampened", dampened_share(dampening["share"])),
        Panel("How much of them is left", "mean β of the dampened weights of each tensor: low bars were hit hardest; no bar: none was.",
              "Bars: mean beta of each parameter tensor", left),
    ]  # fmt: skip
