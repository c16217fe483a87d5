"""The frames that close every run's story, whatever its method: what the weights, the classes and the forgotten images came to."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import plotly.graph_objects as go

from core.domain import WrongInput
from dashboard.components import result_figures
from dashboard.components.figures import hatch, house
from dashboard.components.palette import MODEL_COLOUR, MODEL_PATTERN, MODEL_TITLE
from dashboard.components.steps import Frame, Panel, Story


def frames(story: Story) -> list[Frame]:
    """Before and after: layers, classes, and the answers of the forget set."""
    what = "attribute" if story.multi else "class"
    ends = [
        Frame(
            "What each layer became",
            "The unlearned network beside the original, layer by layer: where the method worked shows in how far each layer moved.",
            partial(_layers, story),
        ),
        Frame(
            f"Before and after, {what} by {what}",
            "What had to go should fall to where the retrained network stands, and everything else should stay: both are told apart here.",
            partial(_classes, story),
        ),
    ]
    if not story.multi:
        ends.append(
            Frame(
                "Where the answers of the forget set went",
                "An image that is forgotten gets another answer, and a network that never saw it shows which answers are natural.",
                partial(_answers, story),
            )
        )
    return ends


def _layers(story: Story) -> Sequence[Panel]:
    return [Panel(
        "Relative change by parameter tensor", "length of the change over that of the original's weights; retraining starts elsewhere and "
        "ends far off.", "Relative change of each parameter tensor from the original's weights",
        result_figures.layer_change(story.table("layers")),
    )]  # fmt: skip


def _classes(story: Story) -> Sequence[Panel]:
    table, what = story.table("per_class"), "attribute" if story.multi else "class"
    figure = result_figures.class_shift(table[table["split"] == "test"], story.classes, story.forgotten, story.multi)
    return [Panel(
        f"Accuracy by {what} on test images", "hollow bars are the original, filled ones the unlearned network, hatched ones the retrained "
        "reference.", f"Bars: accuracy by {what} before, after, and retrained", figure,
    )]  # fmt: skip


def _answers(story: Story) -> Sequence[Panel]:
    return [Panel(
        "Answers on the forget set", "share of the forgotten images that got each answer; the unlearned network's bars should look like "
        "the hatched reference's.", "Bars: share of the forget set by answer, of each network",
        answered(story.table("confusion"), story.classes),
    )]  # fmt: skip


def answered(table: pd.DataFrame, classes: tuple[str, ...]) -> go.Figure:
    """Grouped bars: which answer the forget set got, under each network. table: split, model, predicted, count.

    Raises WrongInput where the table does not tell the forget set apart.
    """
    rows = table[table["split"] == "forget"]
    if not len(rows):
        raise WrongInput("This run stored no answers of the forget set by themselves; run it again.")
    given = [classes[index] for index in sorted(set(rows["predicted"]))]  # one order, whichever network gave an answer first
    figure = go.Figure(layout=house("answer", "share of the forget set", xaxis={"type": "category", "categoryarray": given},
                                    yaxis={"range": [0, 1.04], "tickformat": ".0%"}))  # fmt: skip
    for model, title in MODEL_TITLE.items():
        counts = rows[rows["model"] == model].groupby("predicted")["count"].sum()
        if not len(counts):
            continue
        hollow = model == "original"
        figure.add_bar(
            name=title, x=[classes[index] for index in counts.index], y=(counts / max(1, counts.sum())).to_numpy(),
            marker={"color": "rgba(128,136,144,0.18)" if hollow else MODEL_COLOUR[model],
                    "line": {"color": MODEL_COLOUR[model], "width": 1.5}, "pattern": hatch(MODEL_PATTERN[model])},
            hovertemplate=f"{title} answers %{{x}}: %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    return figure
