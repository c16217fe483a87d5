"""What leaves a home and what comes into it: single files and bundles to download, and bundles to import."""

from functools import partial
from pathlib import Path
import re

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.domain.errors import WrongInput
from core.export.bundle.bring import BroughtIn, bring
from core.export.bundle.layout import MOST_HELD
from core.export.downloads import bundle_of, downloads
from core.figures.markdown import plain
from core.storage.atomic import folder_beside
from core.storage.disk_and_memory_errors import told
from core.storage.portable import ALREADY, NEW_ID
from core.storage.record_types import Run
from dashboard.components.common.fragments import fragment
from dashboard.login.may import Barred, barred
from dashboard.login.sessions import later
from dashboard.queries import runs
from dashboard.session import ask_to_open, home, recall, remember

BUNDLE, BROUGHT, SHOWN = "bundle", "brought_in", 5
LETTERS = 60  # of an upload's name


def bundle_button(any_id: str, *, key: str, weights: bool = True, disabled: bool = False, light: bool = False) -> None:
    """A run's or a study's bundle; it is made when the button is clicked. light: without a frame."""
    st.download_button(
        "Bundle", later(partial(bundle_of, home(), any_id, weights=weights)), f"{any_id}.zip", "application/zip",
        key=f"{key}-bundle-{any_id}", icon=":material/folder_zip:", on_click="ignore", disabled=disabled,
        type="tertiary" if light else "secondary",
        help="One file with specification, numbers, tables, networks and recordings, which another Forgetscope imports (an RO-Crate).",
    )  # fmt: skip


def downloads_panel(run: Run) -> None:
    """All that can be downloaded of a finished run."""
    with st.expander("Downloads", icon=":material/download:"):
        fragment(partial(_downloads, run))


def _downloads(run: Run) -> None:
    lost = bool(runs.missing_files(run))
    st.markdown("**The whole run**, with what stands beside it, for another Forgetscope or an archive")
    with st.container(horizontal=True, vertical_alignment="center"):
        weights = st.toggle("With networks", True, key="bundle_weights", help="Networks can tell what they were trained on.")
        bundle_button(run.id, key="result", weights=weights, disabled=lost)
    words = f"python -m core export {run.id} {run.id}.zip" + ("" if weights else " --without-weights")
    st.code(words, language="bash")
    if lost:
        st.caption("Files of this run are gone, so it cannot be exported whole; run it again.")
    st.markdown("**Single files**")
    with st.container(horizontal=True):
        for one in downloads(home(), run.id):
            st.download_button(one.label, later(one.make), one.file_name, key=f"get-{one.file_name}", help=one.about, on_click="ignore",
                               icon=":material/download:")  # fmt: skip
    st.caption("Weights, importances, recordings and masks are safetensors; scores are parquet. Nothing in them is code.")


def import_panel() -> None:
    """Bring in a bundle by upload, and what became of it."""
    with st.expander("Import a bundle", icon=":material/input:"):
        fragment(_ask)
    brought: tuple[str, BroughtIn] | None = recall(BROUGHT)
    if brought is not None:
        _said(*brought)


def _ask() -> None:
    upload = st.file_uploader(
        "A bundle of runs or studies", ["zip"], key=BUNDLE, max_upload_size=MOST_HELD // 2**20,
        help=f"Up to {MOST_HELD // 2**20} MB; a larger one by `python -m core import FILE.zip`. Nothing in it is executed, every digest is "
        "checked, and nothing that is here is changed.",
    )  # fmt: skip
    shut = barred() or Barred(disabled=upload is None)
    if not st.button("Import", key="import-bundle", type="primary", icon=":material/input:", **shut) or upload is None:
        return
    with st.spinner("Checking and importing …"):
        remember(BROUGHT, (upload.name, _brought(upload)))
    st.rerun()


def _brought(upload: UploadedFile) -> BroughtIn:
    """Raises WrongInput."""
    place = home()
    if place.unwritable:
        raise WrongInput(place.unwritable)
    name = re.sub(r"[^\w .-]+", "_", Path(upload.name).stem)[:LETTERS].strip(" .") or "bundle"
    with told(place.root), folder_beside(place.root) as folder:
        file = folder / f"{name}.zip"
        file.write_bytes(upload.getbuffer())
        return bring(place, file)


def _said(name: str, brought: BroughtIn) -> None:
    there = [one for one in brought.runs if one.how == ALREADY]
    renamed = [one for one in brought.runs if one.how == NEW_ID]
    new = len(brought.runs) - len(there)
    sentences = [f"{name}: {new} run{'s' * (new != 1)} imported" + (f", {len(there)} were here already" if there else "") + "."]
    if brought.studies:
        sentences.append(f"{len(brought.studies)} stud{'ies stand' if len(brought.studies) > 1 else 'y stands'} on the Studies page.")
    if renamed:
        ids = ", ".join(f"{one.of} as {one.id}" for one in renamed[:SHOWN])
        sentences.append(f"Beside runs of the same id with other numbers they have new ids: {ids}{' and more' * (len(renamed) > SHOWN)}.")
    st.success(plain(" ".join(sentences)), icon=":material/check:")
    if st.button("Open it", key="open-brought", icon=":material/open_in_new:"):
        remember(BROUGHT, None)
        ask_to_open(brought.first, "views/result.py")
