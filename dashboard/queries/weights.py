"""The engine's answers about importances, dampening, and moved weights; `kept`: the key of the look that computed the importances."""

from typing import Any

import streamlit as st

from dashboard.queries.warm import ask


@st.cache_data(max_entries=32, show_spinner="Reading the importances …")
def importance_view(run_id: str, finished: str, root: str, kept: str) -> dict[str, Any]:
    """See core.explore.importance.importance_view."""
    return dict(ask("importance_view", run_id=run_id, kept=kept))


@st.cache_data(max_entries=512, show_spinner=False)
def redampen(run_id: str, finished: str, root: str, kept: str, alpha: float, lambda_: float) -> dict[str, Any]:
    """See core.explore.dampening.redampen."""
    return dict(ask("redampen", run_id=run_id, kept=kept, alpha=alpha, lambda_=lambda_))


@st.cache_data(max_entries=64, show_spinner=False)
def alpha_curve(run_id: str, finished: str, root: str, kept: str, lambda_: float) -> dict[str, Any]:
    """See core.explore.alphas.alpha_curve."""
    return dict(ask("alpha_curve", run_id=run_id, kept=kept, lambda_=lambda_))


@st.cache_data(max_entries=64, show_spinner=False)
def kernel_map(run_id: str, finished: str, root: str, kept: str, layer: str) -> dict[str, Any]:
    """See core.explore.importance.kernel_map."""
    return dict(ask("kernel_map", run_id=run_id, kept=kept, layer=layer))


@st.cache_data(max_entries=32, show_spinner="Looking for the images that drive these filters …")
def top_filters(run_id: str, finished: str, root: str, kept: str, layer: str) -> dict[str, Any]:
    """See core.explore.filters.top_filters."""
    return dict(ask("top_filters", run_id=run_id, kept=kept, layer=layer))


@st.cache_data(max_entries=16, show_spinner="Comparing the networks' weights …")
def touched_map(run_id: str, finished: str, root: str, others: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """See core.explore.touched.touched_map; others: id and edition's `finished`."""
    return dict(ask("touched_map", run_id=run_id, others=[other for other, _ in others]))


@st.cache_data(max_entries=64, show_spinner=False)
def touched_layer(run_id: str, finished: str, root: str, other: tuple[str, str], layer: str) -> dict[str, Any]:
    """See core.explore.touched.touched_layer; other: as in `touched_map`."""
    return dict(ask("touched_layer", run_id=run_id, other=other[0], layer=layer))
