"""What can be asked for, and the names and images of what was."""

from pathlib import Path

import numpy as np
import streamlit as st

from core.data.importing import store as added_sets
from core.data.paths import data_folder
from core.domain.code_version import catalogue_version
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.requests.base import ForgetRequest
from core.domain.study import StudyPlan
from core.jobs import catalogue as shelves
from core.jobs.catalogue import Catalogue
from dashboard.session import home


def current() -> Catalogue:
    """What can be asked for."""
    return shelves.catalogue(home().root)


def dataset(key: str) -> DatasetInfo:
    """What a stored run was about. Raises WrongInput where that is no longer on the shelf, or was added and removed."""
    shelf = current().datasets
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


def request_title(request: ForgetRequest, dataset: str) -> str:
    """A request as a line that names a run says it, with the dataset's own names where it is still on the shelf."""
    return request.title(current().datasets.get(dataset))


def study_name(plan: StudyPlan) -> str:
    """Its title, else what it is about."""
    return plan.name_with(current().datasets.get(plan.dataset))


def images(dataset: str) -> dict[str, np.ndarray]:
    """See core.jobs.catalogue.dataset_images. Shared by all pages: read, never write. Raises WrongInput."""
    where = (dataset, str(home().root), catalogue_version(), str(data_folder()))
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
