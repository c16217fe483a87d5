"""The card of one image: each network's predictions as bars and as a table; pure."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.domain.run import MODELS
from core.figures.markdown import name, on_axis
from core.figures.palette import MODEL_COLOUR, MODEL_PATTERN, MODEL_TITLE
from core.figures.plotly_layout import apply_layout, hatch
from core.figures.privacy.scores import Score

LISTED = 12  # classes in the bars, at most


def probabilities(
    predictions: dict[str, np.ndarray], row: int, classes: tuple[str, ...], label: int | tuple[int, ...], wrong: int | None = None
) -> go.Figure:
    """Grouped bars: each network's class probabilities for one image. predictions: model -> (N, C); the true class is marked.

    Of many classes the likeliest under any network are shown, and the true one. label: the class, or the image's
    attributes, each of which has a probability by itself. wrong: what the request called the image instead; marked too.
    """
    multi = not isinstance(label, int)
    true = {*label} if isinstance(label, tuple) else {label}
    rows = {model: predictions[model][row] for model in MODELS if model in predictions}
    order = np.argsort(-np.max(list(rows.values()), axis=0), kind="stable")
    marks = ({} if wrong is None else {wrong: "✗"}) | dict.fromkeys(true, "✓")
    shown = sorted({*order[:LISTED].tolist(), *marks}) if len(classes) > LISTED else list(range(len(classes)))
    short_names = on_axis([classes[index] for index in shown])
    names = [f"<b>{text} {marks[index]}</b>" if index in marks else text for index, text in zip(shown, short_names, strict=True)]
    figure = go.Figure()
    for model, values in rows.items():
        hollow = model == "original"
        figure.add_bar(
            name=MODEL_TITLE[model], x=names, y=values[shown],
            marker={
                "color": "rgba(128,136,144,0.18)" if hollow else MODEL_COLOUR[model],
                "line": {"color": MODEL_COLOUR[model], "width": 1.5}, "pattern": hatch(MODEL_PATTERN[model]),
            },
            hovertemplate=f"{MODEL_TITLE[model]}, {'attribute' if multi else 'class'} %{{x}}: %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_xaxes(type="category")
    one = "class (✓ = true)" if wrong is None else "class (✓ = true, ✗ = the wrong label)"
    figure = apply_layout(figure, "attribute (✓ = the image has it)" if multi else one, "probability")
    figure.update_layout(legend={"y": -0.3, "yanchor": "top"}, margin={"t": 8})
    return figure


def card_table(
    examples: pd.DataFrame, row: int, classes: tuple[str, ...], models: list[str], scores: list[Score], *, multi: bool = False
) -> pd.DataFrame:
    """One column per network: its prediction for this image (multi: how many attributes are right), and each score."""
    example = examples.iloc[row]
    columns = {
        model.capitalize(): [
            f"{int(example[f'{model}_answer'])} of {len(classes)}" if multi else name(classes[int(example[f"{model}_answer"])]),
            *(None if np.isnan(v := example[f"{model}_{score.key}"]) else f"{v:.3g}" for score in scores),
        ]
        for model in models
    }
    return pd.DataFrame({"": ["attributes right" if multi else "answer", *(score.title for score in scores)], **columns})
