"""Background jobs: how they stand, and the results of analyses."""

import numpy as np
import streamlit as st

from core.analysis import stored_results
from core.analysis.stored_results import Analysis
from core.jobs import background
from core.jobs.background import Progress
from dashboard.session import home


def analysis_progress(analysis: Analysis) -> Progress:
    """How an analysis stands now. Raises WrongInput where its run is not there or not done."""
    return background.progress(home(), analysis)


def import_progress(job_id: str) -> Progress:
    """How an import stands now."""
    return background.job_progress(home(), job_id)


def analysis_arrays(analysis: Analysis) -> dict[str, np.ndarray]:
    """The result of an analysis that is done. Shared by all pages: read, never write. Raises WrongInput where it is damaged."""
    return _arrays(stored_results.key_of(home(), analysis), str(home().root), analysis)


@st.cache_resource(max_entries=16, show_spinner=False)
def _arrays(key: str, root: str, _analysis: Analysis) -> dict[str, np.ndarray]:
    return stored_results.arrays(home(), _analysis)


def analysis_key(analysis: Analysis) -> str:
    """The key that its result is stored under."""
    return stored_results.key_of(home(), analysis)
