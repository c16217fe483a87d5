"""Weights of the user's own for the original: an uploader, what is said of the file, and how it is to be read."""

from typing import Any

import pandas as pd
import streamlit as st

from core.descriptions import DatasetInfo
from core.domain import ORDERS
from core.verdict import percent
from core.weights.advice import accuracy_line, in_words, likely_order, offered, reading, start, warnings, why
from core.weights.scanning import KINDS
from dashboard import queries
from dashboard.components.tables import show_frame
from dashboard.components.text import plain
from dashboard.session import belongs

SHORT = {"Right on training images": "Train", "Right on test images": "Test"}  # the column is narrow, and both must be in sight
HERE = "here"  # the order in which the dataset's classes stand


def own_weights(data: DatasetInfo, model: str) -> tuple[str, str] | None:
    """What a RunSpec calls the weights, and how they are read: '' where none were brought, None where the file does not fit."""
    with st.expander("Own weights for the original", icon=":material/upload_file:"):
        brought = st.file_uploader(
            "Weights, up to 1 GB", [kind.removeprefix(".") for kind in KINDS], key="own_weights",
            help="A state dict of this very architecture, as torch.save(model.state_dict(), FILE) or safetensors writes it. Nothing in "
            "the file is run. Without a file the original is trained here.",
        )  # fmt: skip
        if brought is None:
            st.caption("None: the original is trained here, by the recipe.")
            return "", ""
        said = queries.own_weights(data.key, model, brought.name, brought)
        if "wrong" in said:
            st.error(plain(said["wrong"]), icon=":material/error:")
            return None
        st.success(f"fits: {said['count']:,} weights", icon=":material/check:")
        for note in said["notes"]:
            st.info(plain(note), icon=":material/info:")
        read_as = _ask_reading(said, data, (data.key, model, brought.file_id))
        st.caption("The original gets these weights; the reference is trained here all the same, so differences include the recipe's.")
        return str(said["weights"]), read_as


def _ask_reading(said: dict[str, Any], data: DatasetInfo, owner: tuple[str, ...]) -> str:
    """The normalisation and the order of classes that are chosen, as a RunSpec holds them; owner: what the choice belongs to."""
    first, options = start(said), offered(said)
    belongs("normalisation", owner, first)
    chosen = st.selectbox(
        "Normalisation of pixels that the weights were trained with", sorted(options, key=lambda key: key != first),
        format_func=lambda key: f"{key}: {options[key]}", key="normalisation",
    )  # fmt: skip
    order = HERE
    if likely := likely_order(said, chosen):
        belongs("class_order", (*owner, chosen), HERE)
        order = st.selectbox(
            "Order of classes in the file", [HERE, likely],
            format_func=lambda name: f"{name}: {ORDERS.get(name, 'as they stand in this dataset')}", key="class_order",
        )  # fmt: skip
    how = reading(said, data.classes, chosen, "" if order == HERE else order)
    st.caption(plain(" ".join(filter(None, [why(said, how), accuracy_line(said, how)]))))
    if "tried" in said:
        show_frame(
            _table(said, data.classes, chosen), key="weights_tried", alt="How many images the network gets right with each normalisation",
            column_config={name: st.column_config.TextColumn(label, help=f"{name}.", width=60) for name, label in SHORT.items()},
        )
    for warning in warnings(said, data.classes, how):
        st.warning(plain(warning), icon=":material/warning:")
    return how.text


def _table(said: dict[str, Any], classes: tuple[str, ...], chosen: str) -> pd.DataFrame:
    """Every normalisation with the classes as they stand here, and the likely order, where there is one, with the chosen."""
    rows = [(one["key"], row) for one in said["tried"] for row in one["orders"] if not row["name"] or
            (one["key"] == chosen and row["name"] == one["likely"])]  # fmt: skip
    return pd.DataFrame({
        "Normalisation": [key for key, _ in rows],
        "Right on training images": [percent(row["train"]) for _, row in rows],
        "Right on test images": [percent(row["test"]) for _, row in rows],
        "Order of classes": [in_words(classes, tuple(row["order"])) for _, row in rows],
    })  # fmt: skip
