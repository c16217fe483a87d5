"""Attacked images: grids of the images that an attack finds and misses, and the card of the clicked one."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.figures import plotly_layout
from core.figures.image_card import card_table, probabilities
from core.figures.image_sprite import png, to_rgb
from core.figures.markdown import plain
from core.figures.palette import MODEL_TITLE
from core.figures.privacy.attack import Attack
from core.figures.privacy.image_grids import (
    SET_NAME,
    ImageGrid,
    class_text,
    grids_figure,
    grids_of,
    pictures,
    truths_of,
)
from core.figures.privacy.scores import SCORES, models_of, predicted_members
from dashboard.components.common.chosen_image import choose, chosen
from dashboard.components.common.tables import show_table
from dashboard.session import belongs, given, in_address, recall, remember

LARGE = 112  # pixels of a card's picture


def show_attacked_images(
    run_id: str, dataset: str, examples: pd.DataFrame, predictions: dict[str, np.ndarray], arrays: dict[str, np.ndarray],
    classes: tuple[str, ...], attack: Attack, *, multi: bool = False,
) -> None:  # fmt: skip
    """Four image grids at the left; at the right the card of one image, chosen by a click or from a list. dataset: its key."""
    reference = attack.values.get("reference") if attack.model != "reference" else None
    grids = grids_of(attack.values[attack.model], reference, attack.sides, attack.threshold, attack.above, attack.score)
    names = ids_of(examples)
    left, right = st.columns([5, 4])
    images = {grid.key: pictures(examples, grid.rows, arrays) for grid in grids if len(grid.rows)}
    left.plotly_chart(
        grids_figure(grids, images, int(arrays["peak"]), examples, classes, attack.model, attack.score, multi=multi), key="walls",
        config=plotly_layout.CONFIG, on_select=partial(_clicked, names), selection_mode="points", alt=_alt(grids),
    )  # fmt: skip
    left.caption(
        "The images that the attack is surest about come first. Leaks are images of the first grid"
        + ("" if reference is None else " that the reference would not give away")
        + f", where the attack beats chance. The score is the {attack.score.title} under the {MODEL_TITLE[attack.model].lower()} network."
    )
    with right.container(border=True, key="image_card"):
        listed = [row for grid in grids for row in grid.rows.tolist()]
        _card(run_id, dataset, names, listed, examples, predictions, arrays, classes, attack, multi)


def _alt(grids: list[ImageGrid]) -> str:
    """The headings' numbers; the list next to the grids names the images."""
    counts = (
        f"{grid.title}: {grid.total} of {grid.whole}" + ("" if grid.matched is None else f", {grid.matched} under the reference")
        for grid in grids
    )
    return f"Images by what the attack says of them. {'. '.join(counts)}. The list beside names those that are shown"


def ids_of(examples: pd.DataFrame) -> list[str]:
    """The id of each example in the address: `forget 12`, `retain 7`, `test 3`."""
    prefix = examples["set"].str.replace("test_.*", "test", regex=True)
    return (prefix + " " + examples["index"].astype(str)).tolist()


def _clicked(names: list[str]) -> None:
    """A callback. Clicking the chosen image again deselects it in the browser: its card stays."""
    points = recall("walls")["selection"]["points"]
    if points:
        remember("_last.walls", names[int(points[0]["customdata"][0])])
    if name := recall("_last.walls"):
        remember("image", name)


def _card(
    run_id: str, dataset: str, names: list[str], listed: list[int], examples: pd.DataFrame, predictions: dict[str, np.ndarray],
    arrays: dict[str, np.ndarray], classes: tuple[str, ...], attack: Attack, multi: bool,
) -> None:  # fmt: skip
    images = [f"{'test' if one.startswith('test') else 'train'}:{one.split()[1]}" for one in names]
    start = next((one for one, image in zip(names, images, strict=True) if image == chosen(dataset)), None)
    if start and not given("image"):
        remember("image", start)
    belongs("image", run_id, start)
    options = [names[row] for row in listed]
    now = recall("image") or in_address("image")
    if now in names and now not in options:
        options.append(now)
    name = st.selectbox(
        "Image", options, index=None, key="image", bind="query-params", placeholder="Click one, or choose it here",
        help="The images of the four grids, in their order.",
    )  # fmt: skip
    if name is None:
        st.caption("A click on an image opens its card here: what it is, and what each network makes of it.")
        return
    row = names.index(name)
    choose(dataset, images[row])
    label, taught = _true(row, examples, arrays, multi), int(examples["label"].iloc[row])
    wrong = None if multi or taught == label else taught
    name = _named(label, classes)
    _facts(row, examples, arrays, name, _named(label, classes, wrong), attack)
    scores = list(SCORES.values())
    show_table(card_table(examples, row, classes, models_of(examples), scores, multi=multi),
               alt="Each network's prediction and scores for this image")  # fmt: skip
    st.plotly_chart(
        probabilities(predictions, row, classes, label, wrong), key="probabilities", config=plotly_layout.CONFIG,
        alt=f"Bars: probability of each {'attribute' if multi else 'class'} for this image of {name} under each network",
    )  # fmt: skip
    st.caption(
        "An image is forgotten where the unlearned network's bars stand as the hatched reference's do."
        + ("" if wrong is None else " Loss and confidence are those of the wrong label, which the original was taught.")
    )


def _true(row: int, examples: pd.DataFrame, arrays: dict[str, np.ndarray], multi: bool) -> int | tuple[int, ...]:
    """The image's class, or its attributes."""
    example = examples.iloc[row]
    if not multi:
        return int(truths_of(examples).iloc[row])
    labels = arrays["test_labels" if example["set"].startswith("test") else "train_labels"]
    return tuple(np.flatnonzero(labels[example["index"]]).tolist())


def _named(label: int | tuple[int, ...], classes: tuple[str, ...], wrong: int | None = None) -> str:
    """The image's label, to follow `image of`; with `wrong`, also the wrong label of the request."""
    if isinstance(label, int):
        return class_text(label if wrong is None else wrong, label, classes)
    return f"attributes {', '.join(classes[a] for a in label)}" if label else "no attribute"


def _facts(row: int, examples: pd.DataFrame, arrays: dict[str, np.ndarray], name: str, title: str, attack: Attack) -> None:
    example = examples.iloc[row]
    image = to_rgb(pictures(examples, np.array([row]), arrays), int(arrays["peak"]))[0]
    box: DeltaGenerator = st.container(horizontal=True, vertical_alignment="center")
    scale = max(1, LARGE // max(image.shape[:2]))
    where = "test" if example["set"].startswith("test") else "training"
    box.image(png(image, scale), width=image.shape[1] * scale, alt=f"The image, of {name}")
    member = bool(predicted_members(attack.values[attack.model][[row]], attack.threshold, attack.above)[0])
    seen = where == "training"
    box.markdown(
        f"**{plain(title[0].upper() + title[1:])}**  \n{SET_NAME[example['set']]}  \n{where} index {example['index']}  \n"
        f"called {'a member' if member else 'no member'}: **{'right' if member == seen else 'wrong'}**"
    )
