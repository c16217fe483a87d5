"""Which weights carry what must go: dampen them while looking, see where they lie, and which ones each method moved."""

from functools import partial

import streamlit as st

from core.descriptions import DatasetInfo
from core.store.outcome import Run
from dashboard import queries
from dashboard.components import figures, result_figures
from dashboard.components.fragments import fragment
from dashboard.components.lacks import lacks
from dashboard.components.opened import finished_run
from dashboard.components.parameters import Source, safely, source
from dashboard.components.parameters_explorer import explorer
from dashboard.components.parameters_importance import importances
from dashboard.components.parameters_touched import touched

PARTS = {  # name in the store -> what is not to be seen without it
    "layers": "how far each layer moved", "original": "the original's weights", "unlearned": "the unlearned network's weights",
}  # fmt: skip


def dampening(chosen: Source) -> None:
    """The explorer, and what it is explained by."""
    view = queries.importance_view(*chosen.asked)
    st.subheader("Dampen again, without a new run")
    explorer(chosen, view)
    st.subheader("Importance by layer")
    fragment(partial(importances, chosen, view))


def moved(run: Run) -> None:
    """The run by itself."""
    st.subheader("How far each layer moved")
    st.plotly_chart(result_figures.layer_change(queries.table(run.id, "layers", *queries.edition(run))), key="moved", config=figures.CONFIG,
                    alt="Relative change of each parameter tensor from the original's weights")  # fmt: skip
    st.caption(
        "How to read it: length of the change over that of the original's weights. Retraining starts elsewhere and ends far off."
    )


def page(run: Run, data: DatasetInfo) -> None:
    """Question, explorer, importance, what was touched."""
    names = queries.stored(run)
    st.markdown("Which weights carry what must be forgotten, what happens when they are dampened, and which ones did each method move?")
    lacks(run, PARTS, "views/parameters.py", reference="divergence from it, its bars and its row are missing below")
    if "original" in names:
        chosen = source(run, names, data)
        if chosen is not None:
            safely(partial(dampening, chosen))
    if "layers" in names:
        safely(partial(moved, run))
    if {"original", "unlearned"} <= names:
        st.subheader("Which weights did each method move?")
        fragment(partial(touched, run, names))


run = finished_run()
if run is not None:
    page(run, queries.dataset(run.spec.dataset))
