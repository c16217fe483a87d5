"""Weights of the user's own for the original: an uploader, and what the engine says of the file."""

import streamlit as st

from dashboard import queries
from dashboard.components.text import plain

KINDS = ["safetensors", "pth", "pt"]


def own_weights(dataset: str, model: str) -> str | None:
    """What a RunSpec calls the weights: '' where none were brought, None where the file does not fit."""
    with st.expander("Own weights for the original", icon=":material/upload_file:"):
        brought = st.file_uploader(
            "Weights, up to 1 GB", KINDS, key="own_weights",
            help="A state dict of this very architecture, as torch.save(model.state_dict(), FILE) or safetensors writes it. Nothing in "
            "the file is run. Without a file the original is trained here.",
        )  # fmt: skip
        if brought is None:
            st.caption("None: the original is trained here, by the recipe.")
            return ""
        said = queries.own_weights(dataset, model, brought.name, brought)
        if "wrong" in said:
            st.error(plain(said["wrong"]), icon=":material/error:")
            return None
        st.success(f"fits: {said['count']:,} weights", icon=":material/check:")
        st.caption("The original gets these weights; the reference is trained here all the same, so differences include the recipe's.")
        return str(said["weights"])
