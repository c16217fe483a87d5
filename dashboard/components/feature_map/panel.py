"""The joint map with its controls, and the card of the image that was clicked."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.formatting import percent
from core.domain.info import DatasetInfo
from core.figures.feature_map import figure as drawn
from core.figures.feature_map.table import SET_TITLE, Rule, models_of, rules_of
from core.figures.image_card import probabilities
from core.figures.image_sprite import in_page, png, sprite, to_rgb
from core.figures.markdown import plain
from core.figures.palette import MODEL_TITLE
from core.figures.plotly_layout import CONFIG
from core.figures.privacy.image_grids import class_text, pictures
from core.figures.saliency import overlays
from core.storage.record_types import Run
from dashboard.components.common.chosen_image import choose, chosen
from dashboard.components.common.tables import show_table
from dashboard.components.feature_map.selection_rules import DRAWN
from dashboard.queries import runs
from dashboard.session import ask_elsewhere, belongs, given, recall, remember, stays

# Plain gradients: one pass per network, so that a click is fast for every network.
ABOUT: dict[str, Any] = {"how": "saliency", "target": "true", "settings": {}}


def small_maps(run: Run, name: str, place: int) -> None:
    """name: the image's set; place: its place there. Maps of its true class; behind a switch, since some networks take seconds to load."""
    if st.toggle("Saliency of this image", key="map_looks", bind="query-params"):
        with st.spinner("Explaining …"):
            answer = runs.handle(run).ask("saliency", image={"set": name, "place": place}, **ABOUT)
        image = answer["image"]
        maps = {model: output["map"] for model, output in answer["models"].items()}
        scale = overlays.scale_of(list(maps.values()))
        for column, (model, values) in zip(st.columns(len(maps)), maps.items(), strict=True):
            column.image(overlays.shown(overlays.overlay(image, values, scale)), output_format="PNG",
                         alt=f"Gradient map of the {MODEL_TITLE[model].lower()} network")  # fmt: skip
            column.caption(MODEL_TITLE[model])
        st.caption("How to read it: the redder a pixel, the more the score of the true class depends on it; one scale for all networks.")
    if st.button("Explain it on the Saliency page", icon=":material/center_focus_strong:", key="map_saliency"):
        ask_elsewhere({"saliency_from": name, "saliency_place": place}, "views/saliency.py", {"saliency_place": run.id})


LASSOED, CLICKED, IMAGE = "map_lassoed", "map_figure", "map_image"
ARROWS = {"none": (), "to forget": ("forget", "test_forget"), "to keep": ("retain", "test_retain")}
LARGE, SIMILAR, ACROSS = 112, 10, 5  # pixels of a card's picture; neighbours below it, and in a row
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Shown:
    """The map's controls. model: whose positions; colour: "outcome", "class", "set" or a rule; arrows: a key of ARROWS."""

    model: str
    colour: str
    arrows: str


def ask_shown(table: pd.DataFrame, models: list[str]) -> Shown:
    """The controls above the map."""
    box = st.container(horizontal=True, vertical_alignment="bottom")
    stays("map_model", models)
    model = box.segmented_control("As this network has them", models, default="unlearned", key="map_model", required=True,
                                  bind="query-params")  # fmt: skip
    ways = ["outcome", "class", "set", *rules_of(table)]
    stays("map_colour", ways)
    colour = box.selectbox("Colour and shape by", ways, key="map_colour", bind="query-params", width=220,
                           help="outcome: what became of each image, all at once; or one question by itself.")  # fmt: skip
    arrows = box.segmented_control("Arrows from where the original has them", list(ARROWS), default="to forget", key="map_arrows",
                                   bind="query-params", required=True)  # fmt: skip
    return Shown(model or "unlearned", colour, arrows or "none")


def show_map(run_id: str, table: pd.DataFrame, arrays: Arrays, data: DatasetInfo, shown: Shown, projection: str) -> None:
    """The figure and the counts of outcomes. A click chooses the open image; a lasso or box, a possible forget set."""
    models, rules = models_of(arrays), rules_of(table)
    figure = drawn.map_figure(
        table, shown.model, _groups(shown.colour, table, rules, data.classes), drawn.hovers(table, models, data.classes),
        _titles(arrays, projection), np.flatnonzero(table["set"].isin(ARROWS[shown.arrows])),
    )  # fmt: skip
    st.plotly_chart(
        figure, key=CLICKED, config=drawn.MAP_CONFIG, on_select=partial(_selected, table["id"].tolist(), run_id),
        selection_mode=("points", "box", "lasso"),
        alt=f"Scatter: {len(table)} images where the {MODEL_TITLE[shown.model].lower()} network's features have them; "
        "the table below counts what became of them",
    )  # fmt: skip
    st.caption(_how_to_read(arrays, projection, shown.model))
    _count(rules)


def _groups(colour: str, table: pd.DataFrame, rules: dict[str, Rule], classes: tuple[str, ...]) -> list[drawn.Group]:
    if colour == "outcome":
        return drawn.by_outcome(rules)
    if colour == "set":
        return drawn.by_set(table)
    return drawn.by_class(table, classes) if colour == "class" else drawn.by_rule(rules[colour])


def _titles(arrays: Arrays, projection: str) -> tuple[str, str]:
    if projection != "PCA":
        return "UMAP, first axis (no unit)", "UMAP, second axis (no unit)"
    first, second = (percent(float(share)) for share in arrays["explained"])
    return f"first principal component ({first} of the variance)", f"second ({second})"


def _how_to_read(arrays: Arrays, projection: str, model: str) -> str:
    text = (
        "How to read it: near points are images that look alike to the network, just before its last layer. All networks are on the same "
        "axes, fitted on all of them together: an image that forgetting left alone has not moved."
    )
    if projection == "UMAP":
        text += " UMAP keeps neighbours, not distances: the size of a cluster and the gap between two mean nothing."
    if model == "reference":
        text += " The reference was trained by itself: what counts is beside whom an image lies, more than how far it went."
    return text if "positions/reference" in arrays else text + " This run has no reference: two networks are on the map."


def _count(rules: dict[str, Rule]) -> None:
    rows = [
        {"What became of them": rule.title, "Images": f"{int(rule.holds.sum())} of {int(rule.applies.sum())}", "Which": rule.about}
        for rule in rules.values()
    ]
    show_table(rows, alt="How many images were forgotten, not forgotten, over-forgotten, and went as the reference's did, "
               "with what each means")  # fmt: skip


def _selected(ids: list[str], run_id: str) -> None:
    """A callback. One point without box or lasso is a click; a drawn selection is stored for the choice below."""
    selection = recall(CLICKED)["selection"]
    rows = sorted({int(point["customdata"][0]) for point in selection["points"] if point.get("customdata")})
    if selection.get("box") or selection.get("lasso"):
        remember(LASSOED, (run_id, [ids[row] for row in rows]))
        remember("map_by", DRAWN)
    elif rows:
        remember(IMAGE, ids[rows[0]])


def open_image(table: pd.DataFrame) -> int | None:
    """The row of the image that the card shows; None where none is open, or it is not on the map."""
    rows = np.flatnonzero(table["id"] == str(recall(IMAGE) or "").strip())
    return int(rows[0]) if len(rows) else None


def show_card(run: Run, table: pd.DataFrame, arrays: Arrays, stored: Arrays | None, data: DatasetInfo) -> None:
    """Image, labels, probabilities under the networks, its nearest images, and the link to its saliency. stored: the dataset's images."""
    start = next((image for image in table["id"] if image == chosen(data.key)), "")
    if not given(IMAGE):
        remember(IMAGE, start)
    belongs(IMAGE, run.id, start)
    typed = st.text_input("Image", key=IMAGE, bind="query-params", placeholder="train:12 or test:7", max_chars=24,
                          help="Click a point, or name an image: train or test, a colon, its index.")  # fmt: skip
    row = open_image(table)
    if row is None:
        st.caption(
            f"{plain(typed)} is not among the images on this map." if typed else
            "A click on a point opens its card here: what it is, and what the networks make of it."
        )  # fmt: skip
        return
    choose(data.key, str(table["id"].iloc[row]))
    _facts(table, row, stored, data)
    label, taught = int(table["truth"].iloc[row]), int(table["label"].iloc[row])
    predictions = {model: arrays[f"probabilities/{model}"] for model in models_of(arrays)}
    st.plotly_chart(
        probabilities(predictions, row, data.classes, label, None if taught == label else taught), key="map_probabilities", config=CONFIG,
        alt="Bars: probability of each class for this image under each network",
    )  # fmt: skip
    st.caption("How to read it: where the unlearned network's bars stand as the hatched reference's do, it predicts as if it never saw it.")
    near = arrays["neighbours"][row][:SIMILAR]
    if stored is not None and len(near):
        st.image(in_page(sprite(pictures(table, near, stored), int(stored["peak"]), ACROSS)),
                 alt=f"The {len(near)} training images nearest to it")
        st.caption(f"The {len(near)} training images on the map that the original finds most alike, nearest first.")
    small_maps(run, str(table["set"].iloc[row]), int(table["place"].iloc[row]))


def _facts(table: pd.DataFrame, row: int, stored: Arrays | None, data: DatasetInfo) -> None:
    image = table.iloc[row]
    label, truth = int(image["label"]), int(image["truth"])
    box = st.container(horizontal=True, vertical_alignment="center")
    if stored is not None:
        picture = to_rgb(pictures(table, np.array([row]), stored), int(stored["peak"]))[0]
        scale = max(1, LARGE // max(picture.shape[:2]))
        box.image(png(picture, scale), width=picture.shape[1] * scale, alt=f"The image, {class_text(label, truth, data.classes)}")
    box.markdown(
        f"**{plain(class_text(label, truth, data.classes).capitalize())}**  \n{SET_TITLE[image['set']]}, index {image['index']}  \n"
        f"{image['distance']:.2f} times its class's usual distance from the class's centre"
    )
