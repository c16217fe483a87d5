"""What the story tells of a finished run: all of it read from the store, once; no engine is asked."""

from dataclasses import dataclass
import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.training.own_recipe import forget_count, is_about, trained_data
from core.export import examples
from core.figures.image_sprite import png
from core.reports.first_screen import FirstScreen, of_stored_run
from core.reports.run_report import full_report
from core.reports.teaching.story import Facts
from core.storage.home import Home
from core.storage.record_types import Run
from core.storage.runs import ResultStore
from dashboard.queries import catalogue, runs
from dashboard.session import home

SIDE = 64  # pixels that an image of a picture is enlarged to, at least
ROWS = 10  # of a wall


@dataclass(frozen=True)
class Told:
    """layers: as the run stored them; relearning: curves. Both empty where it stored none."""

    screen: FirstScreen
    facts: Facts
    layers: pd.DataFrame
    relearning: pd.DataFrame


def told(run: Run) -> Told:
    """Of a finished run. Raises WrongInput where it stored no table of classes, or the table is damaged."""
    with ResultStore(home().database) as store:
        revision = store.finished_revision()
    return _told(str(home().root), run.id, revision, run)


@st.cache_data(max_entries=16, show_spinner=False)
def _told(root: str, run_id: str, revision: int, _run: Run) -> Told:
    """root, run_id, revision: what decides it; a second reference that comes later is a new revision."""
    data, spec = catalogue.dataset(_run.spec.dataset), _run.spec
    title = catalogue.method_title(spec.method)
    place = Home(Path(root))
    with ResultStore(place.database) as store:
        screen = of_stored_run(place, store, _run, data, title)
        report = full_report(place, store, _run)
    layers, relearning = _table(_run, "layers"), _table(_run, "relearn")
    moved = layers["changed"] * layers["weights"] if len(layers) else pd.Series(dtype=float)
    left = trained_data(spec, data)
    facts = Facts(
        what=spec.request.words(data), by_class=spec.request.by_class, method=title, train_images=left.train_count,
        forget_images=forget_count(spec, data), about=is_about(spec), unlearn=report["seconds"]["unlearn"] or None,
        retrain=report["seconds"]["reference"] or None, changed=float(moved.sum() / layers["weights"].sum()) if len(layers) else None,
        busiest=str(layers["layer"].iloc[int(moved.argmax())]).partition(".")[0] if len(layers) and moved.max() > 0 else "",
    )  # fmt: skip
    return Told(screen, facts, layers, relearning)


def _table(run: Run, name: str) -> pd.DataFrame:
    try:
        return runs.handle(run).table(name)
    except WrongInput:
        return pd.DataFrame()


@st.cache_data(max_entries=32, show_spinner=False)
def wall(path: str, row: int | None = None) -> bytes:
    """A shipped picture of training images, or one row of it, as a PNG that is large enough to see. Raises WrongInput."""
    pixels = _pixels(path)
    side = pixels.shape[0] // ROWS
    chosen = pixels if row is None else pixels[row * side : (row + 1) * side]
    if row is not None:  # two lines are larger than one
        half = chosen.shape[1] // 2
        chosen = np.concatenate([chosen[:, :half], chosen[:, half:]], 0)
    return png(chosen, max(1, SIDE // side))


@st.cache_data(max_entries=32, show_spinner=False)
def look(path: str) -> list[bytes]:
    """The image and the maps of the three networks, a PNG each. Raises WrongInput."""
    pixels = _pixels(path)
    side = pixels.shape[0]
    return [png(pixels[:, left : left + side], max(1, 2 * SIDE // side)) for left in range(0, pixels.shape[1], side)]


def _pixels(path: str) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError as wrong:
        raise WrongInput(f"The picture {Path(path).name} that ships with the examples is missing or damaged.") from wrong


@st.cache_data(max_entries=2, show_spinner=False)
def captions() -> dict[str, dict[str, dict[str, object]]]:
    """See `core.export.examples.looks`; empty where the file is missing or damaged."""
    try:
        return examples.looks()
    except (OSError, json.JSONDecodeError):
        return {}
