"""Ask what to forget, with the images in sight."""

from base64 import b64encode
from contextlib import suppress
import re

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.info import Column, DatasetInfo
from core.domain.requests.base import ForgetRequest
from core.domain.requests.column_values import ValueRequest
from core.domain.requests.index_file import samples_from
from core.domain.requests.published import NamedSet
from core.domain.requests.registry import KINDS
from core.domain.requests.samples import SamplesRequest
from core.figures.image_sprite import in_page, png, sprite, to_rgb
from core.figures.markdown import NAME, labels, name, pill_labels, plain, short
from core.jobs.catalogue import Catalogue
from dashboard.components.common.fragments import errors_shown
from dashboard.components.common.tables import show_frame
from dashboard.components.forms.model import ask_model
from dashboard.queries import catalogue
from dashboard.session import recall, remember, spelled, stays

FEW = 20  # classes that lie open on the page; more are searched for
WALL = 36  # images in a wall, at most
COLUMNS = 12
TABLE = 200  # images to pick from, at most
LONGEST = 400  # letters of a sentence that repeats what was typed
OWN_DRAWS = "own_draws"  # the switch that gives each seed of a study its own draw


def one_draw() -> bool:
    """Whether all seeds of a study are asked to share the request's draw."""
    return recall(OWN_DRAWS) is False


def ask_subject(available: Catalogue, *, seeds: bool = False) -> tuple[DatasetInfo, str, ForgetRequest | None]:
    """The dataset, the model and what `ask_request` gives."""
    data, model = ask_data_and_model(available)
    return data, model, ask_request(data, seeds=seeds)


def ask_data_and_model(available: Catalogue) -> tuple[DatasetInfo, str]:
    """The first part of every form."""
    st.subheader("1 · What to forget")
    left, right = st.columns(2)
    dataset = left.selectbox("Dataset", list(available.datasets), key="dataset", bind="query-params")
    return available.datasets[dataset], ask_model(right, available.models)


def ask_request(data: DatasetInfo, *, seeds: bool = False, fixed: ForgetRequest | None = None) -> ForgetRequest | None:
    """The request as the widgets stand, None while it names nothing that can be forgotten.

    seeds: it is for several seeds, each of which may have its own draw; see `one_draw`. fixed: a checked request in place of widgets.
    """
    if fixed is not None:
        st.text_input("What to forget", short(fixed.words(data), LONGEST), disabled=True)
        _wall(fixed, data, each_its_own=False)
        return fixed
    kinds = [key for key, kind in KINDS.items() if kind.offered(data)]
    stays("kind", kinds)
    chosen = st.pills(
        "What to forget", kinds, wrap=True, default=kinds[0], key="kind", bind="query-params", required=True,
        help=" · ".join(f"{key}: {KINDS[key].about}" for key in kinds),
    )  # fmt: skip
    with errors_shown(st.info, most=LONGEST):
        request = entered(KINDS[chosen or kinds[0]], data, seeds=seeds)
        request.check(data)
        _wall(request, data, seeds and not one_draw())
        return request
    return None


def entered(kind: type[ForgetRequest], data: DatasetInfo, *, seeds: bool = False) -> ForgetRequest:
    """A request of a kind, from the widgets of its form. Raises WrongInput where what is typed cannot be read."""
    if issubclass(kind, NamedSet):
        request: ForgetRequest = _ask_set(kind, data)
    elif issubclass(kind, ValueRequest):
        request = _ask_values(kind, data)
    elif issubclass(kind, SamplesRequest):
        request = _ask_samples(kind, data)
    else:
        amount, seed = _ask_draw(data, seeds)
        request = kind(amount=amount, seed=seed)
    if kind.note:
        st.caption(kind.note)
    return request


def _ask_set(kind: type[NamedSet], data: DatasetInfo) -> ForgetRequest:
    names = kind.belonging(data)
    stays("set", names)
    chosen = st.pills(kind.heading, names, default=names[0], key="set", bind="query-params", required=True) or names[0]
    about = kind.sets[chosen]
    st.caption(plain(f"{about.title} ({about.source})."))
    return kind.parse(chosen, data)


def _ask_values(kind: type[ValueRequest], data: DatasetInfo) -> ValueRequest:
    columns = kind.columns(data)
    if kind.any_column:
        column = _column(columns)
        return kind(_some(name(_spoken(column.name).capitalize()), f"value.{column.name}", column), column=column.name)
    if kind.several:
        return kind(_some(kind.noun[1].capitalize(), kind.kind, columns[0]))
    names = columns[0].values
    chosen = _one(kind.noun[0].capitalize(), names, names[3 % len(names)], kind.kind)
    return kind((names.index(chosen),) if chosen else ())


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


def _some(label: str, key: str, column: Column) -> tuple[int, ...]:
    """Indices of a column's chosen values. Few classes lie open, none of them chosen at first; hundreds of values can be searched."""
    names, start = column.values, (["yes"] if "yes" in column.values else column.values[:1]) if column.name else None
    few = start is None and len(names) <= FEW
    stays(key, names)
    shown = pill_labels(names) if few else labels(names)
    spelled(key, shown, several=True)
    if few:
        chosen = st.pills(label, names, wrap=True, format_func=shown.__getitem__, selection_mode="multi", key=key, bind="query-params")
    else:
        chosen = st.multiselect(
            label, names, start, format_func=shown.__getitem__, key=key, bind="query-params", placeholder="type to search",
            help=f"{len(names)} values; each of them is on {min(column.counts)} to {max(column.counts)} training images.",
        )  # fmt: skip
    return tuple(sorted(names.index(one) for one in chosen))


def _column(columns: tuple[Column, ...]) -> Column:
    names = tuple(column.name for column in columns)
    stays("column", names)
    spoken = [_spoken(one) for one in names]
    shown = dict(zip(names, pill_labels(spoken if len(set(spoken)) == len(names) else names).values(), strict=True))
    spelled("column", shown)
    chosen = st.pills("Attribute", names, wrap=True, format_func=shown.__getitem__, default=names[0], key="column",
                      bind="query-params", required=True)  # fmt: skip
    return columns[names.index(chosen or names[0])]


def _spoken(name: str) -> str:
    return name.replace("_", " ").strip() or name


def _ask_draw(data: DatasetInfo, seeds: bool) -> tuple[float, int]:
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
            return float(amount or 0), 0
        seed = st.number_input("Seed of the draw", 0, 2**31 - 1, 0, 1, key="draw", bind="query-params")
    return float(amount or 0), int(seed or 0)


def _ask_samples(kind: type[SamplesRequest], data: DatasetInfo) -> SamplesRequest:
    text = st.text_input(
        kind.label, key=kind.kind, bind="query-params", placeholder=kind.placeholder,
        help="Type them, add a file of them, or tick images below and add those." if kind.listed else f"Write {kind.wanted}.",
    )  # fmt: skip
    if not kind.listed:
        return _typed(kind, text)
    file = st.file_uploader(
        "Or a CSV of indices", ["csv", "txt"], key="indices", max_upload_size=2,
        help="One training index a line, counted from 0; a header may stand above. They go together with those typed.",
    )  # fmt: skip
    _picker(kind, data)
    uploaded = samples_from(file.getvalue(), file.name).picks if file else ()
    return kind(tuple(sorted({*_typed(kind, text).picks, *uploaded})))


def _typed(kind: type[SamplesRequest], text: str | None) -> SamplesRequest:
    """Spaces and semicolons part as commas do. Raises WrongInput."""
    try:
        return kind.parse(",".join(re.split(r"[\s,;]+", text or "")))
    except ValueError:
        label = kind.label[0].lower() + kind.label[1:]
        raise WrongInput(f"Write {label} as {kind.wanted}, such as {kind.placeholder}; got {text!r}.") from None


def _picker(kind: type[SamplesRequest], data: DatasetInfo) -> None:
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
        st.button(f"Add {len(ticked)} ticked", disabled=not ticked, on_click=_add, args=(kind, ticked), key="add_ticked")


def _arrays(data: DatasetInfo) -> dict[str, np.ndarray] | None:
    """The dataset's images, which a request does not need; None where they are not to be had, and then it is said why."""
    with errors_shown(st.info, icon=":material/hide_image:"):
        return catalogue.images(data.key)
    return None


def _encoded(picture: np.ndarray) -> str:
    return b64encode(png(picture, max(1, 40 // max(picture.shape[:2])))).decode()


def _add(kind: type[SamplesRequest], ticked: list[int]) -> None:
    already: tuple[int, ...] = ()
    with suppress(WrongInput):
        already = _typed(kind, recall(kind.kind)).picks
    remember(kind.kind, ", ".join(map(str, sorted({*already, *ticked}))))


def _wall(request: ForgetRequest, data: DatasetInfo, each_its_own: bool) -> None:
    """The first training images that the request names. Which ones a drawn request takes, only the engine knows."""
    count = request.count(data)
    if not isinstance(request, ValueRequest | SamplesRequest):
        by = "anew for each seed, by the seed itself" if each_its_own else f"by seed {request.seed} when the run starts"
        st.caption(f"{count} of {data.train_count} training images, drawn {by}.")
        return
    shown = _show(request, data, count)
    st.caption(f"{count} training images are in the forget set" + (f"; {shown} of them are shown." if 0 < shown < count else "."))


def _show(request: ValueRequest | SamplesRequest, data: DatasetInfo, count: int) -> int:
    """How many of `count` images the wall shows; 0 where there are none to be had."""
    arrays = _arrays(data)
    if arrays is None:
        return 0
    if isinstance(request, ValueRequest):
        column = request.column_of(data).name
        named = np.flatnonzero(np.isin(arrays[f"train_column/{column}" if column else "train_labels"], request.picks))
    else:
        named = np.array(request.indices)
    shown = named[:: max(1, len(named) // WALL)][:WALL]  # spread over all of them
    st.image(
        in_page(sprite(arrays["train_images"][shown], int(arrays["peak"]), min(COLUMNS, len(shown)))),
        alt=f"{len(shown)} of the {count} training images in the forget set: {request.words(data)}",
    )  # fmt: skip
    return len(shown)
