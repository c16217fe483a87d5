"""Studies as they stand, and what they came to."""

import streamlit as st

from core.jobs import runner
from core.store import studies as stored_studies
from core.store.results import ResultStore
from core.studies import standing
from core.studies.plan import StudyPlan
from core.studies.standing import Standing
from core.studies.summary import StudySummary
from core.studies.summary import summary as summary_of_study
from dashboard.queries.shelves import catalogue, study_name
from dashboard.session import home


def studies() -> dict[str, tuple[str, set[str]]]:
    """Study -> its name and its runs' ids, the last asked for first."""
    with ResultStore(home().database) as store:
        found, members = stored_studies.studies(store), stored_studies.members(store)
    return {s.id: (study_name(StudyPlan.from_json(s.plan)), {m.run_id for m in members.get(s.id, [])}) for s in found}


def standings() -> list[Standing]:
    """Every study with its runs as they stand now, the last asked for first. A queue that nobody serves is served."""
    with ResultStore(home().database) as store:
        runner.look_after(home(), store)
        return standing.standings(store)


def new_runs(plan: StudyPlan) -> dict[int, int]:
    """See core.studies.standing.new_runs."""
    with ResultStore(home().database) as store:
        return standing.new_runs(store, plan, catalogue())


def plan_seconds(plan: StudyPlan) -> float | None:
    """See core.studies.standing.seconds_for."""
    with ResultStore(home().database) as store:
        return standing.seconds_for(store, plan, catalogue())


@st.cache_data(max_entries=32, show_spinner="Reading the study's runs …")
def study_summary(study_id: str, edition: str, root: str) -> StudySummary:
    """See core.studies.summary.summary; `edition` is the Standing's."""
    place = home()
    with ResultStore(place.database) as store:
        return summary_of_study(place, store, study_id)
