"""What the link says by which a class came here: fixed fields, hidden parts, a goal, the class's code. It goes from page to page."""

from contextlib import suppress
from dataclasses import dataclass

import streamlit as st

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value, check_names
from core.domain.requests.base import ForgetRequest
from core.domain.requests.registry import parse_request
from core.figures.markdown import plain
from core.jobs.catalogue import Catalogue
from core.jobs.validation import dataset_of
from core.reports.teaching import goal as goals
from core.reports.teaching.class_link import SETTINGS, Lock, code_from, hidden_from, hidden_words, lock_from
from core.reports.teaching.goal import Goal
from dashboard.components.common.fragments import errors_shown
from dashboard.session import link, travels

LOCK, HIDE, GOAL, GROUP = NAMES = "lock", "hide", "goal", "group"  # in the address; `class` there is the class to forget
READABLE = """<style>
[data-testid=stMain] [data-testid=stTextInput]:has(input:disabled) [data-testid=stWidgetLabel],
[data-testid=stMain] [data-testid=stTextInput]:has(input:disabled) [data-testid=stWidgetLabel] * {color: inherit !important}
[data-testid=stMain] [data-testid=stTextInput] input:disabled {color: inherit; -webkit-text-fill-color: currentcolor; opacity: .85}
</style>"""  # what is fixed is read in a room, unlike a field that happens to have no effect
_READ = {LOCK: lock_from, HIDE: hidden_from, GOAL: goals.parse, GROUP: code_from}


@dataclass(frozen=True)
class Fixed:
    """Fields of the form that cannot be changed; '' and None where one can. settings: those that the link names, checked."""

    dataset: str = ""
    model: str = ""
    request: ForgetRequest | None = None
    method: str = ""
    settings: dict[str, Value] | None = None


def lock() -> Lock:
    """Nothing where the address says none, or none that can be read."""
    with suppress(WrongInput):
        return lock_from(travels(LOCK))
    return Lock()


def hidden() -> frozenset[str]:
    """Names of `core.reports.teaching.class_link.HIDEABLE`; likewise."""
    with suppress(WrongInput):
        return hidden_from(travels(HIDE))
    return frozenset()


def goal() -> Goal:
    """Likewise."""
    with suppress(WrongInput):
        return goals.parse(travels(GOAL))
    return Goal()


def group() -> str:
    """The class's code; likewise."""
    with suppress(WrongInput):
        return code_from(travels(GROUP))
    return ""


def fixed(available: Catalogue) -> Fixed:
    """What the link fixes, held against what there is. Raises WrongInput where something is not there: then nothing is fixed."""
    wanted, settings = lock(), None
    data = dataset_of(available, wanted.dataset) if wanted.dataset else None
    for what, key, shelf in (("model", wanted.model, available.models), ("method", wanted.method, available.methods)):
        if key and key not in shelf:
            raise WrongInput(f"The address's lock names the {what} {key!r:.60}, which is not there; choose freely.")
    request = parse_request(wanted.request, data) if wanted.request and data else None
    if request and data:
        request.check(data)
    if wanted.settings:
        params = available.methods[wanted.method].params
        check_names(dict(wanted.settings), [p.name for p in params])
        settings = {p.name: p.parse(wanted.settings[p.name]) for p in params if p.name in wanted.settings}
    return Fixed(wanted.dataset, wanted.model, request, wanted.method, settings)


def form_line(now: Fixed) -> None:
    """Above the form: which of its fields are fixed, and the goal; nothing where it is nobody's link."""
    said = [f":material/lock: The teacher’s link fixes: {lock().words}."] if now != Fixed() else []
    said += [f":material/lock: It does not show {hidden_words({SETTINGS})}."] if SETTINGS in hidden() else []
    said += [f":material/flag: **Goal:** {plain(goal().words)}."] if goal() != Goal() else []
    if said:
        st.html(READABLE)
        st.markdown("  \n".join(said))


def opened_by_link() -> bool:
    """Whether the page was opened by a teacher's link."""
    return any(map(travels, NAMES))


def class_line() -> None:
    """In the sidebar, where a page was opened by such a link: what it does, and the way out."""
    said = [sentence for sentence in (_fixes(), _hides(), _aims(), _counts()) if sentence]
    if not opened_by_link():
        return
    with st.container(key="in_class"):
        st.caption(plain(f"Opened by a teacher’s link. {' '.join(said)}".strip()))
        st.button("Leave the teacher’s link", key="leave_class", icon=":material/logout:", on_click=_leave, type="tertiary")


def check_link() -> None:
    """A sentence for each part of the link that cannot be read; the page goes on without it."""
    for name, read in _READ.items():
        with errors_shown(st.warning):
            read(travels(name))


def _fixes() -> str:
    words = lock().words
    return f"Fixed: {words}." if words else ""


def _hides() -> str:
    words = hidden_words(hidden())
    return f"Not shown on the form and on Result: {words}." if words else ""


def _aims() -> str:
    words = goal().words
    return f"Goal: {words}." if words else ""


def _counts() -> str:
    code = group()
    return f"Guesses in Story count for {code}." if code else ""


def _leave() -> None:
    """A callback."""
    for name in NAMES:
        link(name, "")
