"""The first page: forgetting told in seven scenes on a finished example. Nothing is computed for it, so that no scene waits."""

from html import escape
from pathlib import Path

import streamlit as st

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.export import examples
from core.export.examples import Example
from core.reports.teaching.story import Notes, Scene, scenes
from core.storage.record_types import Run
from dashboard.components.classroom import in_class
from dashboard.components.classroom.link_panel import link_panel
from dashboard.components.common.examples_button import examples_button
from dashboard.components.common.fragments import errors_shown
from dashboard.components.common.level import LEVEL
from dashboard.components.story import pictures
from dashboard.components.story.live import LIVE, live_button, live_panel
from dashboard.components.story.pooled import pooled
from dashboard.queries import catalogue, runs, stories
from dashboard.session import RUN, home, link, linked, pass_on, recall, remember

STYLE = Path(pictures.__file__).with_name("story.css").read_text(encoding="utf-8")
SCENE, OF, NOTES, POOLED = "scene", "of", "notes", "pooled"
PREDICT = 3  # the scene of the guess, from 0
PICTURE, WORDS = 64, 36  # per cent of the width


def story() -> None:
    """The page."""
    own = {SCENE, OF, NOTES, POOLED, LIVE, RUN, LEVEL, pictures.DIGIT, *in_class.NAMES}
    pass_on(own, "views/unlearn.py")  # links to the form are older than this page
    st.html(f"<style>{STYLE}</style>")
    with errors_shown():
        found = examples.ensure(home())
        example, run = _chosen(found)
        if run is None:
            _without()
            return
        _tell(run, example, found)


def _chosen(found: dict[str, str]) -> tuple[Example | None, Run | None]:
    """The example that the address names, or the finished run, else the first example. Raises WrongInput for what is not there."""
    named = linked(OF)
    if named in found:
        return examples.by_key()[named], runs.run(found[named])
    if named and named not in examples.by_key():
        run = runs.run(named)
        if run is None or run.status != RunStatus.DONE:
            link(OF, "")
            raise WrongInput(f"The story can be told of a finished run; there is none called {named!r:.80} here.")
        return next((example for key, example in examples.by_key().items() if found.get(key) == run.id), None), run
    key = next(iter(found), "")
    return (examples.by_key()[key], runs.run(found[key])) if key else (None, None)


def _without() -> None:
    """The home does without the examples."""
    st.info("The finished examples, on which the story is told, were deleted here or never brought in.", icon=":material/info:")
    with st.container(horizontal=True):
        examples_button()
        st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")


def _tell(run: Run, example: Example | None, found: dict[str, str]) -> None:
    told = stories.told(run)
    every = scenes(told.screen, told.facts)
    at = _place(len(every))
    scene, (method, dataset, _, request, _) = every[at], told.screen.about
    about = (dataset, method, request)
    with st.container(key="story_top"):
        picture, words = st.columns([PICTURE, WORDS], gap="large", vertical_alignment="center")
    with words:
        st.html(f"<div class='st-scene'>Scene {at + 1} of {len(every)} · {escape(' · '.join(about))}</div>"
                f"<h2 class='st-title'>{escape(scene.title)}</h2><div class='st-text'>{escape(scene.text)}</div>"
                f"<div class='st-term'>{escape(scene.term)}</div>")  # fmt: skip
        if at in (0, 2, len(every) - 1):
            live_button(pictures.chosen_digit(), run.spec.dataset)
    with st.container():
        _way(at, every)
        live_panel()
        pool = _below(at, scene.notes, run, example, found)
    with picture, st.container(key="story_scene"):
        if pool:
            pooled(run, told, in_class.group())
        else:
            _draw(at, run, told, example)


def _place(count: int) -> int:
    text = linked(SCENE)
    return min(int(text), count) - 1 if text.isdecimal() and len(text) < 4 and int(text) else 0


def _draw(at: int, run: Run, told: stories.Told, example: Example | None) -> None:
    data = catalogue.dataset(run.spec.dataset)
    draw = (
        lambda: pictures.why(told, data), lambda: pictures.knows(told, data),
        lambda: pictures.choose(told, example, data), lambda: pictures.predict(run, told),
        lambda: pictures.inside(told, example, data), lambda: pictures.gone(told), lambda: pictures.cannot(told),
    )  # fmt: skip
    draw[at]()


def _way(at: int, every: tuple[Scene, ...]) -> None:
    """Back, next, and every scene."""
    remember("story-scene", at)
    with st.container(horizontal=True, vertical_alignment="center", key="story_way"):
        st.button("Back", key="story-back", icon=":material/arrow_back:", shortcut="Left", disabled=at == 0, on_click=_go, args=(at - 1,))
        st.segmented_control("Scene", range(len(every)), format_func=lambda n: f"{n + 1} {every[n].short}", key="story-scene",
                             label_visibility="collapsed", required=True, on_change=_picked)  # fmt: skip
        st.button("Next", key="story-next", icon=":material/arrow_forward:", shortcut="Right", disabled=at == len(every) - 1,
                  on_click=_go, args=(at + 1,), type="primary")  # fmt: skip


def _go(at: int) -> None:
    """A callback."""
    link(SCENE, str(at + 1))


def _picked() -> None:
    """A callback."""
    _go(int(recall("story-scene")))


def _below(at: int, notes: Notes, run: Run, example: Example | None, found: dict[str, str]) -> bool:
    """Which example, and what who tells it knows; whether the guesses of the class are to be shown in place of the scene."""
    pool = False
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(found) > 1:
            names = {key: examples.by_key()[key].name.removeprefix("Example: ") for key in found}
            remember("story-of", example.key if example else None)
            st.selectbox("Told on", list(names), format_func=names.__getitem__, key="story-of", on_change=_of,
                         placeholder="a run of yours", width=380)  # fmt: skip
        on = st.toggle("Teacher’s notes", key=NOTES, bind="query-params")
        if on and at == PREDICT and (code := in_class.group()):
            pool = st.toggle("Guesses of the class", key=POOLED, bind="query-params", help=f"Of all who opened a link with {code}.")
    if on:
        cells = {"Ask": notes.ask, "Wait for": notes.wait_for, "Common mistake": notes.mistake, "Time": f"{notes.minutes} minutes"}
        body = "".join(f"<div><b>{title}</b><br>{escape(text)}</div>" for title, text in cells.items())
        st.html(f"<div class='st-notes'>{body}</div>")
        link_panel(run.spec, catalogue.current().methods.get(run.spec.method), story={SCENE: str(at + 1)} | _told_of())
    return pool


def _told_of() -> dict[str, str]:
    """What the address says of it."""
    return {OF: linked(OF)} if linked(OF) else {}


def _of() -> None:
    """A callback."""
    link(OF, str(recall("story-of") or ""))


story()
