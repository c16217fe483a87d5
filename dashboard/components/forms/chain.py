"""Which methods go on where the chosen one ends: a chain."""

import streamlit as st

from core.domain.info import DatasetInfo, MethodInfo
from core.domain.methods.chains import MOST, NO_STEP, chain_of
from core.figures.markdown import plain
from core.jobs.catalogue import Catalogue
from dashboard.session import stays


def ask_then(available: Catalogue, data: DatasetInfo, first: str) -> list[MethodInfo]:
    """The methods behind the first, in the order in which they were chosen."""
    if first in NO_STEP:
        return []
    offered = [key for key, m in available.methods.items() if key != first and key not in NO_STEP and not m.unfit(data)]
    stays("then", offered)
    chosen = st.multiselect(
        "Then", offered, key="then", bind="query-params", max_selections=MOST - 1, select_all=False,
        placeholder="nothing: one method alone",
        help="A chain: each method goes on from the network that the one before it left, and the run is evaluated after the last.",
    )  # fmt: skip
    for key in chosen:
        method = available.methods[key]
        st.markdown(f"then **{plain(method.title)}**, from the network that is left by then. {plain(method.about)}")
    if chosen:
        whole = available.methods[chain_of(first, chosen)]
        st.caption(f"Together: reads {', '.join(whole.uses)}; costs {whole.passes:.2g} training passes (one class of digits).")
    return [available.methods[key] for key in chosen]
