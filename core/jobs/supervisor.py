"""One per home: takes queued runs, as many as the machine has room for, analyses and imports, one of each at a time; starts, watches and
ends their processes.

It leaves when idle, and when it is asked to by SIGTERM or SIGINT: what runs is ended and marked then.
"""

import argparse
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
import os
from pathlib import Path
import signal
import sqlite3
import sys
import threading
import time

from filelock import FileLock, Timeout

from core.domain.errors import WrongInput
from core.domain.run import RunSpec, RunStatus
from core.jobs.cluster.asked import RAY, Unreachable
from core.jobs.cluster.away import Away, RemoteRun, away_from_here
from core.jobs.cluster.remote_search import RemoteSearch
from core.jobs.forking.fork_server import NO_SERVER, WarmServer
from core.jobs.submit import END_SECONDS, empty_trash, end_supervisor, remove_old_jobs
from core.jobs.supervisor_start_lock import note_serving, note_start, note_started
from core.jobs.worker import FINISH
from core.storage.artifacts import Artifacts
from core.storage.atomic import sweep
from core.storage.durations import History, history
from core.storage.home import Home, open_home
from core.storage.processes import ProcessId
from core.storage.queues import job_queue, run_queue
from core.storage.queues.lifecycle import IMPORT, RUN, SEARCH, TABLES, has, is_unwanted
from core.storage.queues.queue_order import Line
from core.storage.queues.run_queue import STOP_END, limit_reached, stop_at_limit
from core.storage.queues.slots import Choice, Machine, beside
from core.storage.runs import ResultStore

POLL = 0.05  # seconds between looks: at the queues, at the processes, at their cancel flags
KIND_SECONDS = 1.0  # from TERM to KILL
LOCK_SECONDS = 1.0  # who only asks whether the lock is free holds it for a moment
WAIT_AGAIN = 10.0  # seconds after a node gave a run back for want of memory
BESIDE = 0.3  # seconds between looks for a run that can begin beside others
PAUSE = 1.0  # seconds to wait when the store could not be reached
IDLE_SECONDS = 60.0
TROUBLE = (WrongInput, sqlite3.Error, OSError)  # what a call to the store may raise


class OutdatedError(Exception):
    """The engine's sources were changed after they were imported: their numbers would bear the new version's name."""


def supervise(home: Home, pipeline: str, idle_seconds: float, stop: threading.Event | None = None) -> None:
    """Hold the home's lock and serve until nothing was asked for during `idle_seconds`, or `stop` is set; return if another holds it."""
    lock, stop = FileLock(home.supervisor_lock), stop or threading.Event()
    server: WarmServer | None = None
    away: Away | None = None
    while True:
        try:
            with lock.acquire(timeout=LOCK_SECONDS):
                note_started(home)
                away = away or away_from_here(home, pipeline)
                note_serving(home, os.environ.get(RAY, "") if away else "")
                server = server or WarmServer(pipeline)
                _serve(home, server, idle_seconds, stop, away)
        except Timeout:
            note_started(home)  # another serves
            return
        except OutdatedError:  # the lock is free again; the same process starts over with the sources as they are now
            note_start(home, ProcessId.of_this_process())
            if away:
                away.close()
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        note_started(home)  # late, where who started this one was slow to write it down: nobody starts now
        if stop.is_set() or not _work_waits(home):  # asked for after the last look, by one who still saw the lock held
            return


@dataclass
class Watched:
    """A process that computes, until it has ended: by itself, because nobody wants it any more, or because its time was up."""

    kind: str
    id: str
    attempt: int
    process: "BaseProcess | RemoteRun | RemoteSearch"
    began: float = field(default_factory=time.monotonic)
    kill_at: float | None = None  # when it was asked to end, and a moment later
    stopped_at: float | None = None  # the limit, in seconds, that it came to
    waits: bool = False  # a node gave it back for want of memory

    def has_ended(self, store: ResultStore) -> bool:
        """Ask it to end where that is wanted. Raises what a call to the store may."""
        if not self.process.is_alive():
            if self.stopped_at is not None:  # unless it got done just then
                store.finish(self.id, self.attempt, RunStatus.FAILED, error=limit_reached(self.stopped_at))
            if isinstance(self.process, RemoteRun):
                self.waits = self.process.settle(store)
            elif isinstance(self.process, RemoteSearch):
                self.process.settle(store)
            return True
        self.kill_if_deaf()
        if self.kill_at is None and self._is_unwanted(store):
            self.process.terminate()
            self.kill_at = time.monotonic() + KIND_SECONDS
        return False

    def _is_unwanted(self, store: ResultStore) -> bool:
        limit = store.limit(self.id) if self.kind == RUN else None
        if limit is not None and self._seconds(store) >= limit:
            self.stopped_at = limit
            with suppress(*TROUBLE):  # a full disk, say: it is stopped all the same
                stop_at_limit(store.db, self.id, self.attempt, limit)
            return True
        return is_unwanted(store.db, TABLES[self.kind], self.id, self.attempt)

    def _seconds(self, store: ResultStore) -> float:
        return self.process.seconds(store) if isinstance(self.process, RemoteRun) else time.monotonic() - self.began

    def kill_if_deaf(self) -> None:
        """It was asked to end and still lives."""
        if self.kill_at is not None and time.monotonic() >= self.kill_at:
            self.process.kill()


@dataclass
class Computing:
    """What this supervisor watches. look_at: when, by the clock of `time.monotonic`, a run beside others is looked for again; line: the
    queue as it was last read; away: where runs are computed instead of here.
    """

    watched: list[Watched] = field(default_factory=list)
    look_at: float = 0.0
    line: Line = field(default_factory=Line)
    away: Away | None = None

    @property
    def runs(self) -> Sequence[Watched]:
        """Those of them that are runs."""
        return [one for one in self.watched if one.kind == RUN]

    @property
    def searches(self) -> Sequence[RemoteSearch]:
        """Searches whose trials are made on a cluster."""
        return [one.process for one in self.watched if isinstance(one.process, RemoteSearch)]

    def grow_searches(self, store: ResultStore) -> None:
        """Where there is room for more trials at once. Raises what a call to the store may."""
        if self.away and (searches := self.searches):
            for search in searches:
                search.grow(store, self.away.machine())

    def may_begin(self, kind: str) -> bool:
        """Whether one of a kind may be looked for now: of analyses and imports there is one at a time."""
        if kind == RUN:
            return not self.runs or time.monotonic() >= self.look_at
        return all(one.kind != kind for one in self.watched)


def _serve(home: Home, server: WarmServer, idle_seconds: float, stop: threading.Event, away: Away | None = None) -> None:
    """Compute what is queued until idle or asked to stop. Trouble with the store is told, waited out, and counts as idleness."""
    last_work, running = time.monotonic(), Computing(away=away)

    def busy() -> bool:
        return not stop.is_set() and (bool(running.watched) or time.monotonic() - last_work < idle_seconds)

    while busy():
        try:
            with ResultStore(home.database) as store:
                _tidy(home, store, running)
                while busy():
                    running.grow_searches(store)
                    if _begin(home, server, store, running) or running.watched or not server.warm.is_set():
                        last_work = time.monotonic()
                    wait([sentinel for one in running.watched if (sentinel := one.process.sentinel) is not None], POLL)
                    if stop.is_set():
                        break  # whoever signalled to all at once has ended the others too: that is no end without a word
                    if ended := _ended(store, running):
                        running.look_at = time.monotonic() + WAIT_AGAIN if any(one.waits for one in ended) else 0.0  # there is room
                        _tidy(home, store, running)
        except TROUBLE as error:
            _log(error)
            stop.wait(PAUSE)
            for one in running.watched:
                one.kill_if_deaf()
    _end(home, running.watched)


def _ended(store: ResultStore, running: Computing) -> list[Watched]:
    """Those that have ended, which are watched no longer."""
    ended = []
    for one in list(running.watched):
        if one.has_ended(store):
            ended.append(one)
            running.watched.remove(one)
            one.process.close()  # one whose fork server was killed only seems to have ended, and leaves now
    return ended


def _end(home: Home, watched: Sequence[Watched]) -> None:
    """Mark what is still computed, then end it: runs are `interrupted`, jobs go back into the queue. What got done before is done.

    In this order, so that whoever looks meanwhile does not take it for an end without a word.
    """
    for one in watched:
        try:
            with ResultStore(home.database) as store:
                if one.kind == RUN:
                    store.finish(one.id, one.attempt, RunStatus.INTERRUPTED, error=STOP_END)
                else:
                    job_queue.put_back(store.db, one.id, one.attempt)
        except TROUBLE as error:  # whoever looks next finds its process gone
            _log(error)
        with suppress(*TROUBLE):  # of a cluster that is gone
            one.process.terminate()
    patience = time.monotonic() + KIND_SECONDS
    for one in watched:
        with suppress(*TROUBLE):
            one.process.join(max(0.0, patience - time.monotonic()))
            one.process.kill()  # nothing where it has ended
            one.process.join()


def _tidy(home: Home, store: ResultStore, running: Computing) -> None:
    """What nobody computes is settled; what nobody needs any more goes."""
    store.reconcile({one.id for one in running.watched})
    empty_trash(home)
    remove_old_jobs(home, store)
    sweep(home.artifacts_folder)
    if not running.watched:  # what a run has written is named when it ends
        Artifacts(home.artifacts_folder).sweep_unnamed(store.files())


def _begin(home: Home, server: WarmServer, store: ResultStore, running: Computing) -> bool:
    """Start a process of each kind that waits and for which there is room; whether there was one. Raises OutdatedError."""
    begun = False
    for kind in TABLES:
        away = running.away if kind in {RUN, SEARCH} else None
        if not running.may_begin(kind) or not (away or server.ready(kind)) or not has(store.db, kind, RunStatus.QUEUED):
            continue
        if away and kind == SEARCH and not away.answers():
            continue
        stale = kind != IMPORT and server.outdated()  # what an import needs is imported by its own process
        if stale and not running.watched:
            raise OutdatedError
        if stale and (away or kind == RUN):
            continue  # what runs was imported before; it is not ended, and the next run waits for it
        claimed = _claim(store, kind, running)
        if claimed is None:
            running.look_at = time.monotonic() + BESIDE if kind == RUN else running.look_at
            if away and kind == RUN:
                run_queue.say_why_all_wait(store.db, away.wrong, away.machine().lacks)
            continue
        begun = True
        try:
            running.watched.append(Watched(kind, *claimed, _started(home, server, store, kind, claimed, away, stale)))
        except Unreachable:  # just now
            if kind == RUN:
                run_queue.node_lost(store.db, *claimed, counts=False)
            else:
                job_queue.put_back(store.db, *claimed)
        except WrongInput as wrong:  # there can be no cluster
            FINISH[kind](store.db, *claimed, RunStatus.FAILED, error=str(wrong))
        except NO_SERVER as reason:
            log = home.logs_folder / "supervisor.log"
            sentence = f"The process of this {kind} could not be started ({reason!r}); the end of {log} tells why."
            FINISH[kind](store.db, *claimed, RunStatus.FAILED, error=sentence)
    return begun


def _started(
    home: Home, server: WarmServer, store: ResultStore, kind: str, claimed: tuple[str, int], away: Away | None, stale: bool
) -> BaseProcess | RemoteRun | RemoteSearch:
    """Raises WrongInput or NO_SERVER."""
    if away is None:
        return server.start(home, kind, *claimed, fresh=stale)
    return away.start(store, *claimed) if kind == RUN else away.search(*claimed)


def _claim(store: ResultStore, kind: str, running: Computing) -> tuple[str, int] | None:
    if kind != RUN:
        return job_queue.claim(store.db, kind, ProcessId.of_this_process())
    claimed = store.claim(ProcessId.of_this_process(), _choice(store, running), running.line)
    return claimed and (claimed[0].id, claimed[1])


def _choice(store: ResultStore, running: Computing) -> Choice:
    """Who begins beside those that run, by what is known now."""
    trials = [taken for search in running.searches for taken in search.room_taken(first=True)]
    known = history(store.db) if running.runs or trials else History()
    machine = running.away.machine() if running.away else Machine.here()

    def needs(spec: RunSpec) -> float | None:
        run = None if machine.on_gpu(spec) else store.run(spec.id)  # a forecast counts what a GPU holds in its own memory
        reckoned = run.forecast.bytes if run and run.forecast else None  # by an attempt that began, and may have gone back to wait
        return max(known.bytes(spec) or 0.0, reckoned or 0.0) or None

    choose = beside(machine, known.there, needs)
    return (lambda queued, at_work: choose(queued, [*at_work, *trials])) if trials else choose


def _work_waits(home: Home) -> bool:
    try:
        with ResultStore(home.database) as store:
            return any(has(store.db, kind, RunStatus.QUEUED) for kind in TABLES)
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
    """`python -m core.jobs.supervisor ROOT`, from the project's folder; with --stop, exit status 1 where it still lives."""
    parser = argparse.ArgumentParser(prog="python -m core.jobs.supervisor", description=__doc__)
    parser.add_argument("root", type=Path, nargs="?", help="the home's folder; else that of FORGETSCOPE_HOME, or the usual one")
    parser.add_argument("--stop", action="store_true", help="end the one that serves: what runs is marked and its processes are ended")
    parser.add_argument("--ray", metavar="ADDRESS", help=f"runs go to this Ray cluster, auto or HOST:PORT; else as {RAY} says")
    parser.add_argument("--pipeline", default="core.pipeline", help="the module that computes a run")
    parser.add_argument(
        "--idle-seconds", type=float, default=_idle_seconds(), help="leave after that long without work"
    )
    asked, stop = parser.parse_args(), threading.Event()
    os.environ |= {RAY: asked.ray} if asked.ray else {}
    home = Home(asked.root) if asked.root else open_home()
    if asked.stop:
        sys.exit(None if end_supervisor(home) else f"The supervisor of {home.root} still lives after {END_SECONDS:.0f} seconds.")
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    supervise(home, asked.pipeline, asked.idle_seconds, stop)


if __name__ == "__main__":
    main()
