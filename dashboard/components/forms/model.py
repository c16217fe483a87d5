"""The field that asks for a network: one of the shelf, or one of timm's by its name."""

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.domain.code_version import TIMM
from core.domain.errors import WrongInput
from core.domain.info import ModelInfo
from core.figures.markdown import plain
from core.models.timm_names import EXAMPLE, is_timm, name_of, offer

BY_NAME = TIMM  # the option under which a name is asked for


def ask_model(place: DeltaGenerator, shelf: Mapping[str, ModelInfo]) -> str:
    """A key of the shelf, or `timm:NAME`. What follows on the page is not drawn where that is no name, which is said."""
    linked = st.query_params.get("model", "")
    if is_timm(linked) and linked != BY_NAME:  # a link to a run's form has the key as runs have it
        st.session_state["model"], st.session_state["timm"] = BY_NAME, linked.removeprefix(TIMM)
    chosen = str(place.selectbox("Model", [*shelf, BY_NAME], key="model", bind="query-params", help=offer()))
    if chosen != BY_NAME:
        return chosen
    name = place.text_input("timm model", key="timm", bind="query-params", max_chars=124, placeholder=EXAMPLE.removeprefix(TIMM))
    model = TIMM + (name or "").strip().removeprefix(TIMM)
    try:
        name_of(model)
    except WrongInput as wrong:
        place.warning(plain(str(wrong)), icon=":material/warning:")
        st.stop()
    return model
