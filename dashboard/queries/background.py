"""Looks: how they stand, and what came of them."""

import numpy as np
import streamlit as st

from core.analysis import stored_results
from core.analysis.stored_results import Analysis
from core.jobs import background
from core.jobs.background import Progress
from dashboard.session import home


def look_progress(look: Analysis) -> Progress:
    """How a look stands now. Raises WrongInput where its run is not there or not done."""
    return background.progress(home(), look)


def import_progress(job_id: str) -> Progress:
    """How an import stands now."""
    return background.job_progress(home(), job_id)


def look_arrays(look: Analysis) -> dict[str, np.ndarray]:
    """What came of a look that is done. Shared by all pages: read, never write. Raises WrongInput where it is damaged."""
    return _look_arrays(stored_results.key_of(home(), look), str(home().root), look)


@st.cache_resource(max_entries=16, show_spinner=False)
def _look_arrays(key: str, root: str, _look: Analysis) -> dict[str, np.ndarray]:
    return stored_results.arrays(home(), _look)


def look_key(look: Analysis) -> str:
    """Under which a look is kept."""
    return stored_results.key_of(home(), look)
