"""Ask for all runs of a study in one go, stop them, go on, ask for more; as `core.jobs.runner` does for one run."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from core.catalogue import Catalogue
from core.domain import ACTIVE, STOPPED, RunStatus, digest
from core.jobs import runner
from core.jobs.runner import PIPELINE
from core.store import studies
from core.store.home import Home
from core.store.results import ResultStore
from core.store.studies import Member, StoredStudy
from core.studies.plan import StudyPlan, cells, merged
from core.version import ENGINE, code_version


@dataclass(frozen=True)
class Progress:
    """Where a study stands: how many of its runs are in which state."""

    total: int
    done: int
    active: int
    failed: int
    stopped: int  # cancelled or interrupted
    missing: int  # deleted since, or never asked for
    outdated: int  # done by another version of the engine
    share: float  # in [0, 1], of the work

    @property
    def to_do(self) -> int:
        """How many runs `go_on` would ask for, if nothing moved."""
        return self.failed + self.stopped + self.missing + self.outdated

    def to_plain(self) -> dict[str, int]:
        """For JSON."""
        names = ("total", "done", "active", "failed", "stopped", "missing", "outdated")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Standing:
    """A study, its runs in the order in which they were asked for, and where it stands."""

    stored: StoredStudy
    plan: StudyPlan
    runs: tuple[Member, ...]
    now: Progress

    @property
    def edition(self) -> str:
        """Tells one state of its numbers from another: the plan, and which runs are done since when."""
        return digest([self.stored.plan, [(run.run_id, run.finished) for run in self.runs if run.status == RunStatus.DONE]])


def submit(home: Home, plan: StudyPlan, shelves: Catalogue, pipeline: str = PIPELINE) -> str:
    """The study's id; what is not done yet is queued, in one transaction.

    Where a study of the same title and request is part of this plan, that one grows: the same plan again is the same
    study. Raises WrongInput.
    """
    with ResultStore(home.database) as store:
        known = ((stored, StudyPlan.from_json(stored.plan)) for stored in studies.studies(store))
        parts = [(stored, old) for stored, old in known if plan.contains(old)]
        if parts:
            stored, old = max(parts, key=lambda part: part[1].count)
            return _ask(home, store, stored, merged(old, plan, shelves), shelves, pipeline)
        fresh = StoredStudy(f"s{uuid4().hex[:11]}", plan.title, plan.to_json(), datetime.now(UTC))
        return _ask(home, store, fresh, plan, shelves, pipeline)


def extend(home: Home, study_id: str, plan: StudyPlan, shelves: Catalogue, pipeline: str = PIPELINE) -> str:
    """The study grown by the plan's seeds and variants. Raises WrongInput where the plan is about another request."""
    with ResultStore(home.database) as store:
        stored = studies.existing(store, study_id)
        whole = merged(StudyPlan.from_json(stored.plan), plan, shelves)
        return _ask(home, store, stored, whole, shelves, pipeline)


def go_on(home: Home, study_id: str, shelves: Catalogue, pipeline: str = PIPELINE) -> str:
    """Ask again for what stopped, is missing, or was computed by another version of the engine. Raises WrongInput."""
    with ResultStore(home.database) as store:
        stored = studies.existing(store, study_id)
        return _ask(home, store, stored, StudyPlan.from_json(stored.plan), shelves, pipeline)


def cancel(home: Home, study_id: str) -> None:
    """Stop what waits and what runs; what is done stays. Raises WrongInput where there is no such study."""
    with ResultStore(home.database) as store:
        studies.cancel(store, study_id)
        store.reconcile()  # nobody else would end a run whose supervisor is dead


def delete(home: Home, study_id: str) -> None:
    """Forget the study; its runs stay. Raises WrongInput while any of them is active."""
    with ResultStore(home.database) as store:
        store.reconcile()
        studies.forget(store, study_id)


def standings(store: ResultStore) -> list[Standing]:
    """Every study, the last asked for first; two questions to the store, however many there are."""
    members = studies.members(store)
    found = []
    for stored in studies.studies(store):
        plan, runs = StudyPlan.from_json(stored.plan), members.get(stored.id, [])
        found.append(Standing(stored, plan, tuple(runs), progress_of(plan, runs)))
    return found


def progress(store: ResultStore, study_id: str) -> Progress:
    """Raises WrongInput where there is no such study."""
    stored = studies.existing(store, study_id)
    return progress_of(StudyPlan.from_json(stored.plan), studies.members(store, study_id).get(study_id, []))


def progress_of(plan: StudyPlan, runs: list[Member]) -> Progress:
    """From a study's plan and its runs as they stand."""
    now = code_version(ENGINE)
    count = Counter(run.status for run in runs)
    active, failed = sum(count[status] for status in ACTIVE), count[RunStatus.FAILED]
    shares = sum(run.share for run in runs if run.status in (*ACTIVE, RunStatus.DONE))
    return Progress(
        total=plan.count,
        done=count[RunStatus.DONE],
        active=active,
        failed=failed,
        stopped=sum(count[status] for status in STOPPED) - failed,
        missing=plan.count - len(runs),
        outdated=sum(run.status == RunStatus.DONE and run.engine not in ("", now) for run in runs),
        share=min(1.0, shares / plan.count),
    )


def new_runs(store: ResultStore, plan: StudyPlan, shelves: Catalogue) -> dict[int, int]:
    """Index of a variant -> how many of its runs are not done yet; variants that are all done are left out."""
    wanted = [(variant, spec.id) for variant, spec in cells(plan, shelves)]
    done = studies.done_among(store, [run_id for _, run_id in wanted])
    return dict(sorted(Counter(variant for variant, run_id in wanted if run_id not in done).items()))


def _ask(
    home: Home, store: ResultStore, stored: StoredStudy, plan: StudyPlan, shelves: Catalogue, pipeline: str
) -> str:  # fmt: skip
    wanted = cells(plan, shelves)
    store.reconcile()  # else a run whose process died would count as running
    studies.save(store, StoredStudy(stored.id, stored.title, plan.to_json(), stored.created_at), wanted)
    if store.has(RunStatus.QUEUED):
        runner.ensure_supervisor(home, pipeline)
    return stored.id
