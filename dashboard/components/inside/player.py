"""A step player: play, pause, one step back and forward, a slider over the frames; it redraws by itself."""

from collections.abc import Sequence
from functools import partial
from time import monotonic

import streamlit as st

from core.figures import image_sprite, plotly_layout
from core.figures.inside.frames import Frame, Panel
from core.figures.markdown import plain
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.session import belongs, recall, remember

SECONDS = 3.0  # per frame while playing
STALE = 20.0  # seconds without a tick after which the page counts as left
FRAME, PLAYING, TICKED = "frame", "_playing", "_ticked"
# The controls keep their place: the sentence reserves two lines, the stage one row of figures.
ROOM = """<style>
.st-key-player-words {min-height: 6.5rem}
.st-key-player-stage {min-height: 480px}
.st-key-player-stage img {image-rendering: pixelated}
@media (max-width: 640px) {.st-key-player-words {min-height: 9.5rem}}
</style>"""


def player(run_id: str, frames: Sequence[Frame]) -> None:
    """frames: two or more. The frame's number is in the address; another run starts from the first."""
    belongs(FRAME, run_id, 1)
    st.html(ROOM)
    playing = _plays(run_id)
    fragment(partial(_draw, run_id, frames, playing), run_every=SECONDS if playing else None)


def _plays(run_id: str) -> bool:
    return bool(recall(PLAYING) == run_id and monotonic() - recall(TICKED, 0.0) < STALE)


def _draw(run_id: str, frames: Sequence[Frame], playing: bool) -> None:
    """playing: whether the page was drawn with a timer; where that has changed, the page is redrawn."""
    if _plays(run_id) and monotonic() - recall(TICKED, 0.0) > SECONDS / 2:
        _tick(len(frames))
    if _plays(run_id) != playing:
        st.rerun()
    if int(recall(FRAME, 1)) > len(frames):
        remember(FRAME, len(frames))
    controls = st.container(horizontal=True, vertical_alignment="bottom", key="player-controls")
    buttons = controls.container(horizontal=True, width="content")
    # Before the buttons, which depend on it: the slider reads the address when it is drawn.
    now = controls.slider("Frame", 1, len(frames), key=FRAME, bind="query-params", on_change=_pause)
    with buttons:
        step = partial(st.button, width=108)  # three in a row on a telephone
        step("Back", icon=":material/skip_previous:", key="player-back", disabled=now == 1, on_click=_step, args=(-1, len(frames)))
        step("Pause" if playing else "Play", icon=":material/pause:" if playing else ":material/play_arrow:", key="player-play",
             type="primary", on_click=_toggle, args=(run_id, len(frames)))  # fmt: skip
        step("Next", icon=":material/skip_next:", key="player-forward", disabled=now == len(frames),
             on_click=_step, args=(1, len(frames)))  # fmt: skip
    frame = frames[now - 1]
    with st.container(key="player-words"):
        st.markdown(f"#### {now} of {len(frames)} · {frame.title}\n{frame.sentence}")
    with st.container(key="player-stage"), errors_shown(st.info):
        _stage(frame.panels())


def _stage(panels: Sequence[Panel]) -> None:
    """Wide and single panels have their own row; of the others three share a row, or two where there are two or four."""
    slot = 0
    for row in rows(panels):
        for column, panel in zip(st.columns(len(row)), row, strict=True):
            with column:
                _panel(panel, slot)
            slot += 1


def rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    """The panels in their order, row by row."""
    narrow = sum(not panel.wide for panel in panels)
    across, made = 3 if narrow == 3 else 2, list[list[Panel]]()
    for panel in panels:
        if made and not panel.wide and not made[-1][0].wide and len(made[-1]) < across:
            made[-1].append(panel)
        else:
            made.append([panel])
    return made


def _panel(panel: Panel, slot: int) -> None:
    if panel.title:
        st.markdown(f"**{panel.title}**")
    if panel.draw is not None:
        panel.draw()
    if panel.figure is not None:
        st.plotly_chart(panel.figure, key=f"player-{slot}", config=plotly_layout.CONFIG, alt=panel.alt)
    if panel.grid is not None:
        st.image(image_sprite.png(panel.grid, 1), width="stretch", alt=panel.alt)
    if panel.note:
        st.info(plain(panel.note), icon=":material/info:")
    if panel.how:
        st.caption(f"How to read it: {panel.how}")


def _tick(count: int) -> None:
    """One frame on; stops at the last one."""
    now = min(int(recall(FRAME, 1)) + 1, count)
    remember(FRAME, now)
    remember(TICKED, monotonic())
    if now == count:
        _pause()


def _toggle(run_id: str, count: int) -> None:
    """A callback: playing from the last frame starts at the first."""
    if _plays(run_id):
        _pause()
        return
    if int(recall(FRAME, 1)) >= count:
        remember(FRAME, 1)
    remember(PLAYING, run_id)
    remember(TICKED, monotonic())


def _step(by: int, count: int) -> None:
    """A callback: stepping pauses."""
    _pause()
    remember(FRAME, min(max(int(recall(FRAME, 1)) + by, 1), count))


def _pause() -> None:
    remember(PLAYING, "")
