"""Rates, distributions and ROC of a membership attack, with the same attack on the reference."""

import numpy as np
import streamlit as st

from core.domain.formatting import percent
from core.figures import plotly_layout
from core.figures.markdown import plain
from core.figures.palette import MODEL_TITLE
from core.figures.privacy.attack_figures import distributions, roc_curves, shares_of
from core.figures.privacy.scores import SECOND, axis_range
from core.metrics.privacy.threshold_attack import TooFewExamples, auc, roc, tpr_at
from dashboard.components.common.metric_tables import SECOND_REFERENCE_TITLE
from dashboard.components.common.tables import show_table
from dashboard.components.privacy.attack_controls import Attack
from dashboard.components.privacy.interpretation import reading, span_of, why_not_counted

TILES = {  # field of core.metrics.privacy.threshold_attack.Rates -> title, what it is
    "true_positive": ("True positives", "Share of the forget set that is called a member: the network gives these away."),
    "false_positive": ("False positives", "Share of the test images that is called a member: false alarms."),
    "balanced_accuracy": ("Accuracy", "Balanced: forget set and test images weigh the same, however many there are."),
}


def show_rates(attack: Attack, no_second: str) -> None:
    """Four tiles, each with the references' numbers, and their interpretation.

    no_second: a sentence on why there is no second reference, or ''.
    """
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
    if attack.chosen:
        st.caption(
            "This threshold is the strongest on one half of the images, so the rates are counted on the other half alone: "
            f"{len(attack.counted.forget)} forgotten and {len(attack.counted.unseen)} unseen. The figures show all images."
        )
    st.caption(reading(attack))
    if no_second:
        st.caption(plain(no_second))


def show_distributions(attack: Attack) -> None:
    """The distribution of the attacked network's scores, next to the reference's."""
    between = axis_range([some[attack.rows()] for model, some in attack.values.items() if model != SECOND], attack.score)
    shown = [model for model in dict.fromkeys((attack.model, "reference")) if model in attack.values]
    sets = attack.sides.each()
    values = {model: {name: attack.values[model][rows] for name, rows in sets.items()} for model in shown}
    shares = [some for model in shown for some in shares_of(values[model], attack.score, between).values()]
    top = max((float(some.max()) for some in shares), default=1.0)
    columns = st.columns(2)
    for column, model in zip(columns, shown, strict=False):
        column.markdown(f"**{MODEL_TITLE[model]}**" + (" · the picture to match" if model == "reference" else ""))
        column.plotly_chart(
            distributions(values[model], attack.score, between, attack.threshold, attack.above, top),
            key="scores" if column is columns[0] else "scores-reference", config=plotly_layout.CONFIG,
            alt=f"Step histograms of the {attack.score.title} of forget, retain and test images: {MODEL_TITLE[model]}",
        )  # fmt: skip
    if attack.model == "reference":
        columns[1].info("This is the reference itself: the picture that the others are to match.", icon=":material/info:")
    elif len(shown) == 1:
        columns[1].info("This run trained no reference, so there is no picture to match.", icon=":material/info:")
    st.caption(
        "How to read it: each line is the share of its own set. The attack calls whatever lies in the shaded part a member. Where the "
        "forget set's solid line lies upon the dashed one of test images, no threshold can part them."
    )


SMALL = (0.1, 0.01)  # false-positive rates at which an attack is judged


def show_roc(attack: Attack) -> None:
    """ROC curves on log axes and their summary; the second reference as a thin line."""
    order: list[str] = [model for model in ("unlearned", "reference", SECOND, "original") if model in attack.values]
    left, right = st.columns([3, 2], gap="large")
    left.markdown("**Every threshold at once**")
    try:
        curves = {model: roc(*_signed(attack, model))[:2] for model in order}
        rated = {model: attack.mark(model) for model in order if model in (attack.model, "reference")}
    except TooFewExamples:
        left.info(why_not_counted(attack.sides), icon=":material/info:")
        return
    marks = {model: (rates.false_positive, rates.true_positive) for model, rates in rated.items()}
    left.plotly_chart(
        roc_curves(curves, marks, attack.model, {**MODEL_TITLE, SECOND: SECOND_REFERENCE_TITLE}), key="roc", config=plotly_layout.CONFIG,
        alt="ROC on log axes: true-positive rate against false-positive rate of the attack on each network",
    )  # fmt: skip
    left.caption(
        "How to read it: above the long-dashed chance line the attack works; far left it works without false alarms, which is what "
        "harms. The large marks are the threshold above" + (", on all images." if attack.chosen else ".")
    )
    right.markdown("**What it comes to**")
    lines = [_line(model, *_signed(attack, model)) for model in order]
    right.html("<style>.st-key-roc_table :is(th, td) * {white-space: nowrap}</style>")  # else the percent sign wraps to its own line
    show_table([line for line, _ in lines], alt="Area under the ROC and true-positive rates at few false alarms, for each network",
               place=right.container(key="roc_table"))  # fmt: skip
    for missing in dict.fromkeys(why for _, reasons in lines for why in reasons):
        right.caption(plain(missing))
    also = f" The {SECOND_REFERENCE_TITLE.lower()} says how far two retrained networks differ." if SECOND in order else ""
    right.caption(
        f"How to read it: AUC: 50 % is chance, 100 % tells all; TPR is what is found while at most so many test images are accused.{also}"
    )


def _signed(attack: Attack, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores of members and non-members, signed so that members are expected to score high."""
    member, other = attack.pair(model)
    return (member, other) if attack.above else (-member, -other)


def _line(model: str, member: np.ndarray, other: np.ndarray) -> tuple[dict[str, str], list[str]]:
    """One network's numbers as text, and why some are missing."""
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
