"""Pages of long jobs, searches or sequences: ask for a new one, choose one, follow it; stop it, go on, delete it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import streamlit as st

from core.figures.markdown import plain
from core.figures.palette import STATUS_ICON
from core.jobs import long_jobs
from core.jobs.long_jobs import COMPLETE, FAILED, RUNNING, State
from core.storage.queues.line_files import LineFiles
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.login.may import Barred, barred
from dashboard.login.sessions import is_on
from dashboard.session import home, remember, stays

ICON = {RUNNING: STATUS_ICON["running"], COMPLETE: STATUS_ICON["done"], FAILED: STATUS_ICON["failed"]}
POLL = 1.0  # seconds between looks while a job is being computed
S = TypeVar("S", bound=State)


def jobs_page(
    key: str, intro: str, known: Mapping[str, tuple[State, str]], damaged: Sequence[str], *, ask: Callable[[], object],
    look: Callable[[str], S], show: Callable[[S], object],
) -> None:  # fmt: skip
    """A folded form, and one of the jobs. key: what each is, and the widget's name that chooses one; known: id -> standing and title.

    ask: draws the form; look: how one stands now; show: draws it, again and again while it is computed.
    """
    if not known:
        st.markdown(intro)
    box = st.expander(f"New {key}", expanded=not known, key=f"new-{key}", on_change="rerun", bind="query-params", icon=":material/add:")
    if box.open:
        with box:
            fragment(partial(_ask, ask))  # a click in it does not redraw the rest
    for sentence in damaged:
        st.error(plain(sentence), icon=":material/error:")
    if known:
        stays(key, list(known))
        titles = {job_id: f"{title} · {job_id}" for job_id, (_, title) in known.items()}
        chosen = st.selectbox(key.capitalize(), list(known), key=key, bind="query-params", format_func=titles.__getitem__)
        active = known[chosen][0].state == RUNNING
        fragment(partial(_follow, partial(look, chosen), show, active), run_every=POLL if active else None)


def _ask(ask: Callable[[], object]) -> None:
    long_jobs.wake(home())
    ask()


def _follow(look: Callable[[], S], show: Callable[[S], object], running: bool) -> None:
    now = look()
    if running != (now.state == RUNNING):
        st.rerun()  # the whole page: with a timer, or without one
    show(now)


def start_button(key: str, act: Callable[[], str] | None) -> None:
    """act: starts what the form asks for and gives its id; the same plan again is the same job. None: the form asks for nothing."""
    shut = barred() or Barred(disabled=act is None)
    if st.button("Start", type="primary", icon=":material/play_arrow:", key=f"start-{key}", on_click=_start, args=(key, act), **shut):
        st.rerun()  # the whole page: a click in here redraws the form alone


def _start(key: str, act: Callable[[], str]) -> None:
    """A callback: once per click."""
    with errors_shown(st.toast):
        remember(key, act())
        remember(f"new-{key}", False)


def icon_of(now: State) -> str:
    """Of where it stands."""
    return ICON.get(now.state, STATUS_ICON["cancelled"])


def job_button(label: str, job_id: str, act: Callable[..., object], shut: Barred) -> None:
    """act: of the home and the id. shut: of `barred`."""
    st.button(label, key=f"{label}-{job_id}", on_click=safely, args=(partial(act, home(), job_id),), **shut)


def owner_of(files: LineFiles, job_id: str) -> str:
    """Where a login is on, whose a job is."""
    return files.owner(job_id) if is_on() else ""


def delete_button(job_id: str, act: Callable[..., object], says: str, shut: Barred) -> None:
    """Asks first. says: what goes, and what stays. shut: of `barred`."""
    with st.popover("Delete", key=f"ask-{job_id}", **shut):
        st.caption(says)
        job_button("Delete it", job_id, act, shut)


def show_progress(now: State) -> None:
    """How far a running one is; why one failed."""
    if now.state == RUNNING:
        st.progress(now.share, plain(now.note or "starting"))
    if now.error:
        st.error(plain(now.error), icon=":material/error:")


def safely(act: Callable[[], object]) -> None:
    """In a callback: acts once per click, and shows what went wrong."""
    with errors_shown(st.toast):
        act()
