"""What would decide what a study cannot tell: how many more seeds, how long they take here, and the button that runs them."""

import streamlit as st

from core.domain.study import StudyPlan
from core.figures.markdown import plain
from core.jobs.studies import submit
from core.jobs.studies.plan import with_more_seeds
from core.jobs.studies.progress import takes
from core.reports.compare.more_seeds import MoreSeeds
from dashboard.components.common.fragments import errors_shown
from dashboard.login.may import barred
from dashboard.queries import catalogue, forecasts
from dashboard.session import home


def offer_more_seeds(study_id: str, plan: StudyPlan, more: MoreSeeds | None, *, active: bool, page: str) -> None:
    """Nothing where all is told. active: the study still has runs to do, which may decide it. page: where the button stands."""
    if more is None or active:
        return
    with errors_shown():
        grown = with_more_seeds(plan, more.more, catalogue.current()) if more.more else None
        cost = takes(forecasts.of_plan(grown)) if grown else ""
        st.caption(f":material/balance: {plain(' '.join(filter(None, [more.text, cost])))}")
        if grown:
            label = f"Run {more.more} more seed{'s' * (more.more != 1)}"
            st.button(label, icon=":material/add:", key=f"more-{page}-{study_id}", on_click=_grow, args=(study_id, grown), **barred())


def _grow(study_id: str, grown: StudyPlan) -> None:
    with errors_shown(st.toast):
        submit.extend(home(), study_id, grown, catalogue.current())
        st.toast("The study grows; its page shows how far it is.", icon=":material/add:")
