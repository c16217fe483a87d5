"""What a person writes on a run: a name, tags, a note."""

import streamlit as st

from core.storage.record_types import NAME, NOTE, TAG, TAGS, Label, Run
from dashboard.components.common.fragments import errors_shown
from dashboard.login.may import Barred, barred
from dashboard.queries import run_list
from dashboard.session import recall


def label_button(run: Run, key: str) -> None:
    """Opens the fields, which are drawn when it is pressed. key: of the page."""
    shut = barred(run.owner, what=f"run {run.id}") or Barred(help="Name, tags and note of this run")
    box = st.popover("Label", key=f"{key}-edit-{run.id}", type="tertiary", on_change="rerun", **shut)
    if box.open:
        with box:
            _fields(run, key)


def _fields(run: Run, key: str) -> None:
    with st.form(f"{key}-label-{run.id}", border=False):
        st.text_input("Name", run.label.name, max_chars=NAME, key=f"{key}-name-{run.id}", placeholder="Figure 3, final")
        offered = list(dict.fromkeys([*run.label.tags, *run_list.filter_choices()["tag"]]))
        st.multiselect(
            "Tags", offered, list(run.label.tags), key=f"{key}-tags-{run.id}", accept_new_options=True, max_selections=TAGS,
            select_all=False, help=f"Words of up to {TAG} letters; the filter *Tag* on Runs finds them.",
        )  # fmt: skip
        st.text_area("Note", run.label.note, max_chars=NOTE, key=f"{key}-note-{run.id}")
        st.form_submit_button("Save", key=f"{key}-save-{run.id}", on_click=_save, args=(run.id, key), type="primary")


def _save(run_id: str, key: str) -> None:
    """A callback; what is wrong is shown, and the fields stay as they are."""
    name, tags, note = (recall(f"{key}-{field}-{run_id}") for field in ("name", "tags", "note"))
    with errors_shown(st.toast):
        run_list.write_label(run_id, Label(str(name or "").strip(), tuple(tags or ()), str(note or "").strip()))
        st.toast("Saved.")
