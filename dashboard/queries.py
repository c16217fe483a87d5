"""Reads, cached by run id; the only module that opens the store to read, and that asks the warm engine.

`finished` and `root` (the home) are arguments only to be part of the cache's key: see `edition`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import catalogue as shelves
from core.catalogue import Catalogue
from core.descriptions import DatasetInfo
from core.domain import RunStatus, WrongInput
from core.engine import WarmEngine
from core.jobs import runner
from core.report import full_report, numbers_of
from core.store.artifacts import Artifacts
from core.store.home import Home
from core.store.outcome import Run
from core.store.results import ResultStore
from core.verdict import Numbers
from core.version import ENGINE, code_version
from dashboard.session import home


def catalogue() -> Catalogue:
    """What can be asked for."""
    return shelves.catalogue(home().root)


def dataset(key: str) -> DatasetInfo:
    """What a stored run was about. Raises WrongInput where that is no longer on the shelf."""
    shelf = catalogue().datasets
    if key not in shelf:
        raise WrongInput(
            f"This run is about the dataset {key!r}, which this Forgetscope does not know; it knows {', '.join(shelf)}."
        )
    return shelf[key]


def images(dataset: str) -> dict[str, np.ndarray]:
    """See core.catalogue.dataset_images. Shared by all pages: read, never write."""
    return _images(dataset, str(home().root), code_version(ENGINE))


@st.cache_resource(max_entries=2, show_spinner=False)
def _images(dataset: str, root: str, engine: str) -> dict[str, np.ndarray]:
    return shelves.dataset_images(Path(root), dataset)


def runs() -> list[Run]:
    """Every run as it stands now, newest first. A queue that nobody serves (the machine was restarted, say) is served."""
    with ResultStore(home().database) as store:
        store.reconcile()
        found = store.runs()
    waiting = {run.status for run in found}
    if RunStatus.QUEUED in waiting and RunStatus.RUNNING not in waiting:
        runner.ensure_supervisor(home())
    return found


def edition(run: Run) -> tuple[str, str]:
    """Tells one computation of a run from another of the same id: the same spec can be deleted and asked again."""
    return (str(run.finished_at), str(home().root))


def run(run_id: str) -> Run | None:
    """One run as it stands now."""
    with ResultStore(home().database) as store:
        store.reconcile()
        return store.run(run_id)


@st.cache_data(max_entries=64, show_spinner=False)
def report(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """All numbers of a finished run."""
    place = home()
    with ResultStore(place.database) as store:
        return full_report(place, store, store.existing(run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def numbers(run_id: str, finished: str, root: str) -> Numbers:
    """model -> metric -> value of a finished run; far cheaper than its report."""
    with ResultStore(home().database) as store:
        return numbers_of(store, run_id)


@st.cache_data(max_entries=64, show_spinner=False)
def table(run_id: str, name: str, finished: str, root: str) -> pd.DataFrame:
    """A table that a finished run left. Raises WrongInput."""
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    if name not in files:
        raise WrongInput(
            f"Run {run_id} stored no table {name!r}: another version of Forgetscope made it; run it again."
        )
    return Artifacts(place.artifacts_folder).get_table(files[name])


@st.cache_data(max_entries=64, show_spinner=False)
def recorded(run_id: str, finished: str, root: str) -> list[tuple[str, tuple[int, ...], int]]:
    """(name, shape, bytes) of every array that the method handed over. Raises WrongInput where the file is damaged."""
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    if "recorded" not in files:
        return []
    arrays = Artifacts(place.artifacts_folder).get_arrays(files["recorded"])
    return [(name, array.shape, array.nbytes) for name, array in arrays.items()]


@st.cache_resource(max_entries=2, on_release=WarmEngine.close)
def engine(place: Home) -> WarmEngine:
    """One warm engine process a home."""
    return WarmEngine(place)


@st.cache_data(max_entries=32, show_spinner="Reading the stored importances …")
def importance_view(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.importance_view."""
    return dict(engine(home()).ask("importance_view", run_id=run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def redampen(run_id: str, finished: str, root: str, alpha: float, lambda_: float) -> dict[str, Any]:
    """See core.explore.redampen."""
    return dict(engine(home()).ask("redampen", run_id=run_id, alpha=alpha, lambda_=lambda_))
