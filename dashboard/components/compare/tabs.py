"""Two runs side by side on the page: the Pareto front, and one tab per aspect of them."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.domain.errors import WrongInput
from core.figures.compare import pareto_front as fronts
from core.figures.plotly_layout import CONFIG
from core.reports.compare.comparison import one_network
from core.reports.compare.unchanged_methods import UNCHANGED, UNCHANGED_SAYS
from core.reports.intervals import FEW
from core.reports.odd_results import told_of
from dashboard.components.common.fragments import errors_shown
from dashboard.components.compare import pair_panels as details
from dashboard.components.compare.compared_runs import ComparedRuns, Side


def section(title: str, draw: Callable[[], None], run_ids: str) -> None:
    """A heading and its section; one that cannot be drawn says why, and the others are drawn."""
    st.subheader(title)
    with errors_shown(st.info), told_of(run_ids):
        draw()


def trade_offs(compared: ComparedRuns, picked: dict[str, str]) -> None:
    """The Pareto front of two quantities, with A and B marked."""
    frame = compared.frame
    if frame["dataset"].nunique() > 1:
        raise WrongInput("Runs on different datasets have no common scale; choose one dataset to see what they give up.")
    mixed = not one_network(frame)
    offered = {q.title: q for q in fronts.QUANTITIES.values() if q.own or not q.share or not mixed}
    left, right = st.columns([1, 3], gap="medium")
    titles = list(offered)
    x = offered[left.selectbox("Across", titles, 0, key="x", bind="query-params")]
    others = [title for title in titles if title != x.title]
    y = offered[left.selectbox("Up", others, 0, key="y", bind="query-params")]
    points, marks = compared.points(x, y)
    if not len(points):
        raise WrongInput("None of these runs has both numbers: without a reference there is no gap, with too few images no attack.")
    right.plotly_chart(
        fronts.front(points, marks, x, y, picked), key="front", config=CONFIG,
        alt=f"Runs between {x.title} and {y.title}; the front that none of them beats is drawn through",
    )  # fmt: skip
    left.caption(
        "A gap is the distance to the run's own retrained reference, whose bar says how far a second retraining lies from "
        "it. Grey points are beaten: another is surely better in one aim and surely no worse in the other"
        + (f", by the 95 % intervals. Bars: intervals of {FEW} seeds or more." if compared.over_seeds else
           ", by more than two retrained networks differ. One run a point: this compares runs, not methods.")
        + (f" {UNCHANGED.capitalize()}: {UNCHANGED_SAYS}" if (points["place"] == UNCHANGED).any() else "")
    )


def sections(compared: ComparedRuns, a: Side, b: Side) -> None:
    """All sections; of the tabs, only the open one is drawn."""
    run_ids = f"{a.id} or {b.id}"
    section("Forgetting–utility trade-off (Pareto front)", partial(trade_offs, compared, {"A": a.id, "B": b.id}), run_ids)
    what = "attribute" if a.multi and b.multi else "class"
    parts = {
        f"By {what}": {
            f"Accuracy by {what}: B minus A": partial(details.by_class, a, b), "Confusion matrix": partial(details.matrices, a, b),
        },
        "Forget set": {"Predictions on the forget set": partial(details.forget_predictions, a, b)},
        "Layers": {"Layer-wise CKA": partial(details.layer_similarity, a, b)},
        "Weights": {"Changed weights and their overlap": partial(details.weights, compared.about, a, b)},
        "Trust": {"Can these numbers be trusted?": partial(details.checks, compared, a, b)},
    }
    for tab, drawn in zip(st.tabs(list(parts), key="look", on_change="rerun", bind="query-params"), parts.values(), strict=True):
        if tab.open:
            with tab:
                for title, draw in drawn.items():
                    section(title, draw, run_ids)
