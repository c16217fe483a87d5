"""The line to the warm engine, and weights that are brought to it."""

import json
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.domain.code_version import training_version
from core.domain.errors import WrongInput
from core.jobs.engine_client import WarmEngine
from core.storage.atomic import folder_beside, sweep
from core.storage.error_messages import told
from core.storage.home import Home
from core.training.uploaded_weights import client
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
    """What a process of its own says of a file of weights: see core.training.uploaded_weights.client; or {"wrong": sentence}."""
    return _weights_or_why_not(dataset, model, name, brought.file_id, str(home().root), training_version(dataset, model), brought)


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
        return client.own_weights(Home(Path(root)), dataset, model, str(file), name)


@st.cache_data(max_entries=32, show_spinner="Reading the importances …")
def importance_view(run_id: str, finished: str, root: str, kept: str) -> dict[str, Any]:
    """See core.analysis.weights.importance_summary.importance_view."""
    return dict(ask("importance_view", run_id=run_id, importance_key=kept))


@st.cache_data(max_entries=512, show_spinner=False)
def redampen(run_id: str, finished: str, root: str, kept: str, alpha: float, lambda_: float) -> dict[str, Any]:
    """See core.analysis.weights.ssd_what_if.redampen."""
    return dict(ask("redampen", run_id=run_id, importance_key=kept, alpha=alpha, lambda_=lambda_))


@st.cache_data(max_entries=64, show_spinner=False)
def alpha_curve(run_id: str, finished: str, root: str, kept: str, lambda_: float) -> dict[str, Any]:
    """See core.analysis.weights.alpha_sweep.alpha_curve."""
    return dict(ask("alpha_curve", run_id=run_id, importance_key=kept, lambda_=lambda_))


@st.cache_data(max_entries=64, show_spinner=False)
def kernel_map(run_id: str, finished: str, root: str, kept: str, layer: str) -> dict[str, Any]:
    """See core.analysis.weights.importance_summary.kernel_map."""
    return dict(ask("kernel_map", run_id=run_id, importance_key=kept, layer=layer))


@st.cache_data(max_entries=32, show_spinner="Looking for the images that drive these filters …")
def top_filters(run_id: str, finished: str, root: str, kept: str, layer: str) -> dict[str, Any]:
    """See core.analysis.weights.top_filters.top_filters."""
    return dict(ask("top_filters", run_id=run_id, importance_key=kept, layer=layer))


@st.cache_data(max_entries=16, show_spinner="Comparing the networks' weights …")
def touched_map(run_id: str, finished: str, root: str, others: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """See core.analysis.weights.weight_changes.touched_map; others: id and edition's `finished`."""
    return dict(ask("touched_map", run_id=run_id, others=[other for other, _ in others]))


@st.cache_data(max_entries=64, show_spinner=False)
def touched_layer(run_id: str, finished: str, root: str, other: tuple[str, str], layer: str) -> dict[str, Any]:
    """See core.analysis.weights.weight_changes.touched_layer; other: as in `touched_map`."""
    return dict(ask("touched_layer", run_id=run_id, other=other[0], layer=layer))


@st.cache_data(max_entries=16, show_spinner="Asking the network along the step …")
def path_curve(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.analysis.method_steps.path_curve."""
    return dict(ask("path_curve", run_id=run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def path_at(run_id: str, finished: str, root: str, t: float) -> dict[str, Any]:
    """See core.analysis.method_steps.path_at."""
    return dict(ask("path_at", run_id=run_id, t=t))


@st.cache_data(max_entries=16, show_spinner="Asking what the noise looks like …")
def noise_answers(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.analysis.method_steps.noise_answers."""
    return dict(ask("noise_answers", run_id=run_id))


@st.cache_data(max_entries=16, show_spinner="Measuring where the weights lie …")
def plane(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.analysis.method_steps.plane."""
    return dict(ask("plane", run_id=run_id))


@st.cache_data(max_entries=32, show_spinner="Opening the networks …")
def saliency_offer(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.analysis.saliency.one_image.saliency_offer."""
    return dict(ask("saliency_offer", run_id=run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def saliency(
    question: str, run_id: str, finished: str, root: str, image: tuple[str, int | str], about: str, _brought: UploadedFile | None = None
) -> dict[str, Any]:
    """See core.analysis.saliency.one_image: "saliency", "saliency_random" or "saliency_trust".

    image: set and place, or ("own", the upload's id) with the upload itself. about: target, how and settings, as JSON.
    """
    if _brought is None:
        return dict(ask(question, run_id=run_id, image={"set": image[0], "place": image[1]}, **json.loads(about)))
    with told(Path(root)), folder_beside(Path(root)) as folder:
        (folder / "picture").write_bytes(_brought.getbuffer())
        picture = {"path": str(folder / "picture"), "name": _brought.name}
        return dict(ask(question, run_id=run_id, image=picture, **json.loads(about)))
