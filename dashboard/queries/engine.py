"""The connection to the warm engine process, and uploads of weights and pictures to it."""

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.domain.code_version import training_version
from core.domain.errors import WrongInput
from core.jobs.engine_client import WarmEngine
from core.storage.atomic import folder_beside, sweep
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home
from core.training.uploaded_weights import client
from dashboard.session import home


@st.cache_resource(max_entries=2, on_release=WarmEngine.close)
def _engine(root: str) -> WarmEngine:
    """One warm engine process per home."""
    sweep(Path(root))  # uploads left by a killed server
    return WarmEngine(Home(Path(root)))


def of_home() -> WarmEngine:
    """This home's engine, for who asks from a thread of its own."""
    return _engine(str(home().root))


def warm() -> None:
    """Start the engine's process, so that the first question is fast; returns at once."""
    _engine(str(home().root)).warm()


def ask(root: str, question: str, **about: Any) -> Any:
    """The answer of a home's engine as plain data; uploads in `about` become temporary files. Raises WrongInput with a sentence."""
    uploads = {name: value for name, value in about.items() if isinstance(value, UploadedFile)}
    if not uploads:
        return _engine(root).ask(question, **about)
    with told(Path(root)), folder_beside(Path(root)) as folder:
        for name, upload in uploads.items():
            (folder / name).write_bytes(upload.getbuffer())
            about[name] = {"path": str(folder / name), "name": upload.name}
        return _engine(root).ask(question, **about)


def own_weights(dataset: str, model: str, name: str, upload: UploadedFile) -> dict[str, Any]:
    """The check of a weights file in its own process: see core.training.uploaded_weights.client; or {"wrong": sentence}."""
    return _weights_or_why_not(dataset, model, name, upload.file_id, str(home().root), training_version(dataset, model), upload)


@st.cache_data(ttl=20.0, max_entries=16, show_spinner=False)
def _weights_or_why_not(
    dataset: str, model: str, name: str, file_id: str, root: str, version: str, _upload: UploadedFile
) -> dict[str, Any]:
    """A refusal is cached briefly: it need not be recomputed at every click, but the disk may have been full or the engine ended."""
    try:
        return _own_weights(dataset, model, name, file_id, root, version, _upload)
    except WrongInput as wrong:
        return {"wrong": str(wrong)}


@st.cache_data(max_entries=16, show_spinner="Checking the weights, and trying them on images …")
def _own_weights(
    dataset: str, model: str, name: str, file_id: str, root: str, version: str, _upload: UploadedFile
) -> dict[str, Any]:
    with told(Path(root)), folder_beside(Path(root)) as folder:
        file = folder / f"uploaded{Path(name).suffix}"
        file.write_bytes(_upload.getbuffer())
        return client.own_weights(Home(Path(root)), dataset, model, str(file), name)
