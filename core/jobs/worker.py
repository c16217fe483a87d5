"""One run in a process of its own: computes it, reports where it stands, stores what came of it."""

from collections.abc import Callable
import faulthandler
import importlib
import multiprocessing
import os
from pathlib import Path
import threading
import time
import traceback

from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.run import RunSpec, RunStatus
from core.storage.error_messages import out_of_memory, sentence_of
from core.storage.home import Home
from core.storage.processes import ProcessId
from core.storage.records import Outcome
from core.storage.runs import ResultStore

NICENESS = 5  # the page that waits for an answer goes first
SECONDS_BETWEEN_WRITES = 0.1

Report = Callable[[float, str, str, float | None], None]  # share, stage, note, seconds left


def work(root: str, run_id: str, attempt: int, pipeline: str) -> None:
    """Compute the run that was claimed. `pipeline` names a module with `run(spec, home, report) -> Outcome`."""
    home = Home(Path(root))
    _print_into(home.log(run_id))
    _leave_with_parent()
    os.nice(NICENESS)
    with ResultStore(home.database) as store:
        if not store.started(run_id, attempt, ProcessId.of_this_process()):
            return
        spec = store.existing(run_id).spec
        try:
            _refuse_other_engine(spec)
            module = importlib.import_module(pipeline)  # late: only here is torch needed, and the fork server has it
            outcome = module.run(spec, home, _reporter(store, run_id, attempt))
            _check(outcome)
            store.finish(run_id, attempt, RunStatus.DONE, outcome=outcome)
        except Exception as error:  # the one place: a failed run is a result, and the queue goes on
            traceback.print_exc()
            store.finish(run_id, attempt, RunStatus.FAILED, error=_told(error, home))


def _reporter(store: ResultStore, run_id: str, attempt: int) -> Report:
    """Stores progress about ten times a second, and always a new stage and the end."""
    last_stage, last_time = "", -1.0

    def report(share: float, stage: str, note: str = "", seconds_left: float | None = None) -> None:
        nonlocal last_stage, last_time
        now = time.monotonic()
        if stage == last_stage and share < 1 and now - last_time < SECONDS_BETWEEN_WRITES:
            return
        last_stage, last_time = stage, now
        if not store.progress(run_id, attempt, share, stage, note, seconds_left=seconds_left):
            raise SystemExit("This run is another attempt's now.")  # nobody waits for these numbers

    return report


def _refuse_other_engine(spec: RunSpec) -> None:
    """A run bears the version of the engine that was there when it was asked for; another must not compute it."""
    now = version_of(spec)
    if spec.engine not in ("", now):
        raise WrongInput(f"This run was asked of engine {spec.engine}, and this is engine {now}; Retry asks anew.")


def _check(outcome: object) -> None:
    if not isinstance(outcome, Outcome):
        raise TypeError(f"A pipeline returns an Outcome; got {type(outcome).__name__}.")


def _told(error: Exception, home: Home) -> str:
    """The whole traceback; its last line is the one to show."""
    whole = traceback.format_exc().strip()
    line = _line(error, home)
    return whole if whole.endswith("\n" + line) else f"{whole}\n{line}"


def _line(error: Exception, home: Home) -> str:
    """One line for people: a sentence where the trouble is known, else type and message."""
    if isinstance(error, WrongInput):
        return _one_line(str(error))
    if out_of_memory(error):
        return "This run needs more memory than is free; close other programs, or choose a smaller model or batch."
    path = Path(error.filename) if isinstance(error, OSError) and error.filename else home.root
    known = sentence_of(error, path)
    return known or _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _print_into(log: Path) -> None:
    """What this process prints, libraries in C and their crashes included, goes into the run's log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    faulthandler.enable()


def _leave_with_parent() -> None:
    """A worker does not outlive its supervisor, however that ends: nobody could cancel it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return  # called directly, by a test

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="leave-with-parent", daemon=True).start()
