"""All thresholds of one membership attack at once: ROC and what it comes to, on every network."""

import numpy as np
import streamlit as st

from core.privacy.thresholds import TooFewExamples, auc, roc, tpr_at
from core.verdict import percent
from dashboard.components import figures
from dashboard.components.numbers import FLOOR_TITLE
from dashboard.components.palette import MODEL_TITLE
from dashboard.components.privacy import roc_curves
from dashboard.components.privacy_attack import Attack
from dashboard.components.privacy_reading import nobody
from dashboard.components.privacy_scores import SECOND
from dashboard.components.tables import show_table
from dashboard.components.text import plain

SMALL = (0.1, 0.01)  # false-positive rates at which an attack is judged


def show_roc(attack: Attack) -> None:
    """All thresholds at once, on log axes, and what they come to; the second reference as a thin line."""
    order: list[str] = [model for model in ("unlearned", "reference", SECOND, "original") if model in attack.values]
    left, right = st.columns([3, 2], gap="large")
    left.markdown("**Every threshold at once**")
    try:
        curves = {model: roc(*_signed(attack, model))[:2] for model in order}
        rated = {model: attack.mark(model) for model in order if model in (attack.model, "reference")}
    except TooFewExamples:
        left.info(nobody(attack.sides), icon=":material/info:")
        return
    marks = {model: (found.false_positive, found.true_positive) for model, found in rated.items()}
    left.plotly_chart(
        roc_curves(curves, marks, attack.model, {**MODEL_TITLE, SECOND: FLOOR_TITLE}), key="roc", config=figures.CONFIG,
        alt="ROC on log axes: true-positive rate against false-positive rate of the attack on each network",
    )  # fmt: skip
    left.caption(
        "How to read it: above the long-dashed chance line the attack works; far left it works without false alarms, which is what "
        "harms. The large marks are the threshold above" + (", on all images." if attack.chosen else ".")
    )
    right.markdown("**What it comes to**")
    lines = [_line(model, *_signed(attack, model)) for model in order]
    right.html("<style>.st-key-roc_table :is(th, td) * {white-space: nowrap}</style>")  # else the percent sign stands alone on a line
    show_table([line for line, _ in lines], alt="Area under the ROC and true-positive rates at few false alarms, for each network",
               place=right.container(key="roc_table"))  # fmt: skip
    for missing in dict.fromkeys(why for _, reasons in lines for why in reasons):
        right.caption(plain(missing))
    also = f" The {FLOOR_TITLE.lower()} says how far two retrained networks differ." if SECOND in order else ""
    right.caption(
        f"How to read it: AUC: 50 % is chance, 100 % tells all; TPR is what is found while at most so many unseen ones are accused.{also}"
    )


def _signed(attack: Attack, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Both sides' scores, turned so that members are expected to score high."""
    member, other = attack.pair(model)
    return (member, other) if attack.above else (-member, -other)


def _line(model: str, member: np.ndarray, other: np.ndarray) -> tuple[dict[str, str], list[str]]:
    """One network's numbers as text, and why some are missing."""
    title = FLOOR_TITLE if model == SECOND else model.capitalize()
    line, missing = {"Network": title, "AUC": percent(auc(member, other))}, []
    for share in SMALL:
        title = f"TPR at {percent(share)}"
        try:
            line[title] = percent(tpr_at(member, other, share))
        except TooFewExamples as few:
            line[title] = "–"
            missing.append(str(few))
    return line, missing
