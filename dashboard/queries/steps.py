"""The engine's answers about the steps of a method."""

from typing import Any

import streamlit as st

from dashboard.queries.warm import ask


@st.cache_data(max_entries=16, show_spinner="Asking the network along the step …")
def path_curve(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.path.path_curve."""
    return dict(ask("path_curve", run_id=run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def path_at(run_id: str, finished: str, root: str, t: float) -> dict[str, Any]:
    """See core.explore.path.path_at."""
    return dict(ask("path_at", run_id=run_id, t=t))


@st.cache_data(max_entries=16, show_spinner="Asking what the noise looks like …")
def noise_answers(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.noise.noise_answers."""
    return dict(ask("noise_answers", run_id=run_id))


@st.cache_data(max_entries=16, show_spinner="Measuring where the weights lie …")
def plane(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """See core.explore.plane.plane."""
    return dict(ask("plane", run_id=run_id))
