"""The engine's explanations of images."""

import json
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.data.beside import folder_beside
from core.store.trouble import told
from dashboard.queries.warm import ask


@st.cache_data(max_entries=32, show_spinner="Opening the networks …")
def saliency_offer(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.saliency.saliency_offer."""
    return dict(ask("saliency_offer", run_id=run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def saliency(
    question: str, run_id: str, finished: str, root: str, image: tuple[str, int | str], about: str, _brought: UploadedFile | None = None
) -> dict[str, Any]:
    """See core.explore.saliency: "saliency", "saliency_random" or "saliency_trust".

    image: set and place, or ("own", the upload's id) with the upload itself. about: target, how and settings, as JSON.
    """
    if _brought is None:
        return dict(ask(question, run_id=run_id, image={"set": image[0], "place": image[1]}, **json.loads(about)))
    with told(Path(root)), folder_beside(Path(root)) as folder:
        (folder / "picture").write_bytes(_brought.getbuffer())
        picture = {"path": str(folder / "picture"), "name": _brought.name}
        return dict(ask(question, run_id=run_id, image=picture, **json.loads(about)))
