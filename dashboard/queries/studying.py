"""Studies as they stand, and what they came to."""

import streamlit as st

from core.jobs import runner
from core.store import studies as stored_studies
from core.store.artifacts import Artifacts
from core.store.results import ResultStore
from core.store.studies import DamagedStudy
from core.studies import standing
from core.studies.plan import StudyPlan
from core.studies.standing import Standing
from core.studies.summary import StudySummary
from core.studies.summary import summary as summary_of_study
from dashboard.queries.shelves import catalogue, study_name
from dashboard.session import home


def studies() -> dict[str, str]:
    """Study -> its name, the last asked for first."""
    with ResultStore(home().database) as store:
        return {stored.id: study_name(plan) for stored, plan in standing.plans(store)}


def study_runs(study_id: str) -> set[str]:
    """The ids of a study's runs."""
    with ResultStore(home().database) as store:
        return {member.run_id for member in stored_studies.members(store, study_id).get(study_id, [])}


def standings() -> list[Standing]:
    """Every study with its runs as they stand now, the last asked for first. A queue that nobody serves is served."""
    with ResultStore(home().database) as store:
        runner.look_after(home(), store)
        return standing.standings(store, _files())


def damaged_studies() -> list[DamagedStudy]:
    """Rows of the database that are no studies any more."""
    with ResultStore(home().database) as store:
        return standing.damaged(store)


def new_runs(plan: StudyPlan) -> dict[int, int]:
    """See core.studies.standing.new_runs."""
    with ResultStore(home().database) as store:
        return standing.new_runs(store, plan, catalogue(), _files())


def plan_seconds(plan: StudyPlan) -> float | None:
    """See core.studies.standing.seconds_for."""
    with ResultStore(home().database) as store:
        return standing.seconds_for(store, plan, catalogue(), _files())


def _files() -> set[str]:
    return Artifacts(home().artifacts_folder).files()


@st.cache_data(max_entries=32, show_spinner="Reading the study's runs …")
def study_summary(study_id: str, edition: str, root: str) -> StudySummary:
    """See core.studies.summary.summary; `edition` is the Standing's."""
    place = home()
    with ResultStore(place.database) as store:
        return summary_of_study(place, store, study_id)
