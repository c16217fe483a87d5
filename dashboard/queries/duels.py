"""Duels of this home, and what the tools find on a run that is handed over: read from the store, never computed."""

from dataclasses import dataclass
from pathlib import Path
import secrets

import streamlit as st

from core.domain.duel import Duel, Rules
from core.domain.errors import WrongInput
from core.domain.run import ACTIVE, STOPPED, RunSpec, RunStatus
from core.jobs import submit
from core.jobs.validation import floor_spec
from core.reports.checks.case import Case
from core.reports.checks.stored_run import read_case
from core.reports.gauges import Gauge
from core.reports.run_report import full_report
from core.reports.teaching.duel import tool_gauges
from core.storage.audience import duels
from core.storage.home import Home
from core.storage.record_types import Run
from core.storage.related_runs import beside
from core.storage.runs import ResultStore
from dashboard.queries import catalogue
from dashboard.session import home

SEEDS = 10_000  # a duel has its own networks: one of so many seeds, so that nobody has seen their numbers


@dataclass(frozen=True)
class Try:
    """One run that the Forgetter asked for. run: None where it was deleted. floor: its second reference, None where there is none."""

    run_id: str
    run: Run | None
    floor: Run | None

    @property
    def active(self) -> bool:
        """Whether it, or the second reference that belongs to it, is still computed."""
        return any(run is not None and run.status in ACTIVE for run in (self.run, self.floor))

    @property
    def ready(self) -> bool:
        """Whether it can be handed over."""
        return self.run is not None and self.run.status == RunStatus.DONE and not self.active

    @property
    def counts(self) -> bool:
        """Whether it takes one of the tries: what failed or was cancelled or deleted takes none."""
        return self.run is not None and self.run.status not in STOPPED


def begin(dataset: str, model: str, budget: float, tries: int, tools: int) -> Duel:
    """A new duel. Raises WrongInput."""
    with ResultStore(home().database) as store:
        return duels.begin(store, Rules(dataset, model, budget, tries, tools, 1 + secrets.randbelow(SEEDS)))


def existing(code: str) -> Duel:
    """Raises WrongInput where there is none."""
    with ResultStore(home().database) as store:
        return duels.existing(store, code)


def change(before: Duel, after: Duel) -> None:
    """Raises WrongInput where the duel has moved on in another browser."""
    with ResultStore(home().database) as store:
        duels.change(store, before, after)


def go_on(over: Duel) -> Duel:
    """The next duel, by the same rules with other networks; the same one for both seats. Raises WrongInput."""
    rules = over.rules
    again = Rules(rules.dataset, rules.model, rules.budget, rules.tries, rules.tools, 1 + secrets.randbelow(SEEDS))
    with ResultStore(home().database) as store:
        return duels.go_on(store, over, again)


def tries(duel: Duel) -> list[Try]:
    """As they stand now. Starts a supervisor where the queue has none."""
    found = []
    with ResultStore(home().database) as store:
        submit.look_after(home(), store)
        for run_id in duel.runs:
            run = store.run(run_id)
            found.append(Try(run_id, run, beside(store, run.spec).floor if run else None))
    return found


def left(duel: Duel, so_far: list[Try]) -> int:
    """How many tries the Forgetter still has."""
    return duel.rules.tries - sum(one.counts for one in so_far)


def ask(duel: Duel, spec: RunSpec) -> None:
    """A try: the run, and behind it a second reference, which the floor is measured with. Raises WrongInput where it costs nothing."""
    so_far = tries(duel)
    if left(duel, so_far) <= 0:
        raise WrongInput("All tries are used; one of them is to be handed over.")
    already = next((one for one in so_far if one.run_id == spec.id), None)
    stopped = already is not None and not already.counts  # then it is asked for once more, and no other try
    after = duel if stopped else duel.asked(spec.id)
    if after is not duel:
        change(duel, after)
    try:
        submit.submit(home(), spec)
        submit.submit(home(), floor_spec(spec, catalogue.current()), along_with=spec.id)
    except WrongInput:
        if after is not duel:
            change(after, after.withdrawn(spec.id))
        raise


def measured(run: Run) -> tuple[Case, dict[str, Gauge]]:
    """Of a finished run: its numbers, and each tool's gauge. Raises WrongInput where its tables are missing or damaged."""
    with ResultStore(home().database) as store:
        revision = store.finished_revision()
    return _measured(str(home().root), run.id, revision, run)


@st.cache_data(max_entries=32, show_spinner=False)
def _measured(root: str, run_id: str, revision: int, _run: Run) -> tuple[Case, dict[str, Gauge]]:
    """root, run_id, revision: what decides it; a second reference that comes later is a new revision."""
    place = Home(Path(root))
    with ResultStore(place.database) as store:
        case = read_case(place, store, _run, catalogue.dataset(_run.spec.dataset))
        reasons = full_report(place, store, _run)["reasons"]
    return case, tool_gauges(case, reasons)
