"""What a user brings: a folder or zip of images, and weights for the original network; uploaders, and what is said of each."""

from pathlib import Path
import re
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.data.importing.importer import CHANNELS, SIDES, ImportOptions
from core.data.importing.layouts.registry import AUTO, LAYOUTS
from core.data.paths import halved_folders
from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.info import DatasetInfo
from core.domain.methods.judged import Brought
from core.domain.run import ORDERS, WeightsAs
from core.figures.markdown import plain
from core.jobs import import_dataset
from core.reports.uploaded_weights import (
    accuracy_line,
    in_words,
    likely_order,
    offered,
    read_like,
    reading,
    start,
    warnings,
    why,
)
from core.training.uploaded_weights.scan_file import KINDS
from dashboard.components.common.background_analysis import watch
from dashboard.components.common.fragments import fragment
from dashboard.components.common.tables import show_frame
from dashboard.login.may import Barred, barred
from dashboard.queries import engine
from dashboard.queries.background import import_progress
from dashboard.session import ask_to_set, belongs, home, recall, remember

FOLDER, FOUND, ZIP, NOTES, IMPORT = "own_folder", "own_found", "own_zip", "own_notes", "own_import"
MOST_MB = 512  # of an upload, which this process holds in memory; a larger zip is named by its path
LETTERS = 60  # of an upload's name
_HELP = "\n".join(["How the folder is laid out:", "", *(f"- {key}: `{layout.ABOUT}`" for key, layout in LAYOUTS.items())])


def own_data(key: str) -> None:
    """key: of the widget that chooses the dataset; it is set to what was added."""
    with st.expander("Your own images", icon=":material/folder_open:"):
        fragment(_ask)
    _follow(key)


def _follow(key: str) -> None:
    """The import that this session asked for, its progress and what came of it; else the progress of another session's, or of a page
    that was loaded anew.
    """
    own = recall(IMPORT)
    job_id = own or import_dataset.active(home())
    if not job_id:
        return
    now = import_progress(job_id)
    if now.status == "running":
        watch(lambda: import_progress(job_id), import_dataset.cancel, job_id, "import", "Adding images")
        return
    remember(IMPORT, "")
    if now.status == "failed" and own:
        st.error(plain(now.error), icon=":material/error:")
    elif now.status == "done" and own:
        added = now.outcome["key"]
        st.toast(f"Added as {plain(added)}", icon=":material/check:")
        remember(NOTES, (added, now.outcome["notes"]))
        ask_to_set(key, added)


def _ask() -> None:
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
    busy = bool(following := recall(IMPORT)) and import_progress(following).status == "running"
    shut = barred() or Barred(disabled=busy or not ((path or "").strip() or upload))
    if not st.button("Add", icon=":material/add:", key="own_add", **shut):
        return
    try:
        if upload and (path or "").strip():
            raise WrongInput(f"Both the folder {path!r:.120} and the zip {upload.name!r:.120} are named; take out the one not wanted.")
        asked = ImportOptions(layout or AUTO, int(size or 0), (label or "").strip(), channels=channels or "auto")
        remember(IMPORT, _start_upload(upload, asked) if upload else import_dataset.start(home(), (path or "").strip(), asked))
    except WrongInput as wrong:
        st.error(plain(str(wrong)), icon=":material/error:")
        return
    st.rerun()


def _start_upload(upload: UploadedFile, asked: ImportOptions) -> str:
    name = re.sub(r"[^\w .-]+", "_", Path(upload.name).stem)[:LETTERS].strip(" .") or "images"
    return import_dataset.start_upload(home(), name, upload, asked)


def _take() -> None:
    if chosen := recall(FOUND):
        remember(FOLDER, chosen)


SHORT = {"Right on training images": "Train", "Right on test images": "Test"}  # the column is narrow, and both must be in sight
WEIGHTS_PANEL = "Own weights for the original"
HERE = "here"  # the order in which the dataset's classes stand


def own_weights(data: DatasetInfo, model: str) -> tuple[str, str] | None:
    """What a RunSpec calls the weights, and how they are read: '' where none were brought, None where the file does not fit."""
    with st.expander(WEIGHTS_PANEL, icon=":material/upload_file:"):
        brought = st.file_uploader(
            "Weights, up to 1 GB", [kind.removeprefix(".") for kind in KINDS], key="own_weights",
            help="A state dict of this very architecture, as torch.save(model.state_dict(), FILE) or safetensors writes it. Nothing in "
            "the file is run. Without a file the original is trained here.",
        )  # fmt: skip
        if brought is None:
            st.caption("None: the original is trained here, by the recipe.")
            return "", ""
        said = engine.own_weights(data.key, model, brought.name, brought)
        if "wrong" in said:
            st.error(plain(said["wrong"]), icon=":material/error:")
            return None
        st.success(f"fits: {said['count']:,} weights", icon=":material/check:")
        for note in said["notes"]:
            st.info(plain(note), icon=":material/info:")
        if said.get("mapping") and not _accepted(said["mapping"], (data.key, model, brought.file_id)):
            return None
        read_as = _ask_reading(said, data, (data.key, model, brought.file_id))
        st.caption("The original gets these weights; the reference is trained here all the same, so differences include the recipe's.")
        return str(said["weights"]), read_as


def weights_like(data: DatasetInfo, model: str, key: str, label: str, follow: WeightsAs) -> Brought | None:
    """What a RunSpec calls the weights of a network that was made from the original, and how they are read; None without a file that fits.

    key: of the uploader; follow: how the original is read.
    """
    kinds = [kind.removeprefix(".") for kind in KINDS]
    brought = st.file_uploader(label, kinds, key=key, help="As for the original. Nothing in the file is run.")
    if brought is None:
        return None
    said = engine.own_weights(data.key, model, brought.name, brought)
    if "wrong" in said:
        st.error(plain(said["wrong"]), icon=":material/error:")
        return None
    for note in said["notes"]:
        st.info(plain(note), icon=":material/info:")
    if said.get("mapping") and not _accepted(said["mapping"], (data.key, model, brought.file_id), key):
        return None
    how = read_like(said, data.classes, follow)
    st.success(plain(" ".join(filter(None, [f"fits: {said['count']:,} weights.", accuracy_line(said, how)]))), icon=":material/check:")
    return str(said["weights"]), how.text


def _accepted(mapping: list[list[str]], owner: tuple[str, ...], which: str = "") -> bool:
    """Whether the user confirms names that were matched by order and shape alone; owner: what the answer belongs to."""
    answer = "_".join(filter(None, ["accept_mapping", which]))
    st.warning("The names in this file are not known here: they were matched by order and shape alone.", icon=":material/warning:")
    show_frame(
        pd.DataFrame(mapping, columns=["In the file", "Here", "Shape"]), key=f"{which or 'weights'}_mapping", height=240,
        alt="Which tensor of the file stands for which of the network's",
    )  # fmt: skip
    belongs(answer, owner, False)
    return st.checkbox("Each stands for what it is matched with", key=answer)


def _ask_reading(said: dict[str, Any], data: DatasetInfo, owner: tuple[str, ...]) -> str:
    """The normalisation and the order of classes that are chosen, as a RunSpec holds them; owner: what the choice belongs to."""
    first, options = start(said), offered(said)
    belongs("normalisation", owner, first)
    chosen = st.selectbox(
        "Normalisation of pixels that the weights were trained with", sorted(options, key=lambda key: key != first),
        format_func=lambda key: f"{key}: {options[key]}", key="normalisation",
    )  # fmt: skip
    order = HERE
    if likely := likely_order(said, chosen):
        belongs("class_order", (*owner, chosen), HERE)
        order = st.selectbox(
            "Order of classes in the file", [HERE, likely],
            format_func=lambda name: f"{name}: {ORDERS.get(name, 'as they stand in this dataset')}", key="class_order",
        )  # fmt: skip
    how = reading(said, data.classes, chosen, "" if order == HERE else order)
    st.caption(plain(" ".join(filter(None, [why(said, how), accuracy_line(said, how)]))))
    if "tried" in said:
        show_frame(
            _table(said, data.classes, chosen), key="weights_tried", alt="How many images the network gets right with each normalisation",
            column_config={name: st.column_config.TextColumn(label, help=f"{name}.", width=60) for name, label in SHORT.items()},
        )
    for warning in warnings(said, data.classes, how):
        st.warning(plain(warning), icon=":material/warning:")
    return how.text


def _table(said: dict[str, Any], classes: tuple[str, ...], chosen: str) -> pd.DataFrame:
    """Every normalisation with the classes as they stand here, and the likely order, where there is one, with the chosen."""
    rows = [(one["key"], row) for one in said["tried"] for row in one["orders"] if not row["name"] or
            (one["key"] == chosen and row["name"] == one["likely"])]  # fmt: skip
    return pd.DataFrame({
        "Normalisation": [key for key, _ in rows],
        "Right on training images": [percent(row["train"]) for _, row in rows],
        "Right on test images": [percent(row["test"]) for _, row in rows],
        "Order of classes": [in_words(classes, tuple(row["order"])) for _, row in rows],
    })  # fmt: skip
