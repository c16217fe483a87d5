"""Where studies stand: which of their runs are done, and what going on with them would ask for."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from core.domain.code_version import run_version
from core.domain.errors import WrongInput
from core.domain.formatting import duration
from core.domain.run import ACTIVE, STOPPED, RunStatus, digest
from core.domain.study import StudyPlan
from core.jobs.catalogue import Catalogue
from core.jobs.forecast import check_memory, size, unknown
from core.jobs.studies.plan import cells
from core.storage import studies
from core.storage.durations import Ask, History, Place, history, makespan
from core.storage.record_types import HISTORY, PASSES, Forecast
from core.storage.runs import ResultStore
from core.storage.studies import DamagedStudy, Member, StoredStudy


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
    standing_in: int  # of those not done: older runs whose numbers are shown until then
    lost: int  # done by this version, and files of them are gone
    again: int  # of those not done: done before, and their numbers are shown until they are done once more
    share: float  # in [0, 1], of the work

    @property
    def to_do(self) -> int:
        """How many runs `go_on` would ask for, if nothing moved."""
        return self.failed + self.stopped + self.missing + self.outdated + self.lost

    @property
    def shown(self) -> int:
        """How many runs there are numbers of."""
        return self.done + self.standing_in + self.again

    @property
    def anew(self) -> str:
        """What going on or adding costs besides what it asks for, because the engine has changed; '' where nothing."""
        runs = f"{self.outdated} run{'s' * (self.outdated != 1)}"
        return f"{runs} would be computed anew, because the engine has changed; the old numbers stay until then." if self.outdated else ""

    def to_plain(self) -> dict[str, int]:
        """For JSON."""
        names = ("total", "done", "active", "failed", "stopped", "missing", "outdated", "standing_in", "lost")
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
        done = [(run.run_id, run.finished, run.stands_in) for run in self.runs if run.shown]
        return digest([self.stored.plan, self.now.outdated, done])


def standings(store: ResultStore, files: Collection[str] | None = None) -> list[Standing]:
    """Every study, the last asked for first; a few questions to the store, however many there are.

    files: those of Artifacts that are there, which says whose are gone.
    """
    members = studies.members(store, files=files)
    found = []
    for stored, plan in plans(store):
        runs = runs_of(plan, members.get(stored.id, []))
        found.append(Standing(stored, plan, tuple(runs), progress_of(plan, runs)))
    return found


def plans(store: ResultStore) -> list[tuple[StoredStudy, StudyPlan]]:
    """Every study with its plan, the last asked for first; damaged ones are left out."""
    return [pair for pair in _read(store) if not isinstance(pair, DamagedStudy)]


def damaged(store: ResultStore) -> list[DamagedStudy]:
    """The rows that are no studies any more, and why."""
    return [one for one in _read(store) if isinstance(one, DamagedStudy)]


def plan_of(stored: StoredStudy) -> StudyPlan:
    """Raises WrongInput where its plan is damaged."""
    try:
        return StudyPlan.from_json(stored.plan)
    except WrongInput as wrong:
        raise WrongInput(f"{_damaged(stored, wrong).wrong} It can only be deleted.") from None


def runs_of(plan: StudyPlan, members: list[Member]) -> list[Member]:
    """Those of the stored runs that the plan knows of; a damaged row may say anything."""
    seeds = set(plan.seeds)
    return [run for run in members if 0 <= run.variant < len(plan.variants) and run.seed in seeds]


def _read(store: ResultStore) -> list[tuple[StoredStudy, StudyPlan] | DamagedStudy]:
    found: list[tuple[StoredStudy, StudyPlan] | DamagedStudy] = []
    for stored in studies.rows(store):
        if isinstance(stored, DamagedStudy):
            found.append(stored)
            continue
        try:
            found.append((stored, StudyPlan.from_json(stored.plan)))
        except WrongInput as wrong:
            found.append(_damaged(stored, wrong))
    return found


def _damaged(stored: StoredStudy, wrong: WrongInput) -> DamagedStudy:
    return studies.damaged(stored.id, WrongInput(f"in plan, {wrong}"))


def progress(store: ResultStore, study_id: str, files: Collection[str] | None = None) -> Progress:
    """files: as for `standings`. Raises WrongInput where there is no such study."""
    plan = plan_of(studies.existing(store, study_id))
    return progress_of(plan, runs_of(plan, studies.members(store, study_id, files).get(study_id, [])))


def is_older(plan: StudyPlan, run: Member) -> bool:
    """Whether a run was asked of another version of the code that computes it."""
    return run.engine not in ("", run_version(plan.dataset, plan.model, plan.variants[run.variant].method))


def progress_of(plan: StudyPlan, runs: list[Member]) -> Progress:
    """From a study's plan and its runs as they stand."""
    wanted = [run for run in runs if not run.stands_in]
    count = Counter(run.status for run in wanted)
    active, failed = sum(count[status] for status in ACTIVE), count[RunStatus.FAILED]
    shares = sum(run.share for run in wanted if run.status in (*ACTIVE, RunStatus.DONE))
    return Progress(
        total=plan.count,
        done=count[RunStatus.DONE],
        active=active,
        failed=failed,
        stopped=sum(count[status] for status in STOPPED) - failed,
        missing=plan.count - len(wanted),
        outdated=sum(run.status == RunStatus.DONE and is_older(plan, run) for run in wanted),
        standing_in=len(runs) - len(wanted),
        lost=sum(run.lost and not is_older(plan, run) for run in wanted),
        again=sum(run.stands for run in wanted),
        share=min(1.0, shares / plan.count),
    )


def forecast_for(
    store: ResultStore, plan: StudyPlan, shelves: Catalogue, files: Collection[str] | None = None, ask: Ask = unknown,
    known: History | None = None,
) -> Forecast:  # fmt: skip
    """What this machine takes for those of the plan's runs that are not done, side by side as it can; the memory of the largest.

    files: as for `standings`. ask, known: see `core.jobs.forecast`. Raises WrongInput where one of them would outgrow the memory.
    """
    wanted = [spec for _, spec in cells(plan, shelves)]
    done = _whole_among(store, [spec.id for spec in wanted], files)
    ahead = [spec for spec in wanted if spec.id not in done]
    known = known or history(store.db)
    each = known.forecasts(ahead, ask)
    for spec, likely in zip(ahead, each, strict=True):
        check_memory(likely, spec)
    largest = max((likely.bytes for likely in each if likely.bytes is not None), default=None)
    reckoned = any(likely.basis == PASSES for likely in each)
    return Forecast(makespan(ahead, [likely.seconds for likely in each], known.there), largest, PASSES if reckoned else HISTORY)


def seconds_left(runs: Sequence[Member], places: Mapping[str, Place]) -> float | None:
    """Until the last of a study's runs has ended, what comes between them included; None where it is not known.

    places: `core.storage.durations.queue`.
    """
    active = [run for run in runs if run.status in ACTIVE and not run.stands_in]
    queued = [places[run.run_id].ends_in if run.run_id in places else None for run in active if run.status == RunStatus.QUEUED]
    ends = queued or [run.seconds_left for run in active]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def takes(likely: Forecast) -> str:
    """The sentence for how long a study will take."""
    if likely.seconds is None:
        return "How long it takes is not known: some of these have not been run on this machine yet."
    if not likely.seconds:
        return ""
    memory = "" if likely.bytes is None else f" and {size(likely.bytes)} of memory"
    basis = ", reckoned from a measured pass where nothing like it has finished here" if likely.basis == PASSES else ""
    return f"It takes about {duration(likely.seconds)}{memory} on this machine, after what is queued already{basis}."


def _whole_among(store: ResultStore, run_ids: Sequence[str], files: Collection[str] | None) -> set[str]:
    """Those of the runs that are done and have all their files."""
    return studies.done_among(store, run_ids) - studies.lost_among(store, run_ids, files)


def new_runs(store: ResultStore, plan: StudyPlan, shelves: Catalogue, files: Collection[str] | None = None) -> dict[int, int]:
    """Index of a variant -> how many of its runs are not done yet; variants that are all done are left out. files: as for `standings`."""
    wanted = [(variant, spec.id) for variant, spec in cells(plan, shelves)]
    done = _whole_among(store, [run_id for _, run_id in wanted], files)
    return dict(sorted(Counter(variant for variant, run_id in wanted if run_id not in done).items()))


def go_on_elsewhere(count: int) -> str:
    """The sentence for runs that a cancelled study leaves to another, or to who asked for them by themselves."""
    runs, were = ("1 of its runs goes", "it was") if count == 1 else (f"{count} of its runs go", "they were")
    return f"{runs} on, because {were} also asked for elsewhere."
