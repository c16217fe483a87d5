"""The line to the warm engine, and weights that are brought to it."""

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.data.beside import folder_beside, sweep
from core.domain import WrongInput
from core.engine import WarmEngine
from core.store.home import Home
from core.store.trouble import told
from core.version import ENGINE, code_version
from core.weights import apart
from dashboard.session import home


@st.cache_resource(max_entries=2, on_release=WarmEngine.close)
def engine(place: Home) -> WarmEngine:
    """One warm engine process a home."""
    sweep(place.root)  # uploads that a killed server left
    return WarmEngine(place)


def ask(question: str, **about: Any) -> Any:
    """The engine's answer as plain data. Raises WrongInput with a sentence where there is none."""
    return engine(home()).ask(question, **about)


def own_weights(dataset: str, model: str, name: str, brought: UploadedFile) -> dict[str, Any]:
    """What a process of its own says of a file of weights: see core.weights.apart; or {"wrong": sentence}."""
    return _weights_or_why_not(dataset, model, name, brought.file_id, str(home().root), code_version(ENGINE), brought)


@st.cache_data(ttl=20.0, max_entries=16, show_spinner=False)
def _weights_or_why_not(
    dataset: str, model: str, name: str, file_id: str, root: str, version: str, _brought: UploadedFile
) -> dict[str, Any]:
    """A refusal is not looked into at every click, nor kept for long: the disk may have been full, the engine ended."""
    try:
        return _own_weights(dataset, model, name, file_id, root, version, _brought)
    except WrongInput as wrong:
        return {"wrong": str(wrong)}


@st.cache_data(max_entries=16, show_spinner="Checking the weights, and trying them on images …")
def _own_weights(
    dataset: str, model: str, name: str, file_id: str, root: str, version: str, _brought: UploadedFile
) -> dict[str, Any]:
    with told(Path(root)), folder_beside(Path(root)) as folder:
        file = folder / f"uploaded{Path(name).suffix}"
        file.write_bytes(_brought.getbuffer())
        return apart.own_weights(Home(Path(root)), dataset, model, str(file), name)
