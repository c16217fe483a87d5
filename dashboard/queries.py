"""Reads, cached by run id; the only module that opens the store to read, and that asks the warm engine.

`attempt` and `root` (the home) are arguments only to be part of the cache's key.
"""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import catalogue as shelves
from core.catalogue import Catalogue
from core.domain import ACTIVE, ForgetRequest
from core.engine import WarmEngine
from core.report import full_report
from core.store.artifacts import Artifacts
from core.store.home import Home
from core.store.outcome import Run
from core.store.results import ResultStore
from dashboard.session import home


def catalogue() -> Catalogue:
    """What can be asked for."""
    return shelves.catalogue(home().root)


@st.cache_data(max_entries=4, show_spinner=False)
def images(dataset: str) -> dict[str, np.ndarray]:
    """See core.catalogue.dataset_images."""
    return shelves.dataset_images(home().root, dataset)


def runs() -> list[Run]:
    """Every run as it stands now, newest first."""
    with ResultStore(home().database) as store:
        store.reconcile()
        return store.runs()


def run(run_id: str) -> Run | None:
    """One run as it stands now."""
    with ResultStore(home().database) as store:
        store.reconcile()
        return store.run(run_id)


def any_active() -> bool:
    """Whether anything is queued or running."""
    return any(r.status in ACTIVE for r in runs())


@st.cache_data(max_entries=64, show_spinner=False)
def report(run_id: str, attempt: int, root: str) -> dict[str, Any]:
    """All numbers of a finished run."""
    place = home()
    with ResultStore(place.database) as store:
        return full_report(place, store, store.existing(run_id))


@st.cache_data(max_entries=64, show_spinner=False)
def table(run_id: str, name: str, attempt: int, root: str) -> pd.DataFrame:
    """A table that a finished run left. Raises Damaged or KeyError."""
    place = home()
    with ResultStore(place.database) as store:
        file = store.artifacts(run_id)[name]
    return Artifacts(place.artifacts_folder).get_table(file)


@st.cache_resource(max_entries=2, on_release=WarmEngine.close)
def engine(place: Home) -> WarmEngine:
    """One warm engine process a home."""
    return WarmEngine(place)


@st.cache_data(max_entries=32, show_spinner="Reading the stored importances …")
def importance_view(run_id: str, attempt: int, root: str) -> dict[str, Any]:
    """See core.explore.importance_view."""
    return dict(engine(home()).ask("importance_view", run_id=run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def redampen(run_id: str, attempt: int, root: str, alpha: float, lambda_: float) -> dict[str, Any]:
    """See core.explore.redampen."""
    return dict(engine(home()).ask("redampen", run_id=run_id, alpha=alpha, lambda_=lambda_))


def forget_count(request: ForgetRequest, dataset: str) -> int:
    """How many training images a request names (k); the request has been checked."""
    labels = images(dataset)["train_labels"]
    if request.by_class:
        return int(np.isin(labels, request.picks).sum())
    if request.kind == "random":
        return request.random_count(len(labels))
    return len(request.picks)
