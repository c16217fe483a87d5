"""The gallery: many images under each network, those whose maps differ most first; a click opens one."""

from functools import partial
import json
from typing import Any

import numpy as np
import streamlit as st

from core.analysis.stored_results import Analysis
from core.domain.info import DatasetInfo
from core.domain.run import MODELS
from core.figures import plotly_layout
from core.figures.markdown import in_figure
from core.figures.palette import MODEL_TITLE
from core.figures.saliency import overlays as pictures
from core.storage.record_types import Run
from dashboard.components.common.background_analysis import look
from dashboard.components.common.tables import show_table
from dashboard.components.saliency.controls import Question
from dashboard.components.saliency.one_image import SET_TITLE
from dashboard.session import recall, remember, stays

COUNTS = (16, 32, 64)  # images of each set


def gallery(run: Run, data: DatasetInfo, question: Question) -> None:
    """The gallery as a background analysis: offered, followed, or drawn."""
    count = st.segmented_control("Images of each set", COUNTS, default=16, key="gallery_count", required=True, bind="query-params")
    target = question.target if isinstance(question.target, str) else "own"
    settings = {"how": question.explainer["key"], "target": target, "count": count, "settings": question.settings}
    analysis = Analysis("gallery", run.id, settings)
    if target != question.target:
        own = "the attribute that the original finds most likely" if data.multi else "each network's own prediction"
        st.caption(f"The gallery has maps of {own}: one {'attribute' if data.multi else 'class'} for all images would say little.")
    cost = "Seconds for Grad-CAM and gradients; minutes for the others on large networks."
    look(analysis, "the gallery", partial(draw, data, question.explainer), cost=cost, key=json.dumps(question.about, sort_keys=True))


def draw(data: DatasetInfo, explainer: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """One image grid per network, of the forget set or the retain set; each is one picture."""
    models = [name for name in MODELS if f"maps/{name}" in arrays]
    pairs = {f"{a}/{b}": f"{MODEL_TITLE[a].lower()} and {MODEL_TITLE[b].lower()}" for i, a in enumerate(models) for b in models[i + 1 :]}
    if not pairs:
        st.caption("This run stored one network alone: there is no other whose maps its own could be held against.")
        return
    first, second, third = st.columns(3)
    which = first.segmented_control("Show", ["forget", "retain"], format_func=SET_TITLE.__getitem__, default="forget", key="gallery_set",
                                    required=True, bind="query-params")  # fmt: skip
    stays("gallery_pair", list(pairs))
    pair = second.selectbox("Sorted by the maps of", list(pairs), format_func=pairs.__getitem__, key="gallery_pair", bind="query-params")
    score = third.selectbox("By", pictures.SCORES, format_func=pictures.SCORE_TITLE.__getitem__, key="gallery_score", bind="query-params")
    places = pictures.order_of(arrays, pair, score, which == "forget")
    if not len(places):
        st.caption("There are no such images.")
        return
    values = arrays[f"scores/{pair}"][:, pictures.SCORES.index(score)]
    for column, name in zip(st.columns(len(models)), models, strict=True):
        texts = [
            _text(arrays, data, name, place, f"{pictures.SCORE_TITLE[score]} {pictures.score_text(score, values[place])}")
            for place in places
        ]
        key = f"gallery_{name}"
        column.markdown(f"**{MODEL_TITLE[name]}**")
        column.plotly_chart(
            pictures.grid_figure(arrays, places, name, texts), key=key, config=plotly_layout.CONFIG, selection_mode="points",
            on_select=partial(_clicked, key, arrays),
            alt=f"Maps of {len(places)} images under the {MODEL_TITLE[name].lower()} network, most changed first",
        )  # fmt: skip
    both = {kind: pictures.order_of(arrays, pair, score, kind == "forget") for kind in ("forget", "retain")}
    medians = {kind: float(np.nanmedian(values[rows])) if np.isfinite(values[rows]).any() else np.nan for kind, rows in both.items()}
    st.caption(
        "How to read it: the images whose two maps differ most come first; a click opens one above. The median is "
        f"{pictures.score_text(score, medians['forget'])} over the forget set and {pictures.score_text(score, medians['retain'])} over the "
        "control: only where the two differ did unlearning change what the network looks at in the forget set."
    )
    _warn_of_targets(arrays, pair, explainer, both)
    parts = pictures.parts_of(arrays, places, models)
    if len(parts):
        st.markdown("**Mean share of these maps on what is truly there**")
        show_table(parts, alt="Mean share of each network's maps on each part's pixels")
        st.caption("How to read it: over the images above that show the part; a network that no longer looks at it has a lower share.")


def _warn_of_targets(arrays: dict[str, np.ndarray], pair: str, explainer: dict[str, Any], both: dict[str, np.ndarray]) -> None:
    """Warns how many of the scores compare maps of different classes."""
    first, second = (arrays[f"targets/{name}"] for name in pair.split("/"))
    counts = {kind: int((first[rows] != second[rows]).sum()) for kind, rows in both.items()}
    if explainer["targeted"] and any(counts.values()):
        st.warning(
            f"The two maps are about different classes for {counts['forget']} of {len(both['forget'])} images of the forget set and "
            f"{counts['retain']} of {len(both['retain'])} of the control: there the scores and the medians tell that the answer changed "
            "as much as that the network looks elsewhere. Choose the true class under “Target class” for one class under all networks.",
            icon=":material/call_split:",
        )


def _text(arrays: dict[str, np.ndarray], data: DatasetInfo, model: str, place: int, score: str) -> str:
    label = arrays["labels"][place]
    truth = "" if label.ndim else f", truly {in_figure(data.classes[int(label)])}"
    aim = int(arrays[f"targets/{model}"][place])
    lead = "most likely attribute:" if data.multi else "answers"
    return (
        f"number {int(arrays['places'][place])}{truth}<br>{lead} {in_figure(data.classes[int(arrays[f'answers/{model}'][place])])}"
        f"<br>{in_figure(data.classes[aim])}: {100 * arrays[f'shares/{model}'][place]:.1f} %<br>{score}"
    )


def _clicked(key: str, arrays: dict[str, np.ndarray]) -> None:
    """A callback: the image above becomes the clicked one."""
    if points := recall(key)["selection"]["points"]:
        place = int(points[0]["customdata"][0])
        remember("saliency_from", "forget" if arrays["forget"][place] else "retain")
        remember("saliency_place", int(arrays["places"][place]))
