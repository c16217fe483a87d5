"""One per home: takes queued runs one by one, starts, watches and ends their processes, and leaves when idle."""

import argparse
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
import os
from pathlib import Path
import sqlite3
import sys
import time

from filelock import FileLock, Timeout

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.jobs.fork_server import NO_SERVER, WarmServer
from core.jobs.start_supervisor import note_start, note_started
from core.jobs.submit import empty_trash
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.processes import ProcessId
from core.storage.run_queue import limit_reached, stop_at_limit
from core.storage.runs import ResultStore

POLL = 0.05  # seconds between looks: at the queue, at the run's process, at its cancel flag
KIND_SECONDS = 1.0  # from TERM to KILL
LOCK_SECONDS = 1.0  # who only asks whether the lock is free holds it for a moment
PAUSE = 1.0  # seconds to wait when the store could not be reached
IDLE_SECONDS = 60.0
TROUBLE = (WrongInput, sqlite3.Error, OSError)  # what a call to the store may raise


class OutdatedError(Exception):
    """The engine's sources were changed after they were imported: their numbers would bear the new version's name."""


def supervise(home: Home, pipeline: str, idle_seconds: float) -> None:
    """Hold the home's lock and serve until nothing was asked for during `idle_seconds`; return if another holds it."""
    lock = FileLock(home.supervisor_lock)
    server: WarmServer | None = None
    while True:
        try:
            with lock.acquire(timeout=LOCK_SECONDS):
                note_started(home)
                server = server or WarmServer(pipeline)
                _serve(home, server, idle_seconds)
        except Timeout:
            note_started(home)  # another serves
            return
        except OutdatedError:  # the lock is free again; the same process starts over with the sources as they are now
            note_start(home, ProcessId.of_this_process())
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        note_started(home)  # late, where who started this one was slow to write it down: nobody starts now
        if not _work_waits(home):  # asked for after the last look, by one who still saw the lock held
            return


def _serve(home: Home, server: WarmServer, idle_seconds: float) -> None:
    """Run what is queued, until idle. Trouble with the store is told, waited out, and counts as idleness."""
    last_work = time.monotonic()
    while time.monotonic() - last_work < idle_seconds:
        try:
            with ResultStore(home.database) as store:
                _tidy(home, store)
                while time.monotonic() - last_work < idle_seconds:
                    if not server.warm.wait(POLL) or _run_next(home, server, store):
                        last_work = time.monotonic()
                    else:
                        time.sleep(POLL)
        except TROUBLE as error:
            _log(error)
            time.sleep(PAUSE)


def _tidy(home: Home, store: ResultStore) -> None:
    """Call when nothing runs: a run without a verdict, a half-written file, is nobody's then."""
    store.reconcile(none_runs=True)
    empty_trash(home)
    artifacts = Artifacts(home.artifacts_folder)
    artifacts.sweep_temporary()
    artifacts.sweep_unnamed(store.files())


def _run_next(home: Home, server: WarmServer, store: ResultStore) -> bool:
    """Whether there was a run to take; returns when its process has ended. Raises OutdatedError."""
    if not store.has(RunStatus.QUEUED):
        return False
    if server.outdated():
        raise OutdatedError
    claimed = store.claim(ProcessId.of_this_process())
    if claimed is None:
        return False
    spec, attempt = claimed
    try:
        process = server.start(home, spec, attempt)
    except NO_SERVER as reason:
        log = home.logs_folder / "supervisor.log"
        sentence = f"This run's process could not be started ({reason!r}); the end of {log} tells why."
        store.finish(spec.id, attempt, RunStatus.FAILED, error=sentence)
        return True
    _watch(store, spec.id, attempt, process)
    process.close()  # it leaves now if it still lives: where the fork server was killed it only seems to have ended
    _tidy(home, store)
    return True


def _watch(store: ResultStore, run_id: str, attempt: int, process: BaseProcess) -> None:
    """Until the process has ended, by itself, because a cancel was asked for, or because its time was up."""
    kill_at, began, stopped_at = None, time.monotonic(), None
    while process.is_alive():
        process.join(POLL)
        try:
            if kill_at is None:
                limit = store.limit(run_id)
                over = limit is not None and time.monotonic() - began >= limit
                if over or store.cancel_requested(run_id):
                    stopped_at = limit if over else None
                    if stopped_at is not None:
                        with suppress(*TROUBLE):  # a full disk, say: it is stopped all the same
                            stop_at_limit(store.db, run_id, attempt, stopped_at)
                    process.terminate()
                    kill_at = time.monotonic() + KIND_SECONDS
        except TROUBLE as error:
            _log(error)
            process.join(PAUSE)
        if kill_at is not None and time.monotonic() >= kill_at:
            process.kill()
    if stopped_at is not None:
        store.finish(run_id, attempt, RunStatus.FAILED, error=limit_reached(stopped_at))  # unless it got done just then


def _work_waits(home: Home) -> bool:
    try:
        with ResultStore(home.database) as store:
            return store.has(RunStatus.QUEUED)
    except TROUBLE as error:
        _log(error)
        return False


def _log(trouble: Exception) -> None:
    """One line in logs/supervisor.log."""
    line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {type(trouble).__name__}: {trouble}"
    print(" ".join(line.split()), file=sys.stderr, flush=True)


def _idle_seconds() -> float:
    """FORGETSCOPE_IDLE_SECONDS, or the default where it is no number: a queue must not wait for ever because of it."""
    try:
        return float(os.environ.get("FORGETSCOPE_IDLE_SECONDS", IDLE_SECONDS))
    except ValueError:
        return IDLE_SECONDS


def main() -> None:
    """`python -m core.jobs.supervisor ROOT`, from the project's folder."""
    parser = argparse.ArgumentParser(prog="python -m core.jobs.supervisor", description=__doc__)
    parser.add_argument("root", type=Path, help="the home's folder")
    parser.add_argument("--pipeline", default="core.pipeline", help="the module that computes a run")
    parser.add_argument(
        "--idle-seconds", type=float, default=_idle_seconds(), help="leave after that long without work"
    )
    asked = parser.parse_args()
    supervise(Home(asked.root), asked.pipeline, asked.idle_seconds)


if __name__ == "__main__":
    main()
