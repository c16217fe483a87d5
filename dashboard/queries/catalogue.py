"""The catalogue of datasets, models, methods and metrics, and the names and images of stored runs' datasets."""

from pathlib import Path

import numpy as np
import streamlit as st

from core.data.importing import store as added_sets
from core.data.paths import data_folder
from core.domain.code_version import catalogue_version
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.methods.judged import titles_of
from core.domain.requests.base import ForgetRequest
from core.domain.study import StudyPlan
from core.export import examples
from core.jobs import catalogue as engine_catalogue
from core.jobs.catalogue import Catalogue
from core.storage.portable import dataset_of
from core.storage.runs import ResultStore
from dashboard.session import home


def current() -> Catalogue:
    """The catalogue as it is now."""
    return engine_catalogue.catalogue(home().root)


def reload() -> None:
    """Have the engine read all extensions again and describe itself anew."""
    engine_catalogue.reload(home().root)


def dataset(key: str) -> DatasetInfo:
    """The dataset of a stored run. Raises WrongInput where it is no longer registered, or was added and removed."""
    if key in examples.datasets() and not engine_catalogue.is_written(home().root):
        return examples.datasets()[key]
    datasets = current().datasets
    if key not in datasets and added_sets.KEY.fullmatch(key):
        return _added(key)
    if key not in datasets:
        raise WrongInput(
            f"This run is about the dataset {key!r}, which this Forgetscope does not know; it knows {', '.join(datasets)}."
        )
    return datasets[key]


def method_title(key: str) -> str:
    """As pages name the method of a stored run; its key where it is no longer registered."""
    if key in examples.titles() and not engine_catalogue.is_written(home().root):
        return examples.titles()[key]
    return titles_of(current().methods).get(key, key)


def _added(key: str) -> DatasetInfo:
    try:
        return added_sets.info_of(home().datasets_folder, key)
    except added_sets.Damaged:  # its message says what to do
        raise
    except WrongInput:
        with ResultStore(home().database) as store:
            if found := dataset_of(store, key):  # an imported run brought it along, without its images
                return found
        raise WrongInput(f"The added dataset {key} was removed; adding the same images again brings it back.") from None


def request_title(request: ForgetRequest, dataset: str) -> str:
    """A request in one line, with the dataset's class names where it is still registered."""
    return request.title(current().datasets.get(dataset))


def study_name(plan: StudyPlan) -> str:
    """A study's title, else its subject."""
    return plan.name_with(current().datasets.get(plan.dataset))


def images(dataset: str) -> dict[str, np.ndarray]:
    """See core.jobs.catalogue.dataset_images. Shared by all pages: read, never write. Raises WrongInput."""
    where = (dataset, str(home().root), catalogue_version(), str(data_folder()))
    if why_not := _why_no_images(*where):
        raise WrongInput(why_not)
    return _images(*where)


@st.cache_data(ttl=20.0, max_entries=64, show_spinner=False)
def _why_no_images(dataset: str, root: str, engine: str, data: str) -> str:
    """'' where they are available. Cached briefly, since looking for a missing dataset takes seconds."""
    try:
        _images(dataset, root, engine, data)
    except WrongInput as reason:
        return str(reason)
    return ""


@st.cache_resource(max_entries=8, show_spinner="Reading the images …")
def _images(dataset: str, root: str, engine: str, data: str) -> dict[str, np.ndarray]:
    return engine_catalogue.dataset_images(Path(root), dataset)
