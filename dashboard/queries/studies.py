"""Current studies, and their results."""

import streamlit as st

from core.domain.run import digest
from core.domain.study import StudyPlan
from core.jobs import submit
from core.jobs.studies import progress
from core.jobs.studies.leaderboard_of_studies import leaderboard_of, names_of_runs
from core.jobs.studies.papers import Paper, Reproduction, study_of
from core.jobs.studies.papers import reproduction as reproduction_of
from core.jobs.studies.progress import Standing
from core.jobs.studies.table import StudySummary
from core.jobs.studies.table import summary as summary_of_study
from core.reports.compare.leaderboard import Leaderboard
from core.storage import studies as stored_studies
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from core.storage.studies import DamagedStudy
from dashboard.queries import catalogue
from dashboard.session import home


def names() -> dict[str, str]:
    """Study -> its name, newest first."""
    with ResultStore(home().database) as store:
        return {stored.id: catalogue.study_name(plan) for stored, plan in progress.plans(store)}


def of_runs(run_ids: set[str]) -> Standing | None:
    """The newest study that all of these runs are of; None where there is none."""
    with ResultStore(home().database) as store:
        found = progress.standings(store, _files())
    return next((study for study in found if run_ids and run_ids <= {run.run_id for run in study.runs}), None)


def run_ids(study_id: str) -> set[str]:
    """The ids of a study's runs."""
    with ResultStore(home().database) as store:
        return {member.run_id for member in stored_studies.members(store, study_id).get(study_id, [])}


def standings() -> list[Standing]:
    """Every study with its current runs, newest first. Starts a supervisor where the queue has none."""
    with ResultStore(home().database) as store:
        submit.look_after(home(), store)
        return progress.standings(store, _files())


def damaged() -> list[DamagedStudy]:
    """Damaged studies in the database."""
    with ResultStore(home().database) as store:
        return progress.damaged(store)


def new_runs(plan: StudyPlan) -> dict[int, int]:
    """See core.jobs.studies.progress.new_runs."""
    with ResultStore(home().database) as store:
        return progress.new_runs(store, plan, catalogue.current(), _files())


def _files() -> set[str]:
    return Artifacts(home().artifacts_folder).files()


def summary(study: Standing) -> StudySummary:
    """See core.jobs.studies.table.summary."""
    return _summary(study.stored.id, study.edition, str(home().root))


@st.cache_data(max_entries=32, show_spinner="Reading the study's runs …")
def _summary(study_id: str, edition: str, root: str) -> StudySummary:
    place = home()
    with ResultStore(place.database) as store:
        return summary_of_study(place, store, study_id)


def reproduction(paper: Paper) -> Reproduction | None:
    """See core.jobs.studies.papers.reproduction; None while no run of the paper's study is done."""
    study = study_of(paper, standings())
    return reproduction_of(paper, summary(study), catalogue.current()) if study and study.now.shown else None


def leaderboard(measure: str) -> Leaderboard:
    """See core.jobs.studies.leaderboard_of_studies.leaderboard_of; of all studies."""
    with ResultStore(home().database) as store:
        names = names_of_runs(store)
        return _leaderboard(digest(names), store.finished_revision(), measure, str(home().root), names)


@st.cache_data(max_entries=8, show_spinner="Ranking the methods of all studies …")
def _leaderboard(which: str, revision: int, measure: str, root: str, _names: dict[str, str]) -> Leaderboard:
    with ResultStore(home().database) as store:
        return leaderboard_of(store, _names, measure)
