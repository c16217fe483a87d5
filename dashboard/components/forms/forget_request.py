"""Ask what to forget, with the images in sight."""

from base64 import b64encode
import re

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.forget_request import ForgetRequest
from core.domain.index_file import samples_from
from core.domain.info import Column, DatasetInfo
from core.domain.request_text import words_of
from core.jobs.validation import check_request
from dashboard.components.common.image_grid import png, sprite, to_rgb
from dashboard.components.common.markdown import NAME, labels, name, pill_labels, plain
from dashboard.components.common.run_status import shortened
from dashboard.components.common.tables import show_frame
from dashboard.queries import catalogue
from dashboard.session import recall, remember, spelled, stays

KIND_TITLE = {
    "class": "every image of one class",
    "classes": "every image of several classes",
    "subclass": "every image of a kind that is finer than the classes",
    "attribute": "every image of a person, or with some other mark",
    "random": "a random part of the training set",
    "mislabelled": "a random part that was given wrong labels first",
    "samples": "training images that you pick, or a file of indices",
}
FEW = 20  # classes that lie open on the page; more are searched for
WALL = 36  # images in a wall, at most
COLUMNS = 12
TABLE = 200  # images to pick from, at most
LONGEST = 400  # letters of a sentence that repeats what was typed


def kinds_of(data: DatasetInfo) -> list[str]:
    """The kinds of request that this dataset supports."""
    has = {"class": not data.multi, "classes": not data.multi, "mislabelled": not data.multi,
           "subclass": bool(data.subclass), "attribute": bool(data.columns)}  # fmt: skip
    return [kind for kind in KIND_TITLE if has.get(kind, True)]


OWN_DRAWS = "own_draws"  # the switch that gives each seed of a study its own draw


def one_draw() -> bool:
    """Whether all seeds of a study are asked to share the request's draw."""
    return recall(OWN_DRAWS) is False


def ask_request(data: DatasetInfo, *, seeds: bool = False) -> ForgetRequest | None:
    """The request as the widgets stand, None while it names nothing that can be forgotten.

    seeds: it is for several seeds, each of which may have its own draw; see `one_draw`.
    """
    kinds = kinds_of(data)
    stays("kind", kinds)
    kind = st.pills(
        "What to forget", kinds, wrap=True, default=kinds[0], key="kind", bind="query-params", required=True,
        help=" · ".join(f"{kind}: {KIND_TITLE[kind]}" for kind in kinds),
    )  # fmt: skip
    kind = kind or kinds[0]
    try:
        request = _DRAW[kind](data, seeds) if kind in _DRAW else _ASK[kind](data)
        check_request(request, data)
    except WrongInput as wrong:
        st.info(plain(shortened(str(wrong), LONGEST)), icon=":material/info:")
        return None
    _wall(request, data, seeds and not one_draw())
    return request


def _ask_class(data: DatasetInfo) -> ForgetRequest:
    chosen = _one("Class", data.classes, data.classes[3 % len(data.classes)], "class")
    return ForgetRequest("class", (data.classes.index(chosen),) if chosen else ())


def _one(label: str, names: tuple[str, ...], start: str, key: str) -> str | None:
    """One of few names, which lie open, or of many, which are searched; None where the address says none."""
    stays(key, names, start)
    shown = labels(names) if len(names) > FEW else pill_labels(names)
    spelled(key, shown)
    if len(names) > FEW:
        return st.selectbox(
            label, names, names.index(start), format_func=shown.__getitem__, key=key, bind="query-params", filter_mode="contains"
        )
    chosen = st.pills(label, names, wrap=True, format_func=shown.__getitem__, default=start, key=key, bind="query-params", required=True)
    if chosen and len(chosen) > NAME:
        st.caption(f"Its whole name: {plain(chosen)}")
    return chosen


def _ask_classes(data: DatasetInfo) -> ForgetRequest:
    stays("classes", data.classes)
    shown = labels(data.classes) if len(data.classes) > FEW else pill_labels(data.classes)
    spelled("classes", shown, several=True)
    if len(data.classes) > FEW:
        names = st.multiselect(
            "Classes", data.classes, format_func=shown.__getitem__, key="classes", bind="query-params", placeholder="type to search"
        )
    else:
        names = st.pills("Classes", data.classes, wrap=True, format_func=shown.__getitem__, selection_mode="multi", key="classes",
                         bind="query-params")  # fmt: skip
    return ForgetRequest("classes", tuple(sorted(data.classes.index(one) for one in names)))


def _ask_subclass(data: DatasetInfo) -> ForgetRequest:
    column = next(column for column in data.columns if column.name == data.subclass)
    return ForgetRequest("subclass", _values(column, "Subclasses", "subclass"))


def _ask_attribute(data: DatasetInfo) -> ForgetRequest:
    names = tuple(column.name for column in data.columns)
    stays("column", names)
    spoken = [_spoken(one) for one in names]
    shown = dict(zip(names, pill_labels(spoken if len(set(spoken)) == len(names) else names).values(), strict=True))
    spelled("column", shown)
    chosen = st.pills("Attribute", names, wrap=True, format_func=shown.__getitem__, default=names[0], key="column",
                      bind="query-params", required=True) or names[0]  # fmt: skip
    column = data.columns[names.index(chosen)]
    start = "yes" if "yes" in column.values else column.values[0]
    picks = _values(column, name(_spoken(chosen).capitalize()), f"value.{chosen}", start)
    return ForgetRequest("attribute", picks, column=chosen)


def _spoken(name: str) -> str:
    return name.replace("_", " ").strip() or name


def _values(column: Column, label: str, key: str, start: str = "") -> tuple[int, ...]:
    """Which of a column's values must go; hundreds of them can be searched."""
    stays(key, column.values)
    shown = labels(column.values)
    spelled(key, shown, several=True)
    known = dict(zip(column.values, column.counts, strict=True))
    names = st.multiselect(
        label, column.values, [start or column.values[0]], format_func=shown.__getitem__, key=key, bind="query-params",
        placeholder="type to search",
        help=f"{len(known)} values; each of them is on {min(known.values())} to {max(known.values())} training images.",
    )  # fmt: skip
    return tuple(sorted(column.values.index(one) for one in names))


def _ask_random(data: DatasetInfo, seeds: bool) -> ForgetRequest:
    return _ask_drawn(data, "random", seeds)


def _ask_mislabelled(data: DatasetInfo, seeds: bool) -> ForgetRequest:
    request = _ask_drawn(data, "mislabelled", seeds)
    st.caption(
        "The labels of these images are flipped **before the original is trained**, each to one of the wrong classes by the seed: the "
        "original learns them, and must then forget them. The truth is kept, so that the predictions can be held against the right labels."
    )
    return request


def _ask_drawn(data: DatasetInfo, kind: str, seeds: bool) -> ForgetRequest:
    left, right = st.columns(2)
    amount = left.number_input(
        "Share (below 1) or count", 0.0, float(data.train_count), 0.05, 0.01, format="%g", key="amount", bind="query-params",
        help=f"0.05 is a twentieth of {data.train_count} training images; 100 is a hundred of them.",
    )  # fmt: skip
    with right:
        if seeds and st.toggle(
            "Own draw for each seed", True, key=OWN_DRAWS, bind="query-params",
            help="On: the interval covers which images are drawn, too. Off: all seeds forget the same images, which attacks over "
            "seeds (U-LiRA, RMIA, forgetting quality) need.",
        ):  # fmt: skip
            return ForgetRequest(kind, amount=float(amount or 0))
        seed = st.number_input("Seed of the draw", 0, 2**31 - 1, 0, 1, key="draw", bind="query-params")
    return ForgetRequest(kind, amount=float(amount or 0), seed=int(seed or 0))


def _ask_samples(data: DatasetInfo) -> ForgetRequest:
    text = st.text_input(
        "Training indices", key="samples", bind="query-params", placeholder="12, 90, 401",
        help="Type them, add a file of them, or tick images below and add those.",
    )  # fmt: skip
    file = st.file_uploader(
        "Or a CSV of indices", ["csv", "txt"], key="indices", max_upload_size=2,
        help="One training index a line, counted from 0; a header may stand above. They go together with those typed.",
    )  # fmt: skip
    _picker(data)
    given = samples_from(file.getvalue(), file.name).picks if file else ()
    return ForgetRequest("samples", tuple(sorted({*_indices(text or ""), *given})))


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
        chosen = _one("Show attribute" if data.multi else "Show class", data.classes, data.classes[0], "pick_class") or data.classes[0]
        arrays = _arrays(data)
        if arrays is None:
            return
        labels, index = arrays["train_labels"], data.classes.index(chosen)
        here = np.flatnonzero(labels[:, index] if data.multi else labels == index)[:TABLE]
        pictures = to_rgb(arrays["train_images"][here], int(arrays["peak"]))
        table = pd.DataFrame({"index": here, "image": [f"data:image/png;base64,{_encoded(p)}" for p in pictures]})
        event = show_frame(
            table, key="picked", on_select="rerun", selection_mode="multi-row", height=260,
            row_height=44, column_config={"image": st.column_config.ImageColumn("image", width="small")},
            alt=f"Training images of {chosen} with their indices",
        )  # fmt: skip
        ticked = [int(here[row]) for row in event["selection"]["rows"]]
        st.button(f"Add {len(ticked)} ticked", disabled=not ticked, on_click=_add, args=(ticked,), key="add_ticked")


def _arrays(data: DatasetInfo) -> dict[str, np.ndarray] | None:
    """The dataset's images, which a request does not need; None where they are not to be had, and then it is said why."""
    try:
        return catalogue.images(data.key)
    except WrongInput as reason:
        st.info(plain(str(reason)), icon=":material/hide_image:")
        return None


def _encoded(picture: np.ndarray) -> str:
    return b64encode(png(picture, max(1, 40 // max(picture.shape[:2])))).decode()


def _add(ticked: list[int]) -> None:
    try:
        already = _indices(recall("samples") or "")
    except WrongInput:
        already = ()
    remember("samples", ", ".join(map(str, sorted({*already, *ticked}))))


def _wall(request: ForgetRequest, data: DatasetInfo, each_its_own: bool) -> None:
    """The first training images that the request names. Which ones a drawn request takes, only the engine knows."""
    count = data.forget_count(request)
    if request.drawn:
        by = "anew for each seed, by the seed itself" if each_its_own else f"by seed {request.seed} when the run starts"
        st.caption(f"{count} of {data.train_count} training images, drawn {by}.")
        return
    shown = _show(request, data, count)
    st.caption(f"{count} training images are in the forget set" + (f"; {shown} of them are shown." if 0 < shown < count else "."))


def _show(request: ForgetRequest, data: DatasetInfo, count: int) -> int:
    """How many of `count` images the wall shows; 0 where there are none to be had."""
    arrays = _arrays(data)
    if arrays is None:
        return 0
    column = None if request.by_class or not request.by_rule else data.column(request)
    labels = arrays[f"train_column/{column.name}"] if column else arrays["train_labels"]
    named = np.flatnonzero(np.isin(labels, request.picks)) if request.by_rule else np.array(request.picks)
    shown = named[:: max(1, len(named) // WALL)][:WALL]  # spread over all of them
    st.image(
        sprite(arrays["train_images"][shown], int(arrays["peak"]), min(COLUMNS, len(shown))),
        alt=f"{len(shown)} of the {count} training images in the forget set: {words_of(request, data)}",
    )  # fmt: skip
    return len(shown)


_ASK = {
    "class": _ask_class, "classes": _ask_classes, "subclass": _ask_subclass, "attribute": _ask_attribute, "samples": _ask_samples,
}  # fmt: skip
_DRAW = {"random": _ask_random, "mislabelled": _ask_mislabelled}
