"""A network that was unlearned elsewhere, in place of a method: its weights, where the reference comes from, and the run that judges it."""

from dataclasses import dataclass

import streamlit as st

from core.domain.info import DatasetInfo
from core.domain.methods.judged import Brought
from core.domain.run import WeightsAs
from dashboard.components.forms.uploads import weights_like

HERE, BROUGHT, NONE = "trained here", "brought", "none"  # where the reference comes from
UNLEARNED, REFERENCE, FROM = "judged_unlearned", "judged_reference", "judged_from"  # keys of widgets


@dataclass(frozen=True)
class Judged:
    """unlearned: its weights; brought: the reference's, where it was made elsewhere too; reference: whether there is one at all."""

    unlearned: Brought
    brought: Brought | None
    reference: bool


@dataclass(frozen=True)
class Asked:
    """Whether a network is to be judged in place of running a method; judged: None while a file is missing or does not fit."""

    judges: bool
    judged: Judged | None = None


def ask_judged(data: DatasetInfo, model: str, original: tuple[str, str] | None) -> Asked:
    """original: its weights and how they are read, as `own_weights` gives them."""
    with st.expander("Unlearned elsewhere", icon=":material/compare:"):
        if not original or not original[0]:
            st.caption("To evaluate a network that was unlearned elsewhere, bring the original's weights above first.")
            return Asked(False)
        follow = WeightsAs.parse(original[1])
        unlearned = weights_like(data, model, UNLEARNED, "Weights that were unlearned elsewhere, up to 1 GB", follow)
        if st.session_state.get(UNLEARNED) is None:
            st.caption("None: a method unlearns here.")
            return Asked(False)
        source = st.segmented_control(
            "Reference", [HERE, BROUGHT, NONE], default=HERE, key=FROM, required=True,
            help="The network that never saw the forget set: trained here by the recipe, brought as a file, or left out; without it "
            "nothing can be held against retraining.",
        )  # fmt: skip
        brought = None
        if source == BROUGHT:
            brought = weights_like(data, model, REFERENCE, "The reference's weights, up to 1 GB", follow)
        if unlearned is None or (source == BROUGHT and brought is None):
            return Asked(True)
        return Asked(True, Judged(unlearned, brought, source != NONE))
