"""One image under the run's networks: its maps side by side, their differences, and faithfulness scores."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.analysis.saliency.map_similarity import rank_correlation
from core.domain.info import DatasetInfo
from core.figures.markdown import plain
from core.figures.palette import MODEL_TITLE
from core.figures.saliency import captions as words
from core.figures.saliency import overlays as pictures
from core.storage.record_types import Run
from dashboard.components.common.chosen_image import choose, place_in
from dashboard.components.common.tables import show_table
from dashboard.components.saliency.controls import Question
from dashboard.queries import runs
from dashboard.session import belongs, given, recall, remember, stays

SET_TITLE = {
    "forget": "Forget set", "retain": "Retain set", "test_forget": "Test forget set", "test_retain": "Test retain set",
    "own": "Own picture",
}  # fmt: skip
KINDS = ["png", "jpg", "jpeg", "jpe", "jfif", "jif", "webp", "gif", "bmp", "tif", "tiff"]
PAIRS = (("unlearned", "original"), ("reference", "original"), ("unlearned", "reference"))
NARROW = 150  # pixels of a column, at least: two stand side by side on a phone
Ask = Callable[[str], Any]  # question -> answer


def one_image(run: Run, data: DatasetInfo, offer: dict[str, Any], question: Question) -> None:
    """The image's picker and its maps."""
    image = _choose(run, offer["sets"])
    if image is None:
        st.caption("A picture of any size will do; it is cut to the middle and brought to the networks' size. It stays on this machine.")
        return

    def ask(what: str) -> Any:
        return runs.handle(run).ask(what, image=image, **question.about)

    with st.spinner("Explaining …"):
        answer = ask("saliency")
    if answer["row"] is not None and (image != _own_start(offer["sets"]) or place_in(run)):  # the page's own start is nobody's choice
        half, row = answer["row"]
        choose(data.key, f"{half}:{row}")
    _maps(answer, ask, data, question)
    if answer["pairs"]:
        _similarity(answer, data, question)
    if answer["parts"]:
        st.markdown("**Share of the map on what is truly there**")
        show_table(pictures.part_table(answer["parts"], list(answer["models"])), alt="Share of each map on each part's pixels")
        st.caption("How to read it: a map that knows nothing has as much on a part as the part has of the image.")
    _faithfulness(ask, question)


def _similarity(answer: dict[str, Any], data: DatasetInfo, question: Question) -> None:
    st.markdown("**How alike the maps are**")
    first = next(iter(answer["models"]))
    targets = _targets(answer)
    if words.different_targets(targets, question.explainer):
        st.warning(plain(words.class_warning(targets, data)), icon=":material/call_split:")
    show_table(pictures.pair_table(answer["pairs"]), alt="Scores of each pair of maps")
    st.caption(
        "How to read it: rank correlation and SSIM are 1 for equal maps, and near 0 for maps that have nothing in common. The last "
        "column is the share of the second map that lies outside the tenth of pixels that mattered most to the first; it is not 0 "
        f"for equal maps: of the {first}'s own, {pictures.score_text('outside', answer['outside_itself'][first])} lies there."
    )


def _own_start(sets: dict[str, int]) -> dict[str, str | int]:
    return {"set": next(iter(sets)), "place": 0}


def _choose(run: Run, sets: dict[str, int]) -> dict[str, str | int] | UploadedFile | None:
    """Set and place, or an uploaded picture; None where one is wanted and none was uploaded."""
    options = {name: SET_TITLE[name] for name in (*sets, "own")}
    stays("saliency_from", [*options, *options.values()])  # a title where the address has it, else a key
    start = place_in(run) or _own_start(sets)
    if not (given("saliency_from") or given("saliency_place")):
        remember("saliency_from", start["set"])
        remember("saliency_place", start["place"])
    belongs("saliency_from", run.id, start["set"])
    belongs("saliency_place", run.id, start["place"])
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    name = left.pills(
        "Image from", list(options), format_func=options.__getitem__, default=next(iter(options)), key="saliency_from", required=True,
        bind="query-params", wrap=True,
    )  # fmt: skip
    if name == "own":
        upload = right.file_uploader("A picture", KINDS, key="saliency_own", max_upload_size=50)
        st.caption("It has no true class: where the true class is asked for, each map is for the network's own answer. "
                   "It should look like the training images, say bright strokes on black.")  # fmt: skip
        return upload
    last = sets[name] - 1
    if not 0 <= (recall("saliency_place") or 0) <= last:
        remember("saliency_place", 0)
    place = right.number_input(f"Number, 0 to {last}", 0, last, key="saliency_place", bind="query-params", help="Its place in the set.")
    return {"set": name, "place": int(place)}


def _maps(answer: dict[str, Any], ask: Ask, data: DatasetInfo, question: Question) -> None:
    """The image and each network's map; below them the differences, and the map of a randomised network."""
    image, models = answer["image"], answer["models"]
    maps = {name: output["map"] for name, output in models.items()}
    scale = pictures.scale_of(list(maps.values()))
    cells = st.container(key="saliency_maps").grid(4, min_column_width=NARROW)
    with cells.cell():
        st.markdown(f"**Image**  \n{plain(words.named(answer['label'], data))}")
        rgb = np.repeat(image, 3, 0) if len(image) == 1 else image
        _image(rgb.transpose(1, 2, 0), "The image that is explained")
    for name, output in models.items():
        with cells.cell():
            st.markdown(f"**{MODEL_TITLE[name]}**  \n{plain(words.prediction(output, data))}")
            _image(pictures.overlay(image, maps[name], scale), f"Map of the {MODEL_TITLE[name].lower()} network")
            st.caption(plain(words.completeness(output)) if question.explainer["complete"] else "")
    st.image(pictures.legend(), output_format="PNG", alt="Colours from blue, negative, over none to red, positive")
    st.caption(
        f"How to read it: {words.reading(question.explainer)}; colour is full at {'±' * question.explainer['signed']}{scale:.2g}, "
        "the same for all maps; where a map is silent, the image shows through in pale grey. "
        f"{words.reading_of_errors(models)}"
        "Maps are no proof of a reason: compare them with the randomised network's. And who may see them can learn "
        "from them whether an image was in the training set (Shokri et al., arXiv:1907.00164)."
    )
    _differences(image, maps, words.different_targets(_targets(answer), question.explainer), ask, question)


def _image(picture: np.ndarray, alt: str) -> None:
    st.image(pictures.shown(picture), output_format="PNG", alt=alt)  # JPEG artefacts would change the colours


def _targets(answer: dict[str, Any]) -> dict[str, int]:
    return {name: output["target"] for name, output in answer["models"].items()}


def _differences(image: np.ndarray, maps: dict[str, np.ndarray], apart: list[tuple[str, str]], ask: Ask, question: Question) -> None:
    """apart: pairs of maps of different classes, whose differences would mean nothing."""
    scale = pictures.scale_of(list(maps.values()))
    st.markdown("**What changed, and what a network of random weights shows**")
    cells = st.grid(4, min_column_width=NARROW)
    with cells.cell():
        first = st.container()  # filled last: that map is computed when all others are shown
    for one, other in [p for p in PAIRS if {*p} <= maps.keys() and {*p} not in [{*pair} for pair in apart]]:
        gap = maps[one] - maps[other]
        with cells.cell():
            size = float(np.abs(gap).sum() / (np.abs(maps[other]).sum() or 1.0))
            st.markdown(f"**{one.capitalize()} − {other}**  \n{100 * size:.0f} % of the {other}'s map")
            _image(pictures.overlay(image, gap, scale), f"{one.capitalize()} less {other}")
    with first, st.spinner("Explaining …"):
        random = ask("saliency_random")["map"]
    with first:
        rank = pictures.score_text("rank", rank_correlation(next(iter(maps.values())), random))
        st.markdown(f"**Randomised network**  \nrank correlation {rank}")
        _image(pictures.overlay(image, random, pictures.scale_of([random])), "Map of a network of random weights")
    st.caption(
        f"How to read it: {words.reading_of_differences(question.explainer)}. The randomised network was never trained, and has a "
        "scale of its own; an explainer whose map of it looks like the original's shows the image, not what was learned (Adebayo et "
        "al., arXiv:1810.03292)."
    )


def _faithfulness(ask: Ask, question: Question) -> None:
    if not st.toggle("Measure infidelity and sensitivity", key="saliency_trust", bind="query-params"):
        return
    with st.spinner("Measuring …"):
        scores = ask("saliency_trust")
    show_table(
        [{"Network": MODEL_TITLE[name]} | {k.capitalize(): None if v is None else f"{v:.3f}".replace("-", "−") for k, v in values.items()}
         for name, values in scores.items()],
        alt="Infidelity and sensitivity of each network's map",
    )  # fmt: skip
    as_needed = question.explainer["key"] == "integrated_gradients" and not question.settings.get("steps")
    few = ". Both are of maps in 24 steps, spread by Gauss and Legendre" if as_needed else ""
    st.caption(
        "How to read it: infidelity is how far the map misses what changes of the image do to the target's score, 0 at best, 1 for a map "
        f"of zeros. Sensitivity is the largest relative change of the map under noise that nobody sees (Yeh et al., arXiv:1901.09392){few}."
    )
