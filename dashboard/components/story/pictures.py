"""The picture of each scene."""

from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from core.domain.formatting import percent
from core.domain.info import DatasetInfo
from core.export.examples import Example, wall_of
from core.figures import class_figures, plotly_layout
from core.figures import gauges as drawn
from core.figures.palette import MODEL_COLOUR, MODEL_TITLE
from core.figures.privacy.recoverability_figures import relearn_curves
from core.figures.ssd_figures import dampened_share
from core.reports.gauges import MARKS
from core.reports.teaching.story import in_scene, limits
from core.storage.record_types import Run
from dashboard.components.common.fragments import fragment
from dashboard.components.story.guessing import guessing
from dashboard.components.story.live import DATASET
from dashboard.queries import stories
from dashboard.queries.stories import Told
from dashboard.session import link, linked, recall, remember

DIGIT = "digit"
PICTURE = "story-picture"
HEIGHT = 440  # pixels of a scene's figure


def chosen_digit() -> int:
    """What a live run forgets, from 0 to 9."""
    text = linked(DIGIT)
    return int(text) if text.isdecimal() and len(text) == 1 else 3


def why(told: Told, data: DatasetInfo) -> None:
    """A wall of training images; of a dataset without a shipped one, what the network knows."""
    if wall := wall_of(data.key):
        _wall(wall, None, f"Some of the {told.facts.train_images:,} pictures that it learnt from.")
    else:
        knows(told, data)


def knows(told: Told, data: DatasetInfo) -> None:
    """Accuracy by class of the original alone."""
    rows = told.screen.classes
    figure = class_figures.class_shift(rows[rows["model"] == "original"], data.classes, (), data.multi, legend=False, height=HEIGHT)
    _figure(figure, "Accuracy by class of the original network on test images")


def choose(told: Told, example: Example | None, data: DatasetInfo) -> None:
    """Images of what goes; on digits another one can be chosen, which is then forgotten live."""
    wall = wall_of(data.key)
    if wall is None or (data.key != DATASET and example is None):
        why(told, data)
        return
    if data.key != DATASET:
        _wall(wall, 0, f"Some of the pictures of {told.facts.what}.")
        return
    digit = chosen_digit()
    remember("story-digit", str(digit))
    st.segmented_control("Which digit must go?", [str(d) for d in range(10)], key="story-digit", required=True, on_change=_choose)
    _wall(wall, digit, f"Some of the pictures of digit {digit}.")
    if f"class {digit}" != told.facts.what:
        st.caption(f"This run forgets {told.facts.what}. Digit {digit} is what “Now do it live” forgets.")


def _wall(path: Path, row: int | None, caption: str) -> None:
    st.image(stories.wall(str(path), row), width="stretch", caption=caption, alt=caption, output_format="PNG")


def _choose() -> None:
    """A callback."""
    link(DIGIT, str(recall("story-digit")))


def predict(run: Run, told: Told) -> None:
    """Sliders, then the truth."""
    fragment(partial(guessing, run, told))


def inside(told: Told, example: Example | None, data: DatasetInfo) -> None:
    """Which weights changed, and one look through three networks."""
    if len(told.layers):
        shares = dict(zip(told.layers["layer"], told.layers["changed"], strict=True))
        _figure(dampened_share(shares, "changed", HEIGHT - 220), "Share of each layer's weights that were changed")
    if example is None:
        st.page_link("views/saliency.py", label="What it looks at", icon=":material/center_focus_strong:")
        return
    captions = stories.captions().get(example.key, {})
    if captions:
        st.html(_look(stories.look(str(example.look)), captions, data))


def _look(pictures: Sequence[bytes], captions: dict[str, dict[str, object]], data: DatasetInfo) -> str:
    cells = []
    for source, name in zip(pictures, ("image", *MODEL_TITLE), strict=True):
        found = captions[name]
        predicted = data.classes[int(str(found["class"]))]
        text = f"{predicted}, {percent(float(str(found['probability'])))}" if "probability" in found else predicted
        title, colour = MODEL_TITLE.get(name, "The picture"), MODEL_COLOUR.get(name, "transparent")
        cells.append(
            f"<figure><img alt='{escape(f'{title}: {text}')}' style='border-color:{colour}' src='data:image/png;base64,"
            f"{b64encode(source).decode()}'><figcaption><b>{escape(title)}</b><br>{escape(text)}</figcaption></figure>"
        )
    return f"<div class='st-look'>{''.join(cells)}</div>"


def gone(told: Told) -> None:
    """The attack and the relearning on their scales, and the race back."""
    gauges = in_scene(told.screen)
    marks = [mark for mark in MARKS if any(gauge.place(mark) is not None for gauge in gauges)]
    st.html(drawn.legend(marks, 15))
    _figure(drawn.gauge_figure(gauges, marks, size=16, row=92), drawn.described(gauges))
    if len(told.relearning) and told.relearning["step"].max() > 0:
        figure = relearn_curves(told.relearning).update_layout(height=HEIGHT - 190, legend={"y": -0.55})  # below the axis on a phone too
        st.plotly_chart(figure, key="story-race", config=plotly_layout.CONFIG, alt="Accuracy on the forget set by step of relearning")


def cannot(told: Told) -> None:
    """What speaks against the run, what no run can promise, and a game about it."""
    st.html("<ul class='st-limits'>" + "".join(f"<li>{escape(text)}</li>" for text in limits(told.screen)) + "</ul>")
    st.page_link("views/duel.py", label="Play it: a duel of two", icon=":material/swords:")


def _figure(figure: object, alt: str) -> None:
    st.plotly_chart(figure, key=PICTURE, config=plotly_layout.CONFIG, alt=alt)

