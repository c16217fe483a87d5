"""Saliency maps: one image under original, unlearned and reference, and a gallery of the images that changed most."""

from functools import partial

import streamlit as st

from core.domain.info import DatasetInfo
from core.storage.record_types import Run
from dashboard.components.common.current_run import finished_run
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.missing_results import NETWORKS, show_missing_parts
from dashboard.components.saliency.controls import ask_question
from dashboard.components.saliency.gallery import gallery
from dashboard.components.saliency.one_image import one_image
from dashboard.queries import catalogue, runs


def page(run: Run, data: DatasetInfo) -> None:
    """Controls, one image, gallery; of the networks that the run stored."""
    show_missing_parts(run, NETWORKS, "views/saliency.py",
                       reference="its maps, which tell what a map should have become, are missing below")  # fmt: skip
    if not runs.present_files(run) & {*NETWORKS, "reference"}:
        return
    offer = runs.handle(run).ask("saliency_offer")
    question = ask_question(offer, data)
    above = st.container()  # drawn last: its maps are computed when the gallery, which may be stored, is there
    with st.expander("Gallery: which images tell most", expanded=True, icon=":material/grid_view:"), errors_shown(st.info):
        gallery(run, data, question)
    with above:
        fragment(partial(one_image, run, data, offer, question))


run = finished_run()
if run is not None:
    page(run, catalogue.dataset(run.spec.dataset))
