"""Reads, cached by run id; the only module that opens the store to read, and that asks the warm engine.

`finished` and `root` (the home) are arguments only to be part of the cache's key: see `edition`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core import catalogue as shelves
from core.catalogue import Catalogue
from core.comparison import comparison as compare_runs
from core.data import cache as added_sets
from core.data.beside import folder_beside, sweep
from core.data.folder import data_folder
from core.descriptions import DatasetInfo
from core.domain import ForgetRequest, RunStatus, WrongInput
from core.engine import WarmEngine
from core.jobs import runner
from core.looks import asked as looks
from core.looks.asked import Look, Progress
from core.report import full_report, numbers_of
from core.store import studies as stored_studies
from core.store.alike import same_original as runs_of_same_original
from core.store.artifacts import Artifacts
from core.store.beside import Beside
from core.store.beside import beside as runs_beside
from core.store.home import Home
from core.store.outcome import Run
from core.store.results import ResultStore
from core.store.trouble import told
from core.studies import standing
from core.studies.plan import StudyPlan
from core.studies.standing import Standing
from core.studies.summary import StudySummary
from core.studies.summary import summary as summary_of_study
from core.verdict import Numbers
from core.version import ENGINE, code_version
from core.wording import title_of
from dashboard.session import home


def catalogue() -> Catalogue:
    """What can be asked for."""
    return shelves.catalogue(home().root)


def dataset(key: str) -> DatasetInfo:
    """What a stored run was about. Raises WrongInput where that is no longer on the shelf, or was added and removed."""
    shelf = catalogue().datasets
    if key not in shelf and added_sets.KEY.fullmatch(key):
        return _added(key)
    if key not in shelf:
        raise WrongInput(
            f"This run is about the dataset {key!r}, which this Forgetscope does not know; it knows {', '.join(shelf)}."
        )
    return shelf[key]


def _added(key: str) -> DatasetInfo:
    try:
        return added_sets.info_of(home().datasets_folder, key)
    except added_sets.Damaged:  # which says what to do
        raise
    except WrongInput:
        raise WrongInput(f"The added dataset {key} was removed; adding the same images again brings it back.") from None


def titled(request: ForgetRequest, dataset: str) -> str:
    """A request as a line that names a run says it, with the dataset's own names where it is still on the shelf."""
    return title_of(request, catalogue().datasets.get(dataset))


def study_name(plan: StudyPlan) -> str:
    """Its title, else what it is about."""
    return plan.name_with(catalogue().datasets.get(plan.dataset))


def images(dataset: str) -> dict[str, np.ndarray]:
    """See core.catalogue.dataset_images. Shared by all pages: read, never write. Raises WrongInput."""
    where = (dataset, str(home().root), code_version(ENGINE), str(data_folder()))
    if why_not := _why_no_images(*where):
        raise WrongInput(why_not)
    return _images(*where)


@st.cache_data(ttl=20.0, max_entries=64, show_spinner=False)
def _why_no_images(dataset: str, root: str, engine: str, data: str) -> str:
    """'' where they are there; a missing dataset is not looked for at every click, for that takes seconds."""
    try:
        _images(dataset, root, engine, data)
    except WrongInput as reason:
        return str(reason)
    return ""


@st.cache_resource(max_entries=8, show_spinner="Reading the images …")
def _images(dataset: str, root: str, engine: str, data: str) -> dict[str, np.ndarray]:
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


def beside(run: Run) -> Beside:
    """The run's floor and its controls as they stand now."""
    with ResultStore(home().database) as store:
        return runs_beside(store, run.spec)


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


@st.cache_data(max_entries=32, show_spinner=False)
def arrays(run_id: str, name: str, finished: str, root: str) -> dict[str, np.ndarray]:
    """Arrays that a finished run left. Raises WrongInput."""
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    if name not in files:
        raise WrongInput(f"Run {run_id} stored no {name}: another version of Forgetscope made it; run it again.")
    return Artifacts(place.artifacts_folder).get_arrays(files[name])


def comparison() -> pd.DataFrame:
    """See core.comparison.comparison: every finished run. Shared by all pages: read, never write."""
    with ResultStore(home().database) as store:
        return _comparison(store.revision(), str(home().root))


@st.cache_resource(max_entries=2, show_spinner=False)
def _comparison(revision: int, root: str) -> pd.DataFrame:
    with ResultStore(home().database) as store:
        return compare_runs(store)


@st.cache_data(max_entries=2048, show_spinner=False)
def overlap(one: tuple[str, str], other: tuple[str, str], root: str) -> dict[str, tuple[int, int, int]]:
    """Layer -> how many of its weights one run touched, how many the other, and how many both; of layers that both have.

    one, other: id and edition's `finished`. Raises WrongInput where either stored nothing of the kind.
    """
    ours, theirs = (arrays(run_id, "touched", finished, root) for run_id, finished in (one, other))
    return {
        layer: (_ones(mask), _ones(theirs[layer]), _ones(mask & theirs[layer]))
        for layer, mask in ours.items()
        if layer in theirs and theirs[layer].shape == mask.shape
    }


def _ones(packed: np.ndarray) -> int:
    return int(np.bitwise_count(packed).sum())


def studies() -> dict[str, tuple[str, set[str]]]:
    """Study -> its name and its runs' ids, the last asked for first."""
    with ResultStore(home().database) as store:
        found, members = stored_studies.studies(store), stored_studies.members(store)
    return {s.id: (study_name(StudyPlan.from_json(s.plan)), {m.run_id for m in members.get(s.id, [])}) for s in found}


def standings() -> list[Standing]:
    """Every study with its runs as they stand now, the last asked for first. A queue that nobody serves is served."""
    with ResultStore(home().database) as store:
        store.reconcile()
        found = standing.standings(store)
        waits = store.has(RunStatus.QUEUED) and not store.has(RunStatus.RUNNING)
    if waits:
        runner.ensure_supervisor(home())
    return found


def new_runs(plan: StudyPlan) -> dict[int, int]:
    """See core.studies.standing.new_runs."""
    with ResultStore(home().database) as store:
        return standing.new_runs(store, plan, catalogue())


@st.cache_data(max_entries=32, show_spinner="Reading the study's runs …")
def study_summary(study_id: str, edition: str, root: str) -> StudySummary:
    """See core.studies.summary.summary; `edition` is the Standing's."""
    place = home()
    with ResultStore(place.database) as store:
        return summary_of_study(place, store, study_id)


@st.cache_data(max_entries=64, show_spinner=False)
def recorded(run_id: str, finished: str, root: str) -> list[tuple[str, tuple[int, ...], int, float | None]]:
    """(name, shape, bytes, its value where it is one number) of every array that the method handed over.

    Raises WrongInput where the file is damaged.
    """
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    if "recorded" not in files:
        return []
    arrays = Artifacts(place.artifacts_folder).get_arrays(files["recorded"])
    return [(name, a.shape, a.nbytes, float(a.reshape(())) if a.size == 1 else None) for name, a in arrays.items()]


@st.cache_resource(max_entries=2, on_release=WarmEngine.close)
def engine(place: Home) -> WarmEngine:
    """One warm engine process a home."""
    sweep(place.root)  # uploads that a killed server left
    return WarmEngine(place)


def look_progress(look: Look) -> Progress:
    """How a look stands now. Raises WrongInput where its run is not there or not done."""
    return looks.progress(home(), look)


def look_arrays(look: Look) -> dict[str, np.ndarray]:
    """What came of a look that is done. Shared by all pages: read, never write. Raises WrongInput where it is damaged."""
    return _look_arrays(looks.key_of(home(), look), str(home().root), look)


@st.cache_resource(max_entries=16, show_spinner=False)
def _look_arrays(key: str, root: str, _look: Look) -> dict[str, np.ndarray]:
    return looks.arrays(home(), _look)


def own_weights(dataset: str, model: str, name: str, brought: UploadedFile) -> dict[str, Any]:
    """What the engine says of a file of weights: see core.weights.take_in; or {"wrong": sentence}."""
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


@st.cache_data(max_entries=16, show_spinner="Checking the weights …")
def _own_weights(
    dataset: str, model: str, name: str, file_id: str, root: str, version: str, _brought: UploadedFile
) -> dict[str, Any]:
    with told(Path(root)), folder_beside(Path(root)) as folder:
        file = folder / f"uploaded{Path(name).suffix}"
        file.write_bytes(_brought.getbuffer())
        return dict(engine(home()).ask("own_weights", dataset=dataset, model=model, path=str(file), name=name))


# Saliency.


@st.cache_data(max_entries=32, show_spinner="Opening the networks …")
def saliency_offer(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.saliency.saliency_offer."""
    return dict(engine(home()).ask("saliency_offer", run_id=run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def saliency(
    question: str, run_id: str, finished: str, root: str, image: tuple[str, int | str], about: str, _brought: UploadedFile | None = None
) -> dict[str, Any]:
    """See core.explore.saliency: "saliency", "saliency_random" or "saliency_trust".

    image: set and place, or ("own", the upload's id) with the upload itself. about: target, how and settings, as JSON.
    """
    if _brought is None:
        return dict(engine(home()).ask(question, run_id=run_id, image={"set": image[0], "place": image[1]}, **json.loads(about)))
    with told(Path(root)), folder_beside(Path(root)) as folder:
        (folder / "picture").write_bytes(_brought.getbuffer())
        picture = {"path": str(folder / "picture"), "name": _brought.name}
        return dict(engine(home()).ask(question, run_id=run_id, image=picture, **json.loads(about)))


# Parameters: importances, dampening, and which weights were moved. `kept`: the key of the look that computed the importances.


def stored(run: Run) -> frozenset[str]:
    """Names of what a run left behind."""
    with ResultStore(home().database) as store:
        return frozenset(store.artifacts(run.id))


def look_key(look: Look) -> str:
    """Under which a look is kept."""
    return looks.key_of(home(), look)


def same_original(run: Run) -> list[Run]:
    """See core.store.alike.same_original."""
    with ResultStore(home().database) as store:
        return runs_of_same_original(store, run.id)


@st.cache_data(max_entries=32, show_spinner="Reading the importances …")
def importance_view(run_id: str, finished: str, root: str, kept: str) -> dict[str, Any]:
    """See core.explore.importance.importance_view."""
    return dict(engine(home()).ask("importance_view", run_id=run_id, kept=kept))


@st.cache_data(max_entries=512, show_spinner=False)
def redampen(run_id: str, finished: str, root: str, kept: str, alpha: float, lambda_: float) -> dict[str, Any]:
    """See core.explore.dampening.redampen."""
    return dict(engine(home()).ask("redampen", run_id=run_id, kept=kept, alpha=alpha, lambda_=lambda_))


@st.cache_data(max_entries=64, show_spinner=False)
def alpha_curve(run_id: str, finished: str, root: str, kept: str, lambda_: float) -> dict[str, Any]:
    """See core.explore.alphas.alpha_curve."""
    return dict(engine(home()).ask("alpha_curve", run_id=run_id, kept=kept, lambda_=lambda_))


@st.cache_data(max_entries=64, show_spinner=False)
def kernel_map(run_id: str, finished: str, root: str, kept: str, layer: str) -> dict[str, Any]:
    """See core.explore.importance.kernel_map."""
    return dict(engine(home()).ask("kernel_map", run_id=run_id, kept=kept, layer=layer))


@st.cache_data(max_entries=32, show_spinner="Looking for the images that drive these filters …")
def top_filters(run_id: str, finished: str, root: str, kept: str, layer: str) -> dict[str, Any]:
    """See core.explore.filters.top_filters."""
    return dict(engine(home()).ask("top_filters", run_id=run_id, kept=kept, layer=layer))


@st.cache_data(max_entries=16, show_spinner="Comparing the networks' weights …")
def touched_map(run_id: str, finished: str, root: str, others: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """See core.explore.touched.touched_map; others: id and edition's `finished`."""
    return dict(engine(home()).ask("touched_map", run_id=run_id, others=[other for other, _ in others]))


@st.cache_data(max_entries=64, show_spinner=False)
def touched_layer(run_id: str, finished: str, root: str, other: tuple[str, str], layer: str) -> dict[str, Any]:
    """See core.explore.touched.touched_layer; other: as in `touched_map`."""
    return dict(engine(home()).ask("touched_layer", run_id=run_id, other=other[0], layer=layer))


# Inside the method.


@st.cache_resource(max_entries=4, show_spinner="Reading what the method recorded …")
def recorded_arrays(run_id: str, finished: str, root: str) -> dict[str, np.ndarray]:
    """What the method handed over; nothing where it recorded none. Shared by all pages: read, never write. Raises WrongInput."""
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    return Artifacts(place.artifacts_folder).get_arrays(files["recorded"]) if "recorded" in files else {}


@st.cache_data(max_entries=16, show_spinner="Asking the network along the step …")
def path_curve(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.path.path_curve."""
    return dict(engine(home()).ask("path_curve", run_id=run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def path_at(run_id: str, finished: str, root: str, t: float) -> dict[str, Any]:
    """See core.explore.path.path_at."""
    return dict(engine(home()).ask("path_at", run_id=run_id, t=t))


@st.cache_data(max_entries=16, show_spinner="Asking what the noise looks like …")
def noise_answers(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.noise.noise_answers."""
    return dict(engine(home()).ask("noise_answers", run_id=run_id))


@st.cache_data(max_entries=16, show_spinner="Measuring where the weights lie …")
def plane(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.plane.plane."""
    return dict(engine(home()).ask("plane", run_id=run_id))
