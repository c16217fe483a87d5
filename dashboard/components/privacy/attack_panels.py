"""Rates, distributions and ROC of a membership attack, with the same attack on the reference."""

from contextlib import suppress

import streamlit as st

from core.domain.formatting import percent
from core.figures import plotly_layout
from core.figures.markdown import plain
from core.figures.metric_tables import SECOND_REFERENCE_TITLE
from core.figures.palette import MODEL_TITLE
from core.figures.privacy.attack import Attack, order_of, roc_figure, score_figures, summary_row
from core.figures.privacy.interpretation import reading, span_of, why_not_counted
from core.figures.privacy.scores import SECOND
from core.metrics.privacy.threshold_attack import TooFewExamples
from dashboard.components.common.tables import show_table

TILES = {  # field of core.metrics.privacy.threshold_attack.Rates -> title, what it is
    "true_positive": ("True positives", "Share of the forget set that is called a member: the network gives these away."),
    "false_positive": ("False positives", "Share of the test images that is called a member: false alarms."),
    "balanced_accuracy": ("Accuracy", "Balanced: forget set and test images weigh the same, however many there are."),
}


def show_rates(attack: Attack) -> None:
    """Four tiles, each with the references' numbers."""
    try:
        ours = attack.rates(attack.model)
        low, high = span_of(attack, attack.model)
        references = {title: attack.rates(m) for m, title in (("reference", "reference"), (SECOND, "second reference"))
                  if m in attack.values and m != attack.model}  # fmt: skip
    except TooFewExamples:
        st.info(why_not_counted(attack.sides), icon=":material/info:")
        return
    cells = st.grid(4, min_column_width=150)
    for field, (label, about) in TILES.items():
        notes = [f"{title} {percent(getattr(rates, field))}" for title, rates in references.items()]
        cell, note = cells.cell(), notes[0] if notes else None
        cell.metric(label, percent(getattr(ours, field)), note, delta_color="off", delta_arrow="off", help=about)
        for note in notes[1:]:  # under the tile: a tile cuts a long note off
            cell.caption(note)
    cells.cell().metric(
        "95 % interval", f"{100 * low:.0f} to {percent(round(high, 2))}", "chance 50 %", delta_color="off", delta_arrow="off",
        help="Of the accuracy (Wilson). While it holds 50 %, which is what guessing gives, this threshold does not tell; another may.",
    )  # fmt: skip


def say_how_to_read(attack: Attack, no_second: str) -> None:
    """What the rates come to, and what the distributions' lines are.

    no_second: a sentence on why there is no second reference, or ''.
    """
    with suppress(TooFewExamples):  # said in the rates' place
        words = reading(attack)
        if attack.chosen:
            st.caption(
                "This threshold is the strongest on one half of the images, so the rates are counted on the other half alone: "
                f"{len(attack.counted.forget)} forgotten and {len(attack.counted.unseen)} unseen. The figures show all images."
            )
        st.caption(words)
        if no_second:
            st.caption(plain(no_second))
    st.caption(
        "How to read it: each line is the share of its own set. The attack calls whatever lies in the shaded part a member. Where the "
        "forget set's solid line lies upon the dashed one of test images, no threshold can part them."
    )


def show_distributions(attack: Attack) -> None:
    """The distribution of the attacked network's scores, next to the reference's."""
    columns, figures = st.columns(2), score_figures(attack)
    for column, (model, figure) in zip(columns, figures.items(), strict=False):
        column.markdown(f"**{MODEL_TITLE[model]}**" + (" · the picture to match" if model == "reference" else ""))
        column.plotly_chart(
            figure, key="scores" if column is columns[0] else "scores-reference", config=plotly_layout.CONFIG,
            alt=f"Step histograms of the {attack.score.title} of forget, retain and test images: {MODEL_TITLE[model]}",
        )  # fmt: skip
    if attack.model == "reference":
        columns[1].info("This is the reference itself: the picture that the others are to match.", icon=":material/info:")
    elif len(figures) == 1:
        columns[1].info("This run trained no reference, so there is no picture to match.", icon=":material/info:")


def show_roc(attack: Attack) -> None:
    """ROC curves on log axes and their summary; the second reference as a thin line."""
    left, right = st.columns([3, 2], gap="large")
    left.markdown("**Every threshold at once**")
    try:
        figure = roc_figure(attack)
    except TooFewExamples:
        left.info(why_not_counted(attack.sides), icon=":material/info:")
        return
    left.plotly_chart(figure, key="roc", config=plotly_layout.CONFIG,
                      alt="ROC on log axes: true-positive rate against false-positive rate of the attack on each network")  # fmt: skip
    left.caption(
        "How to read it: above the long-dashed chance line the attack works; far left it works without false alarms, which is what "
        "harms. The large marks are the threshold above" + (", on all images." if attack.chosen else ".")
    )
    right.markdown("**What it comes to**")
    order = order_of(attack)
    lines = [summary_row(attack, model) for model in order]
    right.html("<style>.st-key-roc_table :is(th, td) * {white-space: nowrap}</style>")  # else the percent sign wraps to its own line
    show_table([line for line, _ in lines], alt="Area under the ROC and true-positive rates at few false alarms, for each network",
               place=right.container(key="roc_table"))  # fmt: skip
    for missing in dict.fromkeys(why for _, reasons in lines for why in reasons):
        right.caption(plain(missing))
    also = f" The {SECOND_REFERENCE_TITLE.lower()} says how far two retrained networks differ." if SECOND in order else ""
    right.caption(
        f"How to read it: AUC: 50 % is chance, 100 % tells all; TPR is what is found while at most so many test images are accused.{also}"
    )
