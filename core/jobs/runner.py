"""Ask for runs and walk away: every call returns in milliseconds and none needs torch."""

from contextlib import suppress
from dataclasses import replace
import os
from pathlib import Path
import subprocess
import sys
import threading

from filelock import FileLock, Timeout

from core.domain import RunSpec, RunStatus, WrongInput
from core.store.artifacts import Artifacts
from core.store.home import Home
from core.store.results import ResultStore
from core.store.trouble import told
from core.threads import QUIET
from core.version import ENGINE, code_version

PROJECT = Path(__file__).resolve().parents[2]  # the folder that `python -m core` is run from
PIPELINE = "core.pipeline"


def submit(home: Home, spec: RunSpec, pipeline: str = PIPELINE) -> str:
    """The id of the spec's run, which will be computed unless it is done; an equal spec is the same run."""
    with ResultStore(home.database) as store:
        store.reconcile()  # else a run whose process died would count as running
        run_id = store.add(spec)
        waits = store.has(RunStatus.QUEUED)
    if waits:
        ensure_supervisor(home, pipeline)
    return run_id


def cancel(home: Home, run_id: str) -> None:
    """A queued run is cancelled at once, a running one within two seconds; others stay as they are."""
    with ResultStore(home.database) as store:
        store.request_cancel(run_id)
        store.reconcile()  # nobody else would end it where its supervisor is dead


def retry(home: Home, run_id: str, pipeline: str = PIPELINE) -> str:
    """Queue a run that stopped anew; it goes on with what earlier attempts kept. Raises WrongInput if there is none.

    Returns the run's id: another one where the engine has changed since, because its numbers may too.
    """
    spec = _spec_of(home, run_id)
    return submit(home, replace(spec, engine=spec.engine and code_version(ENGINE)), pipeline)


def delete(home: Home, run_id: str) -> None:
    """Forget a run, its numbers, its log and the files that nothing else names. Raises WrongInput while active."""
    with ResultStore(home.database) as store:
        store.reconcile()
        files = store.delete(run_id)
        if store.has(RunStatus.RUNNING):
            files = []  # the running one may just be writing an equal file; a supervisor sweeps them later
    for file in files:
        Artifacts(home.artifacts_folder).remove(file)
    with told(home.log(run_id)):
        home.log(run_id).unlink(missing_ok=True)


def delete_damaged(home: Home, key: str) -> None:
    """Forget a damaged row, by its id or its place, with what only it names. Raises WrongInput where there is none such."""
    with ResultStore(home.database) as store:
        files = store.remove_damaged(key)
        if store.has(RunStatus.RUNNING):
            files = []  # as for `delete`
    for file in files:
        with suppress(WrongInput):  # a damaged row may name no file of ours
            Artifacts(home.artifacts_folder).remove(file)


def ensure_supervisor(home: Home, pipeline: str = PIPELINE) -> None:
    """Start the home's supervisor where none runs. Harmless at any time and from any number of processes."""
    lock = FileLock(home.supervisor_lock)
    try:
        with told(home.supervisor_lock), lock.acquire(blocking=False):
            pass  # free: nobody supervises
    except Timeout:
        return
    _start_supervisor(home, pipeline)


def _start_supervisor(home: Home, pipeline: str) -> None:
    """In a session of its own, so that neither Ctrl-C nor a closed terminal reaches it."""
    command = [sys.executable, "-m", "core.jobs.supervisor", str(home.root), "--pipeline", pipeline]
    log = home.logs_folder / "supervisor.log"
    with told(log), open(log, "ab") as stream:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True,
            env={**QUIET, **os.environ},
        )  # fmt: skip
    # A child that has ended stays a zombie until somebody waits for it; this costs one sleeping thread.
    threading.Thread(target=process.wait, name="reap-supervisor", daemon=True).start()


def _spec_of(home: Home, run_id: str) -> RunSpec:
    with ResultStore(home.database) as store:
        return store.existing(run_id).spec
