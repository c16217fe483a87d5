"""The joint feature map: the same images under all networks of a run on shared axes, and a forget set chosen from it."""

from functools import partial
from importlib.util import find_spec

import numpy as np
import streamlit as st

from core.analysis.stored_results import Analysis
from core.domain.info import DatasetInfo
from core.figures.feature_map.table import SET_TITLE, SETS, models_of, table_of
from core.figures.markdown import plain
from core.storage.record_types import Run
from dashboard.components.common.background_analysis import look
from dashboard.components.common.current_run import finished_run
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.missing_results import NETWORKS, show_missing_parts
from dashboard.components.feature_map.choose_forget_set import show_choice
from dashboard.components.feature_map.hover.component import mark_hover, show_hover
from dashboard.components.feature_map.panel import ask_shown, show_card, show_map
from dashboard.queries import catalogue, runs
from dashboard.session import stays

COUNT, SEED = 2000, 0  # images on a map, and of their draw
PROJECTIONS = ("PCA", "UMAP")


def show(run: Run, data: DatasetInfo, analysis: Analysis, projection: str, arrays: dict[str, np.ndarray]) -> None:
    """Map, hover panel, card and choice, redrawn together: each depends on the others' clicks."""
    sets = zip(SETS, np.bincount(arrays["set"], minlength=len(SETS)), arrays["available"], strict=True)
    st.caption(
        "On the map: " + ", ".join(f"{shown} of {there} {SET_TITLE[name]}" for name, shown, there in sets if there)
        + (f"; drawn in proportion to their classes, by seed {SEED}." if len(arrays["set"]) < arrays["available"].sum() else ".")
    )  # fmt: skip
    table = table_of(arrays)
    stored = None
    with errors_shown(st.info, icon=":material/hide_image:"):
        stored = catalogue.images(data.key)
    shown = ask_shown(table, models_of(arrays))
    left, right = st.columns([5, 3], gap="medium")
    with left:
        show_map(run.id, table, arrays, data, shown, projection)
    above = right.container()
    with right.container(border=True, key="map_card"):
        show_card(run, table, arrays, stored, data)
    with above:  # after the card, whose field decides which image is open
        show_hover(analysis, table, stored, data)
    mark_hover(table, show_choice(run, table, arrays, stored, data))


def ask_map(run: Run, data: DatasetInfo) -> None:
    """The projection's controls, and the map."""
    referenced = "reference" in runs.present_files(run)
    offered = [key for key in PROJECTIONS if key != "UMAP" or find_spec("umap")]
    stays("map_projection", offered)
    left, right = st.columns(2, vertical_alignment="bottom")
    projection = left.segmented_control("Projection", offered, default="PCA", key="map_projection", bind="query-params",
                                        required=True) or "PCA"  # fmt: skip
    turn = right.toggle(
        "Align the reference (Procrustes)", True, key="map_turn", bind="query-params", disabled=not referenced,
        help="Rotates the reference's features, as a whole, onto the original's, as well as the retain set allows: a network "
        "trained by itself has axes of its own. No distance within the reference changes.",
    )  # fmt: skip
    if len(offered) < len(PROJECTIONS):
        st.caption("UMAP needs the package umap-learn, which is not installed here.")
    settings = {"projection": projection.lower(), "count": COUNT, "seed": SEED, "turn": bool(turn and referenced)}
    analysis = Analysis("map", run.id, settings)
    look(
        analysis, f"the joint map by {projection}", lambda arrays: fragment(
            partial(show, run, data, analysis, projection, arrays)), key=projection,
        cost="Features of up to 2,000 images under each network: seconds for small networks, a minute or two for ResNet-18 on a CPU; "
        "they are stored, and shared by both projections.",
    )  # fmt: skip


run = finished_run()
if run is not None:
    data = catalogue.dataset(run.spec.dataset)
    if data.multi:
        st.info(
            f"An image of {plain(data.title)} has several attributes, so that no single prediction of it is retained or forgotten; "
            "the map is made of runs in which an image has one class.",
            icon=":material/info:",
        )
    else:
        show_missing_parts(
            run, NETWORKS, "views/map.py",
            reference="where it would place the images, and which ones went there, is missing below; over-forgotten goes by the original",
        )  # fmt: skip
        if set(NETWORKS) <= runs.present_files(run):
            ask_map(run, data)
