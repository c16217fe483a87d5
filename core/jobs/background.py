"""Ask for an analysis or another job, follow it, cancel it: every call returns in milliseconds and none needs torch.

The result of an analysis is stored under what decides it, so it outlives its page, and is shared by runs that hold the same networks.
"""

from dataclasses import asdict, dataclass
from typing import Any

from core.analysis.stored_results import Analysis, key_of, stored
from core.domain.run import RunStatus
from core.jobs.submit import PIPELINE, ensure_supervisor, look_after
from core.storage.home import Home
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import ANALYSIS, has
from core.storage.runs import ResultStore


@dataclass(frozen=True)
class Progress:
    """How a job stands. status: "absent", "running" (or waiting), "failed", "done"; share in [0, 1]; error: a sentence where it failed."""

    status: str
    share: float = 0.0
    note: str = ""
    error: str = ""
    seconds: float = 0.0  # that computing took
    outcome: Any = None  # plain data, of a job whose result lies nowhere else


def progress(home: Home, analysis: Analysis) -> Progress:
    """How an analysis stands now. Raises WrongInput where its run is not there or not done."""
    key = key_of(home, analysis)
    found = job_progress(home, key)  # first: a result is stored before its job is done
    if result := stored(home, key):
        return Progress("done", 1.0, seconds=result.seconds)
    return Progress("absent") if found.status == "done" else found  # its result was damaged, and is forgotten


def start(home: Home, analysis: Analysis, pipeline: str = PIPELINE) -> None:
    """Compute it, unless its result is there or it is on its way, whoever else asks now. Raises WrongInput."""
    key = key_of(home, analysis)
    if not stored(home, key):
        start_job(home, key, ANALYSIS, asdict(analysis), pipeline)


def cancel(home: Home, analysis: Analysis) -> None:
    """End it within a second. Nothing where it neither waits nor runs."""
    cancel_job(home, key_of(home, analysis))


def start_job(home: Home, job_id: str, kind: str, payload: Any, pipeline: str = PIPELINE) -> None:
    """Queue a job unless it is queued or running, and see that the queue is served. payload: plain data. Raises WrongInput."""
    with ResultStore(home.database) as store:
        store.reconcile()  # else a job whose process died would count as running
        job_queue.add(store.db, job_id, kind, payload)
    ensure_supervisor(home, pipeline)


def cancel_job(home: Home, job_id: str) -> None:
    """As `cancel`, of any job."""
    with ResultStore(home.database) as store:
        job_queue.cancel(store.db, job_id)
        store.reconcile()  # nobody else would end it where its supervisor is dead


def job_progress(home: Home, job_id: str) -> Progress:
    """How a job stands now; one that was cancelled is absent."""
    with ResultStore(home.database) as store:
        if (job := job_queue.job(store.db, job_id)) and job.active:
            look_after(home, store)
            job = job_queue.job(store.db, job_id)
        if job is None or job.cancel_requested or job.status == RunStatus.CANCELLED:
            return Progress("absent")
        if job.status == RunStatus.QUEUED:
            behind = has(store.db, job.kind, RunStatus.RUNNING)
            return Progress("running", 0.0, f"waiting for another {job.kind} to end" if behind else "starting")
    if job.status == RunStatus.RUNNING:
        return Progress("running", job.share, job.note or "starting")
    if job.status == RunStatus.DONE:
        return Progress("done", 1.0, outcome=job.outcome)
    log = f" {home.log(job_id)} may tell why." if job.status == RunStatus.INTERRUPTED else ""
    return Progress("failed", job.share, job.note, job.error_line + log)
