"""Tune: a search of a method's settings, by the reference or by what a practitioner has; its front grows while it is made."""

from functools import partial

import streamlit as st

from core.figures.markdown import plain
from core.jobs import tuning
from core.jobs.tuning import RUNNING
from core.tuning.plan import SearchPlan
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.terminal import same_from_a_terminal
from dashboard.components.forms.forget_request import ask_subject
from dashboard.components.tuning.form import ask_plan, command
from dashboard.components.tuning.search import presets_panel, show
from dashboard.queries import catalogue
from dashboard.queries import tuning as queries
from dashboard.session import home, remember, stays

POLL = 1.0  # seconds between looks while a search is being made
NEW, SEARCH = "new-search", "search"

available = catalogue.current()
standings, damaged = queries.standings()


def start(plan: SearchPlan) -> None:
    """A callback: once per click; the same plan again is the same search."""
    with errors_shown(st.toast):
        remember(SEARCH, tuning.start(home(), plan))
        remember(NEW, False)


def ask() -> None:
    """The form; a click in it does not redraw the search."""
    tuning.wake(home())
    what, how = st.columns(2, gap="large")
    with what:
        data, model, request = ask_subject(available)
    with how:
        st.subheader("2 · What to search")
        plan = ask_plan(available, data, model, request)
        if st.button(
            "Start", type="primary", icon=":material/play_arrow:", key="start-search", disabled=plan is None, on_click=start, args=(plan,),
        ):  # fmt: skip
            st.rerun()  # the whole page: a click in here redraws the form alone
        if plan is not None:
            same_from_a_terminal(command(plan, available), key="tune_terminal")


def follow(search_id: str, running: bool) -> None:
    """A search, redrawn while it is being made."""
    now = queries.standing(search_id)
    if running != (now.state == RUNNING):
        st.rerun()  # the whole page: with a timer, or without one
    show(now)


if not standings:
    st.markdown("A method is only as good as its settings. A search tries them, and says by what it chose: by the retrained reference, "
                "which only a paper has, or by what is left to whoever must forget.")  # fmt: skip
box = st.expander("New search", expanded=not standings, key=NEW, on_change="rerun", bind="query-params", icon=":material/add:")
if box.open:
    with box:
        fragment(ask)
for sentence in damaged:
    st.error(plain(sentence), icon=":material/error:")
if standings:
    known = {one.search.id: one for one in standings}
    stays(SEARCH, list(known))
    titles = {search_id: f"{tuning.title_of(one.search.plan)} · {search_id}" for search_id, one in known.items()}
    chosen = st.selectbox("Search", list(known), key=SEARCH, bind="query-params", format_func=lambda search_id: titles[search_id])
    active = known[chosen].state == RUNNING
    fragment(partial(follow, chosen, active), run_every=POLL if active else None)
if queries.presets():
    shelf = st.expander("Presets of this home", key="own-presets", on_change="rerun", icon=":material/bookmark:")
    if shelf.open:
        with shelf:
            presets_panel()
