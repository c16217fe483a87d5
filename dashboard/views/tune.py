"""Tune: a search of a method's settings, by the reference or by what a practitioner has; its front grows while it is made."""

from functools import partial

import streamlit as st

from core.figures.markdown import plain
from core.jobs import tuning
from core.tuning.plan import NO_WEIGHTS
from dashboard.components.common.long_jobs import jobs_page, start_button
from dashboard.components.common.terminal import same_from_a_terminal
from dashboard.components.forms.forget_request import ask_subject
from dashboard.components.forms.uploads import WEIGHTS_PANEL
from dashboard.components.tuning.form import ask_plan, command
from dashboard.components.tuning.search import presets_panel, show
from dashboard.queries import catalogue
from dashboard.queries import tuning as queries
from dashboard.session import home

SEARCH = "search"
INTRO = (
    "A method is only as good as its settings. A search tries them, and says by what it chose: by the retrained reference, which only a "
    "paper has, or by what is left to whoever must forget."
)

available = catalogue.current()
standings, damaged = queries.standings()


def ask() -> None:
    """The form."""
    what, how = st.columns(2, gap="large")
    with what:
        data, model, request = ask_subject(available)
        with st.expander(WEIGHTS_PANEL, icon=":material/upload_file:"):
            st.caption(plain(NO_WEIGHTS))
    with how:
        st.subheader("2 · What to search")
        plan = ask_plan(available, data, model, request)
        start_button(SEARCH, None if plan is None else partial(tuning.start, home(), plan))
        if plan is not None:
            same_from_a_terminal(command(plan, available), key="tune_terminal")


known = {one.search.id: (one, tuning.title_of(one.search.plan)) for one in standings}
jobs_page(SEARCH, INTRO, known, damaged, ask=ask, look=queries.standing, show=show)
if queries.presets():
    shelf = st.expander("Presets of this home", key="own-presets", on_change="rerun", icon=":material/bookmark:")
    if shelf.open:
        with shelf:
            presets_panel()
