"""What one membership attack comes to: rates, distributions, ROC; beside the same attack on the reference."""

import numpy as np
import pandas as pd
import streamlit as st

from core.privacy.thresholds import TooFewExamples, auc, interval, roc, tpr_at
from core.verdict import percent
from dashboard.components import figures
from dashboard.components.palette import MODEL_TITLE
from dashboard.components.privacy import FEW, distributions, roc_curves, shares_of
from dashboard.components.privacy_attack import Attack
from dashboard.components.privacy_scores import Sides, reach
from dashboard.components.text import plain

SMALL = (0.1, 0.01)  # false-positive rates at which an attack is judged


def show_rates(attack: Attack) -> None:
    """Four tiles, each with the reference's number, and what they allow to say."""
    try:
        ours = attack.rates(attack.model)
    except TooFewExamples:
        st.info(_nobody(attack.sides), icon=":material/info:")
        return
    count = min(len(attack.sides.forget), len(attack.sides.unseen))
    low, high = interval(ours.balanced_accuracy, count)
    beside = attack.rates("reference") if "reference" in attack.values and attack.model != "reference" else None
    cells = st.grid(4, min_column_width=150)

    def tile(label: str, value: float, about: str, reference: float | None) -> None:
        note = None if reference is None else f"reference {percent(reference)}"
        cells.cell().metric(label, percent(value), note, delta_color="off", delta_arrow="off", help=about)

    tile("True positives", ours.true_positive, "Share of the forget set that is called a member: the network gives these away.",
         beside.true_positive if beside else None)  # fmt: skip
    tile("False positives", ours.false_positive, "Share of the unseen images that is called a member: false alarms.",
         beside.false_positive if beside else None)  # fmt: skip
    tile("Accuracy", ours.balanced_accuracy, "Balanced: forget set and unseen images weigh the same, however many there are.",
         beside.balanced_accuracy if beside else None)  # fmt: skip
    cells.cell().metric(
        "95 % interval", f"{100 * low:.0f} to {percent(round(high, 2))}", "chance 50 %", delta_color="off", delta_arrow="off",
        help="Of the accuracy (Wilson). While it holds 50 %, which is what guessing gives, nobody can tell.",
    )  # fmt: skip
    st.caption(_reading(low, high, count, attack))


def _nobody(sides: Sides) -> str:
    empty = "forgotten" if not len(sides.forget) else "unseen"
    return f"There are no {empty} images to hold against the others, so this attack cannot be counted."


def _reading(low: float, high: float, count: int, attack: Attack) -> str:
    if count < FEW:
        side = "forget set" if len(attack.sides.forget) <= len(attack.sides.unseen) else "unseen images"
        return (
            f"With {count} image{'s' if count > 1 else ''} in the {side}, each is {percent(1 / count)} of a rate: "
            "look at the images below, not at the rates."
        )
    if low <= 0.5 <= high:
        return (
            "At this threshold the attack is no better than chance: its interval holds 50 %. That alone proves nothing, for an untouched "
            "network can pass it too: hold the picture below against the reference's."
        )
    if high < 0.5:
        return (
            "At this threshold the attack is worse than chance: forgotten images look less familiar than unseen ones, and whoever "
            "turns the side around can tell. Too much was forgotten."
        )
    return (
        "At this threshold the attack beats chance. Whether that is a leak the reference decides: it never saw these images. "
        "A worst case is chosen on the images that it is counted on, so it flatters every attack a little."
    )


def show_distributions(attack: Attack) -> None:
    """The attacked network's scores, and beside them the reference's: the picture to match."""
    between = reach([some[attack.rows()] for some in attack.values.values()], attack.score)
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
            key="scores" if column is columns[0] else "scores-reference", config=figures.CONFIG,
            alt=f"Step histograms of the {attack.score.title} of forgotten, kept and unseen images: {MODEL_TITLE[model]}",
        )  # fmt: skip
    if attack.model == "reference":
        columns[1].info("This is the reference itself: the picture that the others are to match.", icon=":material/info:")
    elif len(shown) == 1:
        columns[1].info("This run trained no reference, so there is no picture to match.", icon=":material/info:")
    st.caption(
        "How to read it: each line is the share of its own set. The attack calls whatever lies in the shaded part a member. Where the "
        "forget set's solid line lies upon the dashed one of unseen images, no threshold can part them."
    )


def show_roc(attack: Attack) -> None:
    """All thresholds at once, on log axes, and what they come to."""
    order: list[str] = [model for model in ("unlearned", "reference", "original") if model in attack.values]
    left, right = st.columns([3, 2], gap="large")
    left.markdown("**Every threshold at once**")
    try:
        curves = {model: roc(*_signed(attack, model))[:2] for model in order}
        rated = {model: attack.rates(model) for model in order if model in (attack.model, "reference")}
    except TooFewExamples:
        left.info(_nobody(attack.sides), icon=":material/info:")
        return
    marks = {model: (found.false_positive, found.true_positive) for model, found in rated.items()}
    left.plotly_chart(
        roc_curves(curves, marks, attack.model), key="roc", config=figures.CONFIG,
        alt="ROC on log axes: true-positive rate against false-positive rate of the attack on each network",
    )  # fmt: skip
    left.caption(
        "How to read it: above the thin chance line the attack works; far left it works without false alarms, which is what harms. "
        "The large marks are the threshold above."
    )
    right.markdown("**What it comes to**")
    lines = [_line(model, *_signed(attack, model)) for model in order]
    right.table(pd.DataFrame([line for line, _ in lines]), hide_index=True,
                alt="Area under the ROC and true-positive rates at few false alarms, for each network")  # fmt: skip
    for missing in dict.fromkeys(why for _, reasons in lines for why in reasons):
        right.caption(plain(missing))
    right.caption("How to read it: AUC 0.5 is chance, 1 tells all; TPR is what is found while at most so many unseen ones are accused.")


def _signed(attack: Attack, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Both sides' scores, turned so that members are expected to score high."""
    member, other = attack.pair(model)
    return (member, other) if attack.above else (-member, -other)


def _line(model: str, member: np.ndarray, other: np.ndarray) -> tuple[dict[str, str], list[str]]:
    """One network's numbers as text, and why some are missing."""
    line, missing = {"Network": model.capitalize(), "AUC": f"{auc(member, other):.3f}"}, []
    for share in SMALL:
        title = f"TPR at {percent(share)}"
        try:
            line[title] = percent(tpr_at(member, other, share))
        except TooFewExamples as few:
            line[title] = "–"
            missing.append(str(few))
    return line, missing
