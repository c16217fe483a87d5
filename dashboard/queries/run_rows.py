"""What the list of runs says of each: its verdict and gauges, its study, and the second reference that was asked for with it."""

from dataclasses import dataclass

import streamlit as st

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.reports.checks.registry import examine
from core.reports.checks.stored_run import read_case
from core.reports.gauges import Gauge, gauges
from core.reports.odd_results import told_of
from core.reports.run_report import numbers_of
from core.reports.verdict import verdict
from core.storage.record_types import Run
from core.storage.run_list import Related, related_of
from core.storage.runs import ResultStore
from dashboard.queries import catalogue
from dashboard.session import home


@dataclass(frozen=True)
class Outcome:
    """A finished run in a line. gauges: none where what they need is missing, and `lead` says so."""

    lead: str
    gauges: tuple[Gauge, ...] = ()


def related(ids: list[str]) -> dict[str, Related]:
    """Each run's study and companion, of those that have any."""
    with ResultStore(home().database) as store:
        return related_of(store, ids)


def outcomes(runs: list[Run]) -> dict[str, Outcome]:
    """Those of finished runs, by id; computed again when any run was finished since."""
    with ResultStore(home().database) as store:
        revision = store.finished_revision()
    root = str(home().root)
    return {run.id: _outcome(root, run.id, revision, run) for run in runs if run.status == RunStatus.DONE}


@st.cache_data(max_entries=512, show_spinner=False)
def _outcome(root: str, run_id: str, revision: int, _run: Run) -> Outcome:
    """root, run_id, revision: what decides it."""
    try:
        with told_of(run_id), ResultStore(home().database) as store:
            data = catalogue.dataset(_run.spec.dataset)
            case = read_case(home(), store, _run, data)
            finding = examine(case)
            reasons = {f"{m.model}/{m.metric}": m.reason for m in store.measurements(_run.id) if m.value is None}
            found = verdict(numbers_of(store, _run.id), _run.spec.request, data, finding.far_off)
            return Outcome(found.beside(warnings=bool(finding.warnings)).lead, gauges(case, reasons))
    except WrongInput as missing:
        return Outcome(f"Done. {missing}")
