"""One run, analysis, import, search or sequence in a process of its own: computes it, reports where it stands, stores what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
import faulthandler
import importlib
import json
import multiprocessing
import os
from pathlib import Path
import resource
import sys
import threading
import time
import traceback
from typing import Any

from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.methods.judged import METHOD
from core.domain.run import RunSpec, RunStatus
from core.jobs.catalogue import usable_extensions
from core.jobs.forecast import asking, check_memory, forecast, unknown
from core.jobs.upkeep.quota import check_quota
from core.storage.disk_and_memory_errors import out_of_memory, sentence_of
from core.storage.durations import Ask
from core.storage.home import Home
from core.storage.processes import ProcessId, cores, free_memory, memory_of, whole_memory
from core.storage.queues import job_queue, lifecycle, run_queue
from core.storage.queues.lifecycle import ANALYSIS, IMPORT, RUN, SEARCH, SEQUENCE, TABLES, TRIALS
from core.storage.queues.slots import gpu_in
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore

REAL = "core.pipeline"  # needs torch; the tests have others
JUDGED = "core.jobs.judged_run"  # in its place where the unlearned network was brought
NICENESS = 5  # the page that waits for an answer goes first
SECONDS_BETWEEN_WRITES = 0.1
TO_SAVE_MEMORY = {
    RUN: "choose a smaller model or batch", ANALYSIS: "look at fewer images", IMPORT: "choose a smaller size",
    SEARCH: "choose a smaller model, or smaller batches in its ranges", SEQUENCE: "choose a smaller model",
}  # fmt: skip

Report = Callable[..., None]  # share, stage, note = "", seconds left = None


FINISH: dict[str, Callable[..., bool]] = {
    RUN: run_queue.finish, ANALYSIS: job_queue.finish, IMPORT: job_queue.finish, SEARCH: job_queue.finish,
    SEQUENCE: job_queue.finish,
}  # fmt: skip


def work(root: str, kind: str, row_id: str, attempt: int, pipeline: str, node: Mapping[str, Any] | None = None) -> None:
    """Compute what was claimed. `pipeline` names a module with `run(spec, home, report) -> Outcome`.

    node: on one of a cluster, what `core.jobs.cluster.node` tells the process; the home is the node's own then.
    """
    home = Home(Path(root))
    _print_into(home.log(row_id))
    if node is not None:
        from core.jobs.cluster.at_node import settle_in  # noqa: PLC0415  # late: the usual run's process needs nothing of it

        settle_in(home, node, with_torch=pipeline == REAL or kind == TRIALS)
    _leave_with_parent()
    os.nice(NICENESS)
    if node is not None and kind == TRIALS:
        _trials(home, node)
    else:
        compute(home, kind, row_id, attempt, pipeline)


def compute(home: Home, kind: str, row_id: str, attempt: int, pipeline: str) -> None:
    """`work`, in this process."""
    finish, claimed = FINISH[kind], (row_id, attempt)
    with ResultStore(home.database) as store:
        if not lifecycle.started(store.db, TABLES[kind], *claimed, ProcessId.of_this_process()):
            return
        try:
            report = _reporter(lambda *at: lifecycle.progress(store.db, TABLES[kind], *claimed, at))
            outcome = (
                _run(home, store, *claimed, report, pipeline) if kind == RUN else JOBS[kind](home, _payload(store, row_id), report)
            )
            finish(store.db, *claimed, RunStatus.DONE, outcome=outcome)
        except Exception as error:  # the one place: a failed run is a result, and the queue goes on
            traceback.print_exc()
            finish(store.db, *claimed, RunStatus.FAILED, error=_told(error, home, kind))


def _run(home: Home, store: ResultStore, run_id: str, attempt: int, report: Report, pipeline: str) -> Outcome:
    spec = store.existing(run_id).spec
    _refuse_other_engine(spec)
    if (gpu := gpu_in(run_queue.slot_of(store.db, run_id))) and ":" not in spec.device:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before anything looks at the GPUs: CUDA reads it once
    if pipeline == REAL:
        _load_extensions(home, spec)
    _foresee(home, store, run_id, attempt, pipeline)
    if pipeline == REAL and spec.method == METHOD:
        pipeline = JUDGED
    module = importlib.import_module(pipeline)  # late: only here is torch needed, and the fork server has it
    outcome = module.run(spec, home, report)
    if not isinstance(outcome, Outcome):
        raise TypeError(f"A pipeline returns an Outcome; got {type(outcome).__name__}.")
    torch = sys.modules.get("torch")
    return replace(outcome, threads=torch.get_num_threads() if torch else None, peak_bytes=_peak_bytes())


def _load_extensions(home: Home, spec: RunSpec | None = None) -> None:
    """spec: of a run, for which those that it does not use are not imported."""
    names = usable_extensions(home.root, spec)
    if names is None or names:
        from core.extensions.load import load_extensions  # noqa: PLC0415  # late: it needs torch

        load_extensions(names)


def _foresee(home: Home, store: ResultStore, run_id: str, attempt: int, pipeline: str) -> None:
    """Write down what the run is likely to take.

    Where not so much memory is free it goes back into the queue, and this process ends (SystemExit). Raises WrongInput where
    waiting would not help: there is not so much memory, nothing else runs, or the home would outgrow its quota.
    """
    spec = store.existing(run_id).spec
    ask: Ask = unknown
    if pipeline == REAL:
        from core.jobs.planned_work import planned_work  # noqa: PLC0415  # late: it needs torch

        ask = asking(lambda _, **about: planned_work(home, **about))
    likely = forecast(store, spec, ask, how=store.evaluation(run_id))
    lifecycle.change_one(store.db, TABLES[RUN], run_id, attempt, forecast=likely.to_json())
    check_quota(home, store, spec, likely.stored)
    try:
        check_memory(likely, spec, free_memory() + memory_of(os.getpid()), "free are now")
    except WrongInput:
        if (likely.bytes or 0.0) > whole_memory() or not run_queue.wait_for_others(store.db, run_id, attempt):
            raise
        raise SystemExit("It waits until another run has ended, for memory.") from None


def _peak_bytes() -> int:
    """The most memory that this process had at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _analysis(home: Home, payload: dict[str, Any], report: Report) -> None:
    """What comes of it is stored under what decides it."""
    from core.analysis.registry import LOOKS  # noqa: PLC0415  # late: a run's process needs neither this nor the next
    from core.analysis.stored_results import Analysis, keep, key_of  # noqa: PLC0415

    _use_all_cores()
    _load_extensions(home)
    analysis = Analysis(**payload)
    report(0.0, "reading the networks")
    key, began = key_of(home, analysis), time.perf_counter()
    made = LOOKS[analysis.kind](home, analysis.run_id, report, **analysis.settings)
    keep(home, key, analysis, made, time.perf_counter() - began)


def _import(home: Home, payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """The dataset's key, and what the user should know of how it was read."""
    from core.data.importing.importer import ImportOptions  # noqa: PLC0415  # late, as above
    from core.jobs.import_dataset import import_images  # noqa: PLC0415

    added = import_images(home, payload["path"], ImportOptions(**payload["asked"]), report)
    return {"key": added.info.key, "notes": list(added.notes)}


def _search(home: Home, payload: dict[str, Any], report: Report) -> dict[str, int]:
    """How many trials there are; they are stored one by one."""
    from core.tuning import journal  # noqa: PLC0415  # late, as above

    spec = journal.read(home, payload["search"]).plan.spec
    _refuse_other_engine(spec)
    _load_extensions(home, spec)
    from core.tuning.search import search  # noqa: PLC0415  # late: it needs torch and Optuna

    return search(home, payload["search"], report)


def _trials(home: Home, node: Mapping[str, Any]) -> None:
    """Those of a search that the head gives this process, until there are none."""
    from core.jobs.cluster.at_node import given_by_head  # noqa: PLC0415  # late, as above
    from core.tuning.plan import SearchPlan  # noqa: PLC0415

    ask, tell, say, trouble = given_by_head(node["name"])
    try:
        plan = SearchPlan.from_plain(json.loads(node["plan"]))
        _refuse_other_engine(plan.spec)
        _load_extensions(home, plan.spec)
        from core.tuning.search import work_through  # noqa: PLC0415  # late: it needs torch and Optuna

        work_through(home, plan, ask, tell, _reporter(say))
    except Exception as error:  # as in `compute`: it is told, and the search ends with it
        traceback.print_exc()
        trouble(_told(error, home, SEARCH))


def _sequence(home: Home, payload: dict[str, Any], report: Report) -> dict[str, int]:
    """How many steps there are; they are stored one by one."""
    from core.sequences import journal  # noqa: PLC0415  # late, as above

    plan = journal.read(home, payload["sequence"]).plan
    _refuse_other_engine(plan.spec)
    _load_extensions(home, plan.spec)
    from core.sequences.walk import walk  # noqa: PLC0415  # late: it needs torch

    return walk(home, plan.id, report)


# kind -> compute(home, payload, report) -> the outcome as plain data
JOBS: dict[str, Callable[[Home, dict[str, Any], Report], Any]] = {
    ANALYSIS: _analysis, IMPORT: _import, SEARCH: _search, SEQUENCE: _sequence,
}  # fmt: skip


def _payload(store: ResultStore, job_id: str) -> dict[str, Any]:
    job = job_queue.job(store.db, job_id)
    if job is None:
        raise WrongInput("The database's row of this job is damaged; ask for it again.")
    payload: dict[str, Any] = job.payload
    return payload


def _use_all_cores() -> None:
    """The fork server computes with one thread (see `single_thread`); where torch is not imported yet, it will by itself."""
    if (torch := sys.modules.get("torch")) and not os.environ.get("OMP_NUM_THREADS"):  # whoever set it knows better
        torch.set_num_threads(cores())


def _reporter(store: Callable[[float, str, str, float | None], bool]) -> Report:
    """Stores progress about ten times a second, and always a new stage and the end."""
    last_stage, last_time = "", -1.0

    def report(share: float, stage: str, note: str = "", seconds_left: float | None = None) -> None:
        nonlocal last_stage, last_time
        now = time.monotonic()
        if stage == last_stage and share < 1 and now - last_time < SECONDS_BETWEEN_WRITES:
            return
        last_stage, last_time = stage, now
        if not store(share, stage, note, seconds_left):
            raise SystemExit("This is another attempt's now.")  # nobody waits for these numbers

    return report


def _refuse_other_engine(spec: RunSpec) -> None:
    """A run bears the version of the engine that was there when it was asked for; another must not compute it."""
    now = version_of(spec)
    if spec.engine not in ("", now):
        raise WrongInput(f"This run was asked of engine {spec.engine}, and this is engine {now}; Retry asks anew.")


def _told(error: Exception, home: Home, kind: str) -> str:
    """The whole traceback; its last line is the one to show."""
    whole = traceback.format_exc().strip()
    line = _line(error, home, kind)
    return whole if whole.endswith("\n" + line) else f"{whole}\n{line}"


def _line(error: Exception, home: Home, kind: str) -> str:
    """One line for people: a sentence where the trouble is known, else type and message."""
    if isinstance(error, WrongInput):
        return _one_line(str(error))
    if out_of_memory(error):
        return f"This {kind} needs more memory than is free; close other programs, or {TO_SAVE_MEMORY[kind]}."
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
