"""What one threshold of a membership attack comes to: rates and distributions; beside the same attack on the reference."""

import streamlit as st

from core.privacy.thresholds import TooFewExamples
from core.verdict import percent
from dashboard.components import figures
from dashboard.components.palette import MODEL_TITLE
from dashboard.components.privacy import distributions, shares_of
from dashboard.components.privacy_attack import Attack
from dashboard.components.privacy_reading import nobody, reading, span_of
from dashboard.components.privacy_scores import SECOND, reach
from dashboard.components.text import plain

TILES = {  # field of core.privacy.thresholds.Rates -> title, what it is
    "true_positive": ("True positives", "Share of the forget set that is called a member: the network gives these away."),
    "false_positive": ("False positives", "Share of the unseen images that is called a member: false alarms."),
    "balanced_accuracy": ("Accuracy", "Balanced: forget set and unseen images weigh the same, however many there are."),
}


def show_rates(attack: Attack, no_second: str) -> None:
    """Four tiles, each with the references' numbers, and what they allow to say.

    no_second: why there is no second reference, where a sentence says so.
    """
    try:
        ours = attack.rates(attack.model)
        low, high = span_of(attack, attack.model)
        beside = {title: attack.rates(m) for m, title in (("reference", "reference"), (SECOND, "second reference"))
                  if m in attack.values and m != attack.model}  # fmt: skip
    except TooFewExamples:
        st.info(nobody(attack.sides), icon=":material/info:")
        return
    cells = st.grid(4, min_column_width=150)
    for field, (label, about) in TILES.items():
        notes = [f"{title} {percent(getattr(found, field))}" for title, found in beside.items()]
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
    """The attacked network's scores, and beside them the reference's: the picture to match."""
    between = reach([some[attack.rows()] for model, some in attack.values.items() if model != SECOND], attack.score)
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
