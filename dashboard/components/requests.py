"""Ask what to forget, with the images in sight."""

from base64 import b64encode
import re

import numpy as np
import pandas as pd
import streamlit as st

from core.asking import check_request
from core.descriptions import DatasetInfo
from core.domain import ForgetRequest, WrongInput
from dashboard import queries
from dashboard.components.images import png, sprite, to_rgb
from dashboard.components.runs import shortened
from dashboard.components.text import plain
from dashboard.session import recall, remember

KIND_TITLE = {
    "class": "every image of one class",
    "classes": "every image of several classes",
    "random": "a random part of the training set",
    "samples": "training images that you pick",
}
WALL = 36  # images in a wall, at most
COLUMNS = 12
TABLE = 200  # images to pick from, at most
LONGEST = 400  # letters of a sentence that repeats what was typed


def ask_request(data: DatasetInfo) -> ForgetRequest | None:
    """The request as the widgets stand, None while it names nothing that can be forgotten."""
    kind = st.segmented_control(
        "What to forget", list(KIND_TITLE), default="class", key="kind", bind="query-params", required=True,
        help=" · ".join(f"{k}: {v}" for k, v in KIND_TITLE.items()),
    )  # fmt: skip
    kind = kind or "class"
    try:
        request = _ASK[kind](data)
        check_request(request, data)
    except WrongInput as wrong:
        st.info(plain(shortened(str(wrong), LONGEST)), icon=":material/info:")
        return None
    _wall(request, data)
    return request


def _ask_class(data: DatasetInfo) -> ForgetRequest:
    name = st.pills("Class", data.classes, wrap=True, default=data.classes[3 % len(data.classes)], key="class", bind="query-params",
                    required=True)  # fmt: skip
    return ForgetRequest("class", (data.classes.index(name),) if name else ())


def _ask_classes(data: DatasetInfo) -> ForgetRequest:
    names = st.pills("Classes", data.classes, wrap=True, selection_mode="multi", key="classes", bind="query-params")
    return ForgetRequest("classes", tuple(sorted(data.classes.index(name) for name in names)))


def _ask_random(data: DatasetInfo) -> ForgetRequest:
    left, right = st.columns(2)
    amount = left.number_input(
        "Share (below 1) or count", 0.0, float(data.train_count), 0.05, 0.01, format="%g", key="amount", bind="query-params",
        help=f"0.05 is a twentieth of {data.train_count} training images; 100 is a hundred of them.",
    )  # fmt: skip
    seed = right.number_input("Seed of the draw", 0, 2**31 - 1, 0, 1, key="draw", bind="query-params")
    return ForgetRequest("random", amount=float(amount or 0), seed=int(seed or 0))


def _ask_samples(data: DatasetInfo) -> ForgetRequest:
    text = st.text_input(
        "Training indices", key="samples", bind="query-params", placeholder="12, 90, 401",
        help="Type them, or tick images below and add them.",
    )  # fmt: skip
    _picker(data)
    return ForgetRequest("samples", _indices(text or ""))


def _indices(text: str) -> tuple[int, ...]:
    """Raises WrongInput."""
    words = re.split(r"[\s,;]+", text.strip())
    try:
        return tuple(sorted({int(word) for word in words if word}))
    except ValueError:
        raise WrongInput(f"Write training indices as whole numbers, such as 12, 90, 401; got {text!r}.") from None


def _picker(data: DatasetInfo) -> None:
    """A table of images of one class; ticked rows can be added to the indices."""
    with st.expander("Pick by looking", expanded=True):
        name = st.pills("Show class", data.classes, wrap=True, default=data.classes[0], key="pick_class", required=True)
        arrays = queries.images(data.key)
        here = np.flatnonzero(arrays["train_labels"] == data.classes.index(name or data.classes[0]))[:TABLE]
        pictures = to_rgb(arrays["train_images"][here], int(arrays["peak"]))
        table = pd.DataFrame({"index": here, "image": [f"data:image/png;base64,{_encoded(p)}" for p in pictures]})
        event = st.dataframe(
            table, key="picked", on_select="rerun", selection_mode="multi-row", hide_index=True, height=260,
            row_height=44, column_config={"image": st.column_config.ImageColumn("image", width="small")},
            alt=f"Training images of class {name} with their indices",
        )  # fmt: skip
        ticked = [int(here[row]) for row in event["selection"]["rows"]]
        st.button(f"Add {len(ticked)} ticked", disabled=not ticked, on_click=_add, args=(ticked,), key="add_ticked")


def _encoded(picture: np.ndarray) -> str:
    return b64encode(png(picture, max(1, 40 // max(picture.shape[:2])))).decode()


def _add(ticked: list[int]) -> None:
    try:
        already = _indices(recall("samples") or "")
    except WrongInput:
        already = ()
    remember("samples", ", ".join(map(str, sorted({*already, *ticked}))))


def _wall(request: ForgetRequest, data: DatasetInfo) -> None:
    """The first training images that the request names. Which ones a random request draws, only the engine knows."""
    arrays = queries.images(data.key)
    if request.kind == "random":
        count = request.random_count(data.train_count)
        st.caption(f"{count} of {data.train_count} training images, drawn by seed {request.seed} when the run starts.")
        return
    labels = arrays["train_labels"]
    named = np.flatnonzero(np.isin(labels, request.picks)) if request.by_class else np.array(request.picks)
    shown = named[:: max(1, len(named) // WALL)][:WALL]  # spread over all of them
    st.image(
        sprite(arrays["train_images"][shown], int(arrays["peak"]), min(COLUMNS, len(shown))),
        alt=f"{len(shown)} of the {len(named)} training images that must go",
    )  # fmt: skip
    st.caption(
        f"{len(named)} training images must go"
        + (f"; {len(shown)} of them are shown." if len(shown) < len(named) else ".")
    )


_ASK = {"class": _ask_class, "classes": _ask_classes, "random": _ask_random, "samples": _ask_samples}
