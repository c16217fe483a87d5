"""Ask for runs and walk away: every call returns in milliseconds and none needs torch."""

from contextlib import suppress
from dataclasses import replace
import os
from pathlib import Path
import shutil
import signal
import subprocess
import threading
import time

from filelock import FileLock, Timeout

from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.run import ACTIVE, STOPPED, RunSpec, RunStatus
from core.jobs.supervisor_start_lock import is_starting, note_start, on_its_way, serving
from core.jobs.upkeep.quota import check_quota
from core.storage import trash
from core.storage.access import actors
from core.storage.artifacts import GRACE, Artifacts
from core.storage.atomic import sweep
from core.storage.disk_and_memory_errors import told
from core.storage.home import OLD_STATES, Home
from core.storage.processes import ProcessId, python_module
from core.storage.queues import job_queue, run_queue
from core.storage.queues.lifecycle import TABLES, has
from core.storage.record_types import Run
from core.storage.runs import ResultStore

PIPELINE = "core.pipeline"
END_SECONDS = 8.0  # that a supervisor has to end: `docker stop` and most managers of services end everything after ten


def submit(
    home: Home, spec: RunSpec, pipeline: str = PIPELINE, *, limit: float | None = None, along_with: str = "",
    evaluation: Evaluation | None = None, again: bool = False,
) -> str:  # fmt: skip
    """The id of the spec's run, which will be computed unless it is done and its files are there; an equal spec is the same run.

    evaluation: what is left out; a run that is done without what this one asks for is computed again, with its trained networks.
    None: as a run that waits or is done has it, else the usual one.
    again: a run that is done is computed again in any case, with its trained networks: by metrics that were edited since, say.
    limit: seconds after which it is stopped. along_with: the run that this one is for: without it, it is not computed either.
    Raises WrongInput where it would outgrow the home's quota.
    """
    with ResultStore(home.database) as store:
        store.reconcile()  # else a run whose process died would count as running
        lost = not whole(home, store, spec.id)
        anew = again or (evaluation is not None and not store.evaluation(spec.id).covers(evaluation))
        there = store.row(spec.id)
        if anew or lost or not isinstance(there, Run) or there.status in STOPPED:
            check_quota(home, store, spec)
        run_id = store.add(spec, limit=limit, along_with=along_with, anew=anew, lost=lost, evaluation=evaluation)
        waits = store.has(RunStatus.QUEUED)
    if waits:
        ensure_supervisor(home, pipeline)
    return run_id


def whole(home: Home, store: ResultStore, run_id: str) -> bool:
    """Whether every file that the run left is there and holds what was written."""
    artifacts = Artifacts(home.artifacts_folder)
    return all(artifacts.sound(file) for file in store.artifacts(run_id).values())


def cancel(home: Home, run_id: str) -> bool:
    """A queued run is cancelled at once, a running one within two seconds; others stay as they are.

    So is what was asked for along with it, unless somebody else waits for that. Returns whether the run itself goes on, since
    somebody else who is logged in waits for it too.
    """
    with ResultStore(home.database) as store:
        goes_on = store.request_cancel(run_id)
        store.reconcile()  # nobody else would end it where its supervisor is dead
    return goes_on


def cancel_companions(home: Home, run_id: str) -> None:
    """What was asked for along with a run, unless somebody else waits for it; the run itself stays as it is."""
    with ResultStore(home.database) as store:
        run_queue.cancel_companions(store.db, run_id)


def retry(home: Home, run_id: str, pipeline: str = PIPELINE) -> str:
    """Queue a run that stopped anew, with its time limit and evaluation, and behind it what was asked for along with it and stopped too.

    It goes on with what earlier attempts kept. Returns the run's id: another one where the engine has changed since, because
    its numbers may too. Raises WrongInput if there is no such run.
    """
    with ResultStore(home.database) as store:
        run = store.existing(run_id)
        how = store.evaluation(run_id)
        others = [(store.row(other), store.evaluation(other)) for other in run_queue.companions(store.db, run_id)]
    again = submit(home, _of_today(run.spec), pipeline, limit=run.limit_seconds, evaluation=how)
    for other, its in others:
        if isinstance(other, Run) and other.status in STOPPED:
            submit(home, _of_today(other.spec), pipeline, along_with=again, evaluation=its)
    return again


def _of_today(spec: RunSpec) -> RunSpec:
    return replace(spec, engine=spec.engine and version_of(spec))


def delete(home: Home, run_id: str, *, for_good: bool = False) -> None:
    """A run with its numbers goes into the trash; for a day `put_back` undoes it. Raises WrongInput while active.

    for_good: it goes at once, with its log and the files that nothing else names.
    """
    with ResultStore(home.database) as store:
        store.reconcile()
        store.delete(run_id)
    empty_trash(home, run_id if for_good else None)


def put_back(home: Home, any_id: str) -> None:
    """Undo the deletion of a run or a study. Raises WrongInput where it cannot be undone."""
    with ResultStore(home.database) as store:
        trash.put_back(store.db, any_id)


def empty_trash(home: Home, any_id: str | None = None) -> None:
    """What was deleted more than a day ago, or `any_id`, goes for good, with its log and the files that nothing else names."""
    with ResultStore(home.database) as store:
        gone, files = trash.empty(store.db, any_id)
        if store.has(RunStatus.RUNNING):
            files = []  # the running one may just be writing an equal file; a supervisor sweeps them later
        logs = [path for run_id in gone if store.row(run_id) is None for path in (home.log(run_id), home.curves(run_id))]
    _remove_files(home, files)
    for log in logs:
        with told(log):
            log.unlink(missing_ok=True)


def delete_damaged(home: Home, key: str) -> None:
    """Forget a damaged row, by its id or its place, with what only it names. Raises WrongInput where there is none such."""
    with ResultStore(home.database) as store:
        files = store.remove_damaged(key)
        if store.has(RunStatus.RUNNING):
            files = []  # as for `delete`
    _remove_files(home, files)


def _remove_files(home: Home, files: list[str]) -> None:
    """Those that no row names any more, whoever deleted the last one that did."""
    for file in files:
        with suppress(WrongInput), actors.as_system():  # a damaged row may name no file of ours
            Artifacts(home.artifacts_folder).remove(file)


def ensure_supervisor(home: Home, pipeline: str = PIPELINE) -> None:
    """Start the home's supervisor where none runs or starts. Harmless at any time and from any number of processes.

    One that starts takes seconds to import before it holds the lock; who asks meanwhile sees its note and leaves it to it.
    """
    if is_starting(home):
        return
    with told(home.starting_lock), FileLock(home.starting_lock):
        if is_starting(home) or is_supervised(home):
            return
        process = ProcessId.of(_start_supervisor(home, pipeline))
        if process:  # else it has ended already, and supervisor.log tells why
            note_start(home, process)


def end_supervisor(home: Home, seconds: float = END_SECONDS) -> bool:
    """Ask the home's supervisor to end, and wait; whether none lives then. Runs are `interrupted`, and jobs wait in the queue."""
    process, end = serving(home) or on_its_way(home), time.monotonic() + seconds
    if process is None:
        return True
    with suppress(ProcessLookupError):  # it left just now
        os.kill(process.pid, signal.SIGTERM)
    while process.alive():
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)
    return True


def look_after(home: Home, store: ResultStore) -> None:
    """What a page that shows an active run or job calls before it looks: the dead are settled, and queues that nobody serves are served.

    Cheap: a few short questions while somebody computes. Where no supervisor can be started the page still shows what is stored.
    """
    store.reconcile()
    waits = any(has(store.db, kind, RunStatus.QUEUED) and not has(store.db, kind, RunStatus.RUNNING) for kind in TABLES)
    if waits and not home.unwritable:
        with suppress(WrongInput):  # a disk that takes no file: whoever asks for a run is told
            ensure_supervisor(home)


def remove_old_jobs(home: Home, store: ResultStore) -> None:
    """Logs of analyses and imports that have been over for a day; uploads that no import needs any more."""
    for job_id in job_queue.sweep(store.db):
        home.log(job_id).unlink(missing_ok=True)
    sweep(home.datasets_folder)  # what an import that was ended has begun
    shutil.rmtree(home.root / OLD_STATES, ignore_errors=True)
    for upload in old_uploads(home, store):
        shutil.rmtree(upload, ignore_errors=True)


def old_uploads(home: Home, store: ResultStore) -> list[Path]:
    """Folders of uploads that no import needs any more."""
    found = []
    for upload in home.uploads_folder.glob("*"):
        job = job_queue.job(store.db, upload.name)
        if not (job.status in ACTIVE if job else time.time() - upload.stat().st_mtime < GRACE):
            found.append(upload)
    return found


def is_supervised(home: Home) -> bool:
    """Whether a process holds the lock of the home's supervisor."""
    try:
        with told(home.supervisor_lock), FileLock(home.supervisor_lock).acquire(blocking=False):
            return False
    except Timeout:
        return True


def _start_supervisor(home: Home, pipeline: str) -> int:
    """Its process id. In a session of its own, so that neither Ctrl-C nor a closed terminal reaches it."""
    log = home.logs_folder / "supervisor.log"
    with told(log), open(log, "ab") as stream:
        process = subprocess.Popen(
            **python_module("core.jobs.supervisor", home.root, "--pipeline", pipeline),
            stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True,
        )  # fmt: skip
    # A child that has ended stays a zombie until somebody waits for it; this costs one sleeping thread.
    threading.Thread(target=process.wait, name="reap-supervisor", daemon=True).start()
    return process.pid
