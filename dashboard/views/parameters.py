"""Which weights carry the forget set: the dampening explorer, importances by layer, and which weights each method changed."""

from functools import partial

import streamlit as st

from core.domain.info import DatasetInfo
from core.domain.methods.chains import is_chain, steps_of
from core.figures import class_figures, plotly_layout
from core.figures.markdown import plain
from core.storage.record_types import Run
from dashboard.components.common.current_run import finished_run
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.level import guided, more_in_full
from dashboard.components.common.missing_results import show_missing_parts
from dashboard.components.parameters.importance_panel import importances
from dashboard.components.parameters.importance_source import Source, own_source, source
from dashboard.components.parameters.ssd_explorer import at_own_settings, explorer
from dashboard.components.parameters.weight_changes_panel import show_weight_changes
from dashboard.queries import catalogue, runs

PARTS = {  # stored name -> what the page cannot show without it
    "layers": "how far each layer moved", "original": "the original's weights", "unlearned": "the unlearned network's weights",
}  # fmt: skip


def dampening(chosen: Source) -> None:
    """The dampening explorer, and the importances behind it."""
    view = chosen.ask("importance_view")
    explorer(chosen, view)
    st.subheader("Importance by layer")
    fragment(partial(importances, chosen, view))


def moved(run: Run) -> None:
    """How far each layer moved in this run."""
    st.subheader("How far each layer moved")
    layers = runs.handle(run).table("layers")
    st.plotly_chart(class_figures.layer_change(layers), key="moved", config=plotly_layout.CONFIG,
                    alt="Relative change of each parameter tensor from the original's weights")  # fmt: skip
    st.caption(
        "How to read it: length of the change over that of the original's weights. Retraining starts elsewhere and ends far off."
    )


def main_picture(run: Run, names: frozenset[str], data: DatasetInfo) -> None:
    """What dampening did at the run's own settings; of a method without importances, how far each layer moved."""
    chosen = own_source(run, names, data) if "original" in names else None
    with errors_shown():
        if chosen is not None:
            st.markdown("SSD weakens the weights that matter much more to the forget set than to all data, and leaves the others alone.")
            at_own_settings(chosen, chosen.ask("importance_view"))
        elif "layers" in names:
            moved(run)
    more_in_full("other settings of the dampening, importance by layer, and which weights each method moved")


def page(run: Run, data: DatasetInfo) -> None:
    """The sections of the page that the run has data for."""
    names = runs.present_files(run)
    show_missing_parts(run, PARTS, "views/parameters.py", reference="divergence from it, its bars and its row are missing below")
    if is_chain(run.spec.method):
        first, *_ = steps_of(run.spec.method)
        st.caption(plain(
            f"This run is a chain. Importances and dampening are those of its first method, {catalogue.method_title(first)}, at the "
            "original; how far layers and weights moved is the whole chain's."
        ))  # fmt: skip
    if guided():
        main_picture(run, names, data)
        return
    if "original" in names:
        chosen = source(run, names, data)
        if chosen is not None:
            with errors_shown():
                dampening(chosen)
    if "layers" in names:
        with errors_shown():
            moved(run)
    if {"original", "unlearned"} <= names:
        st.subheader("Which weights did each method move?")
        fragment(partial(show_weight_changes, run, names))


run = finished_run()
if run is not None:
    page(run, catalogue.dataset(run.spec.dataset))
