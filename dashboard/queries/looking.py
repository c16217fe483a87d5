"""Looks: how they stand, and what came of them."""

import numpy as np
import streamlit as st

from core.looks import asked as looks
from core.looks.asked import Look, Progress
from dashboard.session import home


def look_progress(look: Look) -> Progress:
    """How a look stands now. Raises WrongInput where its run is not there or not done."""
    return looks.progress(home(), look)


def look_arrays(look: Look) -> dict[str, np.ndarray]:
    """What came of a look that is done. Shared by all pages: read, never write. Raises WrongInput where it is damaged."""
    return _look_arrays(looks.key_of(home(), look), str(home().root), look)


@st.cache_resource(max_entries=16, show_spinner=False)
def _look_arrays(key: str, root: str, _look: Look) -> dict[str, np.ndarray]:
    return looks.arrays(home(), _look)


def look_key(look: Look) -> str:
    """Under which a look is kept."""
    return looks.key_of(home(), look)
