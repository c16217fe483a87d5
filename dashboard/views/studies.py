"""Studies: several methods, settings and seeds on one request, submitted together and read as one table."""

from functools import partial

import streamlit as st

from core.domain.study import StudyPlan
from core.export.report.repeat import study_file
from core.jobs.studies import submit
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.run_status import put_back_rows
from dashboard.components.common.terminal import same_from_a_terminal
from dashboard.components.forms.forecast import show_forecast
from dashboard.components.forms.forget_request import ask_subject, one_draw
from dashboard.components.studies.form import above_start, ask_plan
from dashboard.components.studies.papers import show_papers
from dashboard.components.studies.rows import any_active, damaged_row, study_row
from dashboard.login.may import Barred, barred, me
from dashboard.login.sessions import is_on
from dashboard.queries import catalogue, forecasts, studies
from dashboard.session import home, remember

POLL = 1.0  # seconds between polls while a study is active
PAGE = 5  # studies shown at once
NEW = "new"
PAPERS = "papers"

available = catalogue.current()
standings_at_start, damaged = studies.standings(), studies.damaged()


def start(plan: StudyPlan) -> None:
    """A callback: once per click; the same plan again is the same study."""
    with errors_shown(st.toast):
        submit.submit(home(), plan, available)
        remember(NEW, False)


def ask() -> None:
    """The form; a click in it does not redraw the list."""
    what, how = st.columns(2, gap="large")
    with what:
        data, model, request = ask_subject(available, seeds=True)
    with how:
        st.subheader("2 · Methods and seeds")
        plan = ask_plan(available, data, model, request, one_draw=one_draw())
        refused = plan is not None and not show_forecast(lambda: forecasts.of_plan(plan), partial(above_start, plan))
        shut = barred() or Barred(disabled=plan is None or refused)
        if st.button("Start", type="primary", icon=":material/play_arrow:", key="start-study", on_click=start, args=(plan,), **shut):
            st.rerun()  # the whole page: a click in here redraws the form alone
        if plan is not None:
            same_from_a_terminal("python -m core sweep study.toml", key="study_terminal", file=("study.toml", study_file(plan)))


def rows() -> None:
    """One row per study, redrawn while any is active; with deleted studies, so that undoing redraws this part alone."""
    put_back_rows(studies=True)
    everything = studies.standings()
    if polled != any_active(everything) or not everything:
        st.rerun()  # the whole page: with a timer, without one, or with the message that there are no studies
    mine = is_on() and st.toggle("Mine", key="mine", bind="query-params", help="Studies that you asked for.")
    standings = [study for study in everything if not mine or study.stored.owner == me()]
    pages = max(1, -(-len(standings) // PAGE))
    number = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    shown = standings[(number - 1) * PAGE : number * PAGE]
    first = next((study for study in shown if study.now.shown), None)
    for study in shown:
        study_row(study, first=study is first)


if not standings_at_start:
    st.markdown("One run is an anecdote. A study asks for several methods, settings and seeds at once, and gives every number its spread.")
box = st.expander("New study", expanded=not standings_at_start, key=NEW, on_change="rerun", bind="query-params", icon=":material/add:")
if box.open:
    with box:
        fragment(ask)
for study in damaged:
    damaged_row(study)
if standings_at_start:
    polled = any_active(standings_at_start)
    fragment(rows, run_every=POLL if polled else None)
else:
    put_back_rows(studies=True)
shelf = st.expander("The papers' tables", key=PAPERS, on_change="rerun", bind="query-params", icon=":material/article:")
if shelf.open:
    with shelf:
        fragment(partial(show_papers, start))
