"""Saliency maps of some images of a run's dataset, under each of its networks: only where pictures are wanted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.domain.errors import WrongInput
from core.export.report.run_contents import RunContents
from core.figures.palette import MODEL_TITLE
from core.figures.saliency import captions, overlays
from core.figures.sections import PicturesBlock, Section

Ask = Callable[..., Any]  # (question, **about) -> the engine's answer about the run
PICTURES = (("forget", 0), ("forget", 1), ("retain", 0))  # sets, and places of images in them

WHERE = {"forget": "forget set", "retain": "retain set", "test_forget": "test forget set", "test_retain": "test retain set"}


def saliency(run: RunContents, ask: Ask, chosen: str = "") -> Section:
    """chosen: an image of the dataset that comes first, as `train:12`; one that is not there is left out.

    Raises WrongInput where the engine has no answer.
    """
    if run.data is None:
        raise WrongInput(f"This Forgetscope does not know the dataset {run.run.spec.dataset!r:.60}.")
    offer = ask("saliency_offer")
    explainer = next((one for one in offer["explainers"] if not one["unfit"]), None)
    if explainer is None:
        raise WrongInput("No explainer supports this network.")
    target = "own" if run.data.multi or not explainer["targeted"] else "true"
    settings = {"layer": offer["layer"]} if explainer["layered"] else {}
    blocks = []
    first = _place_of(ask, chosen)
    for name, place in [*first, *(one for one in PICTURES if one not in first)][: len(PICTURES)]:
        if place >= offer["sets"].get(name, 0):
            continue
        answer = ask("saliency", image={"set": name, "place": place}, how=explainer["key"], target=target, settings=settings)
        image, maps = answer["image"], {model: output["map"] for model, output in answer["models"].items()}
        scale = overlays.scale_of(list(maps.values()))
        rgb = (np.repeat(image, 3, 0) if len(image) == 1 else image).transpose(1, 2, 0)
        pictures = [(captions.named(answer["label"], run.data), overlays.shown(rgb), "The image that is explained")]
        pictures += [
            (f"{MODEL_TITLE[model]}: {captions.prediction(answer['models'][model], run.data)}",
             overlays.shown(overlays.overlay(image, values, scale)), f"Map of the {MODEL_TITLE[model].lower()} network")
            for model, values in maps.items()
        ]  # fmt: skip
        which = "The chosen image, of" if (name, place) in first else "An image of"
        blocks.append(PicturesBlock(f"{which} the {WHERE[name]} (number {place})", tuple(pictures)))
    how = (
        f"{explainer['title']}: {captions.reading(explainer)}; colours have the same scale in all maps of an image. Maps are no proof of a "
        "reason. Who may see them can learn from them whether an image was in the training set (Shokri et al., arXiv:1907.00164)."
    )
    return Section("saliency", "Saliency maps", (how,), blocks)


def _place_of(ask: Ask, chosen: str) -> list[tuple[str, int]]:
    """The set and the place of `train:12`, or nothing."""
    half, _, row = chosen.partition(":")
    try:
        found = ask("saliency_place", half=half, row=int(row)) if row.isdecimal() else None
    except WrongInput:
        return []
    return [(str(found["set"]), int(found["place"]))] if found else []
