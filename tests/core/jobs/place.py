"""A home, and what the tests of jobs ask of it."""

from collections.abc import Callable
from dataclasses import dataclass
import sqlite3
import time

import psutil

from core.domain.requests.registry import parse_request
from core.domain.run import ACTIVE, RunSpec
from core.jobs import submit as runner
from core.jobs import supervisor, worker
from core.jobs.worker import JOBS
from core.storage.home import Home
from core.storage.processes import ProcessId
from core.storage.queues import job_queue
from core.storage.record_types import Run
from core.storage.runs import ResultStore

STUB = "tests.core.jobs.stub_pipeline"


def until(condition: Callable[[], object], seconds: float = 15.0) -> float:
    """Seconds that it took; fails when it takes too long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited too long"
        time.sleep(0.02)
    return time.monotonic() - began


def in_this_process(home: Home, *_: object) -> None:
    """In place of `ensure_supervisor`: compute all jobs that wait, here, and tidy up as the supervisor does."""
    with ResultStore(home.database) as store:
        for kind in JOBS:
            while claimed := job_queue.claim(store.db, kind, ProcessId.of_this_process()):
                worker.compute(home, kind, *claimed, STUB)
        supervisor._tidy(home, store, supervisor.Computing())


def lives(process: psutil.Process) -> bool:
    """A zombie, which only waits for its parent to take note, is dead."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it left between the two questions
        return False


@dataclass(frozen=True)
class Place:
    """A home and what the tests ask of it."""

    home: Home

    def spec(self, seed: int = 0, **params: object) -> RunSpec:
        return RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", dict(params), seed)

    def submit(self, seed: int = 0, **params: object) -> str:
        return runner.submit(self.home, self.spec(seed, **params), STUB)

    def run(self, run_id: str) -> Run:
        """As a reader looks: reconciled first."""
        with ResultStore(self.home.database) as store:
            store.reconcile()
            return store.existing(run_id)

    def computing(self, run_id: str) -> bool:
        return self.run(run_id).stage == "train"

    def over(self, run_id: str) -> bool:
        return self.run(run_id).status not in ACTIVE

    def end(self, run_id: str) -> Run:
        until(lambda: self.over(run_id))
        return self.run(run_id)

    def processes(self, run_id: str) -> dict[str, psutil.Process]:
        """The run's worker and its supervisor. Raises NoSuchProcess where the worker has not begun: psutil.Process(None) is the test."""
        db = sqlite3.connect(self.home.database)
        pids = db.execute("select worker_pid, supervisor_pid from runs where id = ?", (run_id,)).fetchone()
        db.close()
        if None in pids:
            raise psutil.NoSuchProcess(-1)
        return dict(zip(("worker", "supervisor"), map(psutil.Process, pids), strict=True))

    def supervisors(self) -> list[psutil.Process]:
        """Living ones of this home; a worker is started by the fork server, whose command names no home."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            command = process.info["cmdline"] or []
            if "core.jobs.supervisor" in command and str(self.home.root) in command:
                found.append(process)
        return [process for process in found if process.info["status"] != psutil.STATUS_ZOMBIE]
