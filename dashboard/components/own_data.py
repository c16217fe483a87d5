"""Add a folder of the user's own images, or a zip of one, and go on with it."""

from collections.abc import Callable
from pathlib import Path
import re
import shutil

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.data.adding import CHANNELS, SIDES, Asked
from core.data.beside import folder_beside
from core.data.folder import halved_folders
from core.data.layouts import AUTO, LAYOUTS
from core.data.process import add_apart
from core.domain import WrongInput
from core.store import trouble
from dashboard.components.fragments import fragment
from dashboard.components.text import plain
from dashboard.session import ask_to_set, home, recall, remember

FOLDER, FOUND, ZIP, NOTES = "own_folder", "own_found", "own_zip", "own_notes"
MOST_MB = 512  # of an upload, which this process holds in memory; a larger zip is named by its path
LETTERS = 60  # of an upload's name
_HELP = "\n".join(["How the folder is laid out:", "", *(f"- {key}: `{layout.ABOUT}`" for key, layout in LAYOUTS.items())])


def own_data(key: str) -> None:
    """key: of the widget that chooses the dataset; it is set to what was added."""
    with st.expander("Your own images", icon=":material/folder_open:"):
        fragment(lambda: _ask(key))


def _ask(key: str) -> None:
    path = st.text_input(
        "Folder", key=FOLDER, placeholder="/home/me/pictures, or a name in FORGETSCOPE_DATA",
        help="With train/CLASS and test/CLASS inside, or one of the published layouts. README, Your own data, says more.",
    )  # fmt: skip
    upload = st.file_uploader(
        "Or a zip of such a folder", ["zip"], key=ZIP, max_upload_size=MOST_MB,
        help=f"Up to {MOST_MB} MB; of a larger one on this machine, write the path above. Members are checked before they are unpacked.",
    )  # fmt: skip
    if found := halved_folders():
        st.pills("Found in FORGETSCOPE_DATA", found, key=FOUND, on_change=_take, wrap=True, format_func=plain)
    left, middle, right = st.columns(3)
    layout = left.selectbox("Layout", [AUTO, *LAYOUTS], key="own_layout", help=_HELP)
    size = middle.number_input(
        "Size", 0, SIDES[1], 0, 8, key="own_size", help="Every image is cut square and resized to this side; 0: as the layout has it."
    )
    label = right.text_input("Class column", key="own_label", placeholder="class", help="A column of index.csv, such as superclass.")
    channels = st.segmented_control(
        "Channels", list(CHANNELS), default="auto", key="own_channels", required=True,
        help="auto: as the images are, which must be alike; grey, colour: all are turned into that.",
    )  # fmt: skip
    key_of, notes_of = recall(NOTES, ("", ()))
    for note in notes_of:  # of the set that was added last: whatever was passed over or decided in reading it
        st.info(plain(f"{key_of}: {note}"), icon=":material/info:")
    if not st.button("Add", icon=":material/add:", disabled=not ((path or "").strip() or upload), key="own_add"):
        return
    bar = st.progress(0.0, "starting")

    def told(share: float, note: str) -> None:
        bar.progress(share, plain(note))

    try:
        if upload and (path or "").strip():
            raise WrongInput(f"Both the folder {path!r:.120} and the zip {upload.name!r:.120} are named; take out the one not wanted.")
        asked = Asked(layout or AUTO, int(size or 0), (label or "").strip(), channels=channels or "auto")
        added, notes = _add_upload(upload, asked, told) if upload else add_apart(home().root, (path or "").strip(), asked, told)
    except WrongInput as wrong:
        bar.empty()
        st.error(plain(str(wrong)), icon=":material/error:")
        return
    st.toast(f"Added as {plain(added)}", icon=":material/check:")
    remember(NOTES, (added, notes))
    ask_to_set(key, added)


def _add_upload(upload: UploadedFile, asked: Asked, told: Callable[[float, str], None]) -> tuple[str, tuple[str, ...]]:
    """As `add_apart`, of a zip that was uploaded: written into a temporary folder of the home. Raises WrongInput."""
    datasets = home().datasets_folder
    name = re.sub(r"[^\w .-]+", "_", Path(upload.name).stem)[:LETTERS].strip(" .") or "images"
    with trouble.told(datasets), folder_beside(datasets) as beside:
        archive = beside / f"{name}.zip"
        with open(archive, "wb") as file:
            shutil.copyfileobj(upload, file)
        return add_apart(home().root, str(archive), asked, told)


def _take() -> None:
    if chosen := recall(FOUND):
        remember(FOLDER, chosen)
