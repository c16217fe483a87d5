"""Choosing a forget set from the map: the images, a forecast of difficulty, and the link to the Unlearn page."""

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.formatting import percent
from core.domain.info import DatasetInfo
from core.figures.image_sprite import in_page, sprite
from core.figures.privacy.image_grids import pictures
from core.storage.record_types import Run
from dashboard.components.feature_map.panel import LASSOED, Arrays, open_image
from dashboard.components.feature_map.selection_rules import (
    DRAWN,
    LIKE,
    SELECTORS,
    Forecast,
    forecast,
    is_training,
    nearest_to,
    scores,
    top_rows,
)
from dashboard.components.forms.recipe_form import on_form
from dashboard.session import ask_elsewhere, recall, stays

IMAGES_SHOWN, COLUMNS = 60, 20  # images in the grid at most, and in its row
MOST, START = 200, 20  # images that a rule chooses, at most and at first
AMONG = {"all": ("forget", "retain"), "kept": ("retain",), "forget set": ("forget",)}
HOW = "At most {k} training images on the map that are nearest to each chosen one, by the original's features: the share that would stay."


def show_choice(run: Run, table: pd.DataFrame, arrays: Arrays, stored: Arrays | None, data: DatasetInfo) -> np.ndarray:
    """Rule, images, forecast, and the button that fills the form of the Unlearn page. Returns the rows that are chosen."""
    st.subheader("Choose what to forget from here")
    offered = [key for key, rule in SELECTORS.items() if not rule.needs_reference or "reference_own" in table]
    stays("map_by", offered)
    by = st.pills("Choose by", offered, default=DRAWN, key="map_by", required=True, bind="query-params", wrap=True) or DRAWN  # fmt: skip
    st.caption(SELECTORS[by].about)
    if len(offered) < len(SELECTORS):
        st.caption("This run has no reference, so that what it alone would tell, memorisation by the reference, cannot be asked for.")
    rows = _chosen(by, run.id, table, arrays)
    if not len(rows):
        return rows
    if "truth" in arrays and by == "suspected mislabelled":
        wrong = int((table["label"] != table["truth"]).to_numpy()[rows].sum())
        st.caption(f"{wrong} of these {len(rows)} labels are known to be wrong: this run's request made them so.")
    _image_grid(rows, table, stored)
    _forecast(rows, table, arrays)
    indices = sorted(int(i) for i in table["index"].to_numpy()[rows])
    with st.expander(f"The {len(indices)} training indices"):
        st.code(", ".join(map(str, indices)), language=None, wrap_lines=True)
    if st.button(f"Forget these {len(rows)} on the Unlearn page", type="primary", icon=":material/ink_eraser:", key="map_forget"):
        listed = ", ".join(map(str, indices))
        ask_elsewhere(
            {"dataset": data.key, "model": run.spec.model, "kind": "samples", "samples": listed, **on_form(run.spec, data)},
            "views/unlearn.py",
        )  # fmt: skip
    return rows


def _chosen(by: str, run_id: str, table: pd.DataFrame, arrays: Arrays) -> np.ndarray:
    """Rows in the rule's order; where there are none, a message says why."""
    if by == DRAWN:
        return _drawn_around(run_id, table)
    left, right = st.columns(2)
    among = right.segmented_control("Among training images", list(AMONG), default="all", key="map_among", required=True,
                                    bind="query-params") or "all"  # fmt: skip
    allowed = table["set"].isin(AMONG[among]).to_numpy(bool)
    count = int(left.slider("How many", 1, MOST, START, key="map_count", bind="query-params"))
    if by == LIKE:
        row = open_image(table)
        if row is None:
            st.info("Open an image first: click a point on the map, or name one above.", icon=":material/info:")
            return np.array([], int)
        rows = nearest_to(row, arrays["neighbours"], allowed, count)
        if len(rows) < count:
            neighbour_count = arrays["neighbours"].shape[1]
            st.caption(f"{len(rows)} of those asked for: of each image the {neighbour_count} nearest training images are known.")
        return rows
    rows = top_rows(scores(table, by), allowed, count)
    if not len(rows):
        st.info("No image among those has such a score; choose among all of them.", icon=":material/info:")
    return rows


def _drawn_around(run_id: str, table: pd.DataFrame) -> np.ndarray:
    owner, ids = recall(LASSOED) or (run_id, [])
    selected = np.flatnonzero(table["id"].isin(ids if owner == run_id else []))
    rows: np.ndarray = selected[is_training(table)[selected]]
    if len(selected) > len(rows):
        left_out = len(selected) - len(rows)
        st.caption(f"{left_out} of the {len(selected)} images are test images, which no network learnt: they are left out.")
    if not len(rows):
        st.info("Nothing is drawn around yet.", icon=":material/info:")
    return rows


def _image_grid(rows: np.ndarray, table: pd.DataFrame, stored: Arrays | None) -> None:
    shown = rows[:IMAGES_SHOWN]
    if stored is not None:
        st.image(in_page(sprite(pictures(table, shown, stored), int(stored["peak"]), min(COLUMNS, len(shown)))),
                 alt=f"{len(shown)} of the {len(rows)} chosen training images")  # fmt: skip
    st.caption(f"{len(rows)} training images chosen" + (f"; the first {len(shown)} are shown." if len(shown) < len(rows) else "."))


def _forecast(rows: np.ndarray, table: pd.DataFrame, arrays: Arrays) -> None:
    training, neighbours = is_training(table), arrays["neighbours"]
    estimate = forecast(rows, neighbours, training)
    if estimate is None:
        return
    own = forecast(np.flatnonzero(table["set"] == "forget"), neighbours, training)
    tiles = st.columns(3)
    tiles[0].metric("Overlap with what stays", percent(estimate.overlap), help=HOW.format(k=estimate.near))
    tiles[1].metric("A random choice as large", percent(estimate.by_chance), help="What it would be on average.")
    tiles[2].metric("This run's own forget set", "–" if own is None else percent(own.overlap), help="The part of it that is on the map.")
    st.caption(_words(estimate))


def _words(estimate: Forecast) -> str:
    how = "hard" if estimate.overlap >= 0.5 * estimate.by_chance else "easier"
    return (
        f"How to read it: a forecast of difficulty, not a promise. Sets that lie among the retain set are harder to forget without harm "
        f"(Zhao et al., arXiv:2406.01257, of CIFAR and of their own measure); by this one the choice looks **{how}**: its overlap is "
        f"{'at least' if how == 'hard' else 'below'} half of a random choice's."
    )
