"""The first screen of a finished run: verdict, first warning, gauges, accuracy by class, saliency maps of one image, costs."""

from base64 import b64encode
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.info import DatasetInfo
from core.figures import class_figures, gauges, plotly_layout
from core.figures.image_sprite import png
from core.figures.markdown import in_html, short
from core.figures.palette import MODEL_COLOUR
from core.figures.saliency.captions import named, reading
from core.figures.saliency.overlays import overlay, scale_of
from core.reports.checks.registry import examine
from core.reports.checks.stored_run import TABLE
from core.reports.first_screen import Confidence, FirstScreen, about, class_rows, first_screen
from core.reports.gauges import MARKS
from core.reports.teaching.class_link import CLASSES, MAPS, REFERENCE, VERDICT, WARNINGS, without
from core.reports.verdict import verdict
from core.storage.record_types import Run
from dashboard.components.classroom import in_class
from dashboard.components.classroom.goal_line import goal_html
from dashboard.components.common.checks_panel import case_of, checks_note, finished_second_reference, unchecked_note
from dashboard.components.common.chosen_image import choose, chosen, place_in
from dashboard.components.common.missing_results import NETWORKS
from dashboard.components.result.metrics_panel import report_numbers
from dashboard.queries import runs
from dashboard.session import in_address, link

STYLE = f"<style>{Path(__file__).with_suffix('.css').read_text(encoding='utf-8')}</style>"
DOTS = {"high": "●●●", "medium": "●●○", "low": "●○○"}
EXPLAINER = "integrated_gradients"  # complete: its map adds up to what the image changes
MAPS_TITLE, CHOSEN_MAPS = "Saliency of one forgotten image", "Saliency of the chosen image"
PICTURE = "picture"  # the chosen image in the address
SIDE = 128  # pixels across a picture, at least where a whole factor allows it
NAME = 28  # letters of a class below a picture
FIGURE = 320  # pixels


def show_first_screen(run: Run, data: DatasetInfo, report: dict[str, Any], method: str, crumbs: DeltaGenerator) -> list[str]:
    """Above the fold. Where the run has no table of classes the verdict alone: then a sentence about it is returned, else none.

    method: its title. crumbs: where to say what was run.
    """
    crumbs.html(f"{STYLE}<div class='fs-quiet'>{in_html(' · '.join(about(run, data, method)))}</div>")
    try:
        case = case_of(run)
    except WrongInput as wrong:
        lead, sentence = ("", "") if VERDICT in in_class.hidden() else verdict(report_numbers(report), run.spec.request, data)
        st.container(key="verdict").html(_head(lead, sentence, Confidence("low", "nothing could be checked")) + unchecked_note(wrong))
        return [str(wrong)]
    finding, second_reference = examine(case), finished_second_reference(run) if case.has_reference else None
    second = runs.handle(second_reference).table(TABLE) if second_reference else None
    classes = class_rows(runs.handle(run).table(TABLE), second)
    whole, hidden = first_screen(run, data, report, case, finding, classes, method), in_class.hidden()
    screen = without(whole, hidden)
    judged = _head(screen.lead, screen.sentence, screen.confidence) + ("" if WARNINGS in hidden else checks_note(case, finding))
    st.container(key="verdict").html(judged + goal_html(in_class.goal(), whole.gauges, hidden))
    choose(data.key, in_address(PICTURE))
    if in_address(PICTURE) != chosen(data.key):
        link(PICTURE, chosen(data.key))
    with st.container(key="first_screen"):
        left, right = st.columns([58, 42], gap="large")
        with left:
            _gauges(screen)
        with right:
            if CLASSES not in hidden:
                _classes(screen)
            if MAPS in hidden:
                pass
            elif maps_possible(run):
                st.fragment(partial(_maps, run, data, REFERENCE not in hidden), parallel=True)()
            else:
                st.html(f"{_title('Saliency')}<div class='fs-quiet'>No saliency maps: the run's networks are not stored.</div>")
        st.html(f"<div class='fs-quiet'>{in_html(screen.costs)}</div>")
    return []


def maps_possible(run: Run) -> bool:
    """Whether the networks that the maps are of are stored."""
    return runs.present_files(run) >= NETWORKS.keys()


def _title(text: str, rest: str = "") -> str:
    return f"<h3 class='fs-title'>{in_html(text)} <span>{in_html(rest)}</span></h3>"


def _head(lead: str, sentence: str, confidence: Confidence) -> str:
    """Nothing of what is hidden: then a text is ''."""
    pill = ""
    if confidence.level:
        words = f"{DOTS[confidence.level]} {confidence.level.capitalize()} confidence · {in_html(confidence.reason)}"
        pill = f"<span class='fs-pill'>{words}</span>"
    title = f"<h2 class='fs-lead'>{in_html(lead)}{pill}</h2>" if lead or pill else ""
    return f"{title}<div class='fs-text'>{in_html(sentence)}</div>"


def _gauges(screen: FirstScreen) -> None:
    used = [mark for mark in MARKS if any(gauge.place(mark) is not None for gauge in screen.gauges)]
    title = ("Key numbers", "") if REFERENCE in in_class.hidden() else ("How near to a retrained network?", screen.nearness)
    st.html(_title(*title) + gauges.legend(used))
    st.plotly_chart(gauges.gauge_figure(screen.gauges), key="gauges", config=plotly_layout.CONFIG, alt=gauges.described(screen.gauges))


def _classes(screen: FirstScreen) -> None:
    what = "attribute" if screen.multi else "class"
    st.html(_title(f"Accuracy by {what}", "on test images" + (f", {screen.forget_images} to forget" if screen.forgotten else "")))
    st.plotly_chart(
        class_figures.class_shift(screen.classes, screen.names, screen.forgotten, screen.multi, legend=False, height=FIGURE),
        key="class_shift", config=plotly_layout.CONFIG, alt=f"Accuracy by {what} of the original, the unlearned and the reference network",
    )  # fmt: skip


def _maps(run: Run, data: DatasetInfo, reference: bool) -> None:
    """Runs beside the rest of the page, in a place of the maps' height: an engine that starts takes seconds.

    reference: whether the retrained network's map is shown.
    """
    place = st.empty()
    place.html(f"{_title(MAPS_TITLE)}<div class='fs-maps fs-quiet'>Opening the networks …</div>")
    try:
        offer = runs.handle(run).ask("saliency_offer")
        explainer = next((e for e in offer["explainers"] if e["key"] == EXPLAINER and not e["unfit"]), None)
        explainer = explainer or next(e for e in offer["explainers"] if not e["unfit"])
        chosen_place = place_in(run)
        image = chosen_place or {"set": next(name for name in ("test_forget", "forget") if offer["sets"].get(name)), "place": 0}
        title = CHOSEN_MAPS if chosen_place else MAPS_TITLE
        target = "true" if explainer["targeted"] and not data.multi else "own"
        answer = runs.handle(run).ask("saliency", image=image, how=explainer["key"], target=target, settings={})
        if not reference:
            answer = answer | {"models": {name: output for name, output in answer["models"].items() if name != "reference"}}
        targets = {data.classes[output["target"]] for output in answer["models"].values()}
        red = f"red speaks for {targets.pop()}, blue against it" if explainer["signed"] and len(targets) == 1 else reading(explainer)
        place.html(f"{_title(title)}{_pictures(answer, data)}<div class='fs-quiet'>{in_html(explainer['title'])}: {in_html(red)}.</div>")
    except WrongInput as wrong:
        place.html(f"{_title(MAPS_TITLE)}<div class='fs-quiet'>No saliency maps: {in_html(str(wrong))}</div>")


def _pictures(answer: dict[str, Any], data: DatasetInfo) -> str:
    """The image and each network's map: four pictures in one element, two by two on a phone."""
    image, models = answer["image"], answer["models"]
    scale = scale_of([output["map"] for output in models.values()])
    rgb = (np.repeat(image, 3, 0) if len(image) == 1 else image).transpose(1, 2, 0)
    cells = [_picture("Image", short(named(answer["label"], data), NAME), rgb, "transparent")]
    for name, output in models.items():
        which = output["target" if data.multi else "answer"]  # of several attributes the one that all maps are about
        predicted = f"{short(data.classes[which], NAME)}, {percent(output['probabilities'][which])}"
        cells.append(_picture(name.capitalize(), predicted, overlay(image, output["map"], scale), MODEL_COLOUR[name]))
    return f"<div class='fs-maps'>{''.join(cells)}</div>"


def _picture(title: str, caption: str, pixels: np.ndarray, colour: str) -> str:
    source = b64encode(png(pixels, max(1, SIDE // max(pixels.shape[:2])))).decode()
    return (f"<figure><img alt='{in_html(f'{title}: {caption}')}' style='border-color:{colour}' src='data:image/png;base64,{source}'>"
            f"<figcaption><b>{in_html(title)}</b><br>{in_html(caption)}</figcaption></figure>")  # fmt: skip
