"""Where the networks look in the image on the map's card: a small map each, and the way to the large ones."""

import json

import streamlit as st

from core.store.outcome import Run
from core.wire import unpacked
from dashboard import queries
from dashboard.components import saliency_pictures as pictures
from dashboard.components.palette import MODEL_TITLE
from dashboard.session import ask_elsewhere

# Plain gradients: one pass a network, so that a click is answered at once whatever the network.
ABOUT = json.dumps({"how": "saliency", "target": "true", "settings": {}}, sort_keys=True)


def small_maps(run: Run, name: str, place: int) -> None:
    """name: the image's set; place: its place there. Maps of its true class; a switch, since some networks take seconds to open."""
    if st.toggle("Where do the networks look?", key="map_looks", bind="query-params"):
        finished, root = queries.edition(run)
        with st.spinner("Explaining …"):
            answer = queries.saliency("saliency", run_id=run.id, finished=finished, root=root, image=(name, place), about=ABOUT)
        image = unpacked(answer["image"])
        maps = {model: unpacked(told["map"]) for model, told in answer["models"].items()}
        scale = pictures.scale_of(list(maps.values()))
        for column, (model, values) in zip(st.columns(len(maps)), maps.items(), strict=True):
            column.image(pictures.shown(pictures.over(image, values, scale)), output_format="PNG",
                         alt=f"Gradient map of the {MODEL_TITLE[model].lower()} network")  # fmt: skip
            column.caption(MODEL_TITLE[model])
        st.caption("How to read it: the redder a pixel, the more the answer for the true class hangs on it; one scale for all networks.")
    if st.button("Explain it on the Saliency page", icon=":material/center_focus_strong:", key="map_saliency"):
        ask_elsewhere({"saliency_from": name, "saliency_place": place}, "views/saliency.py", {"saliency_place": run.id})
