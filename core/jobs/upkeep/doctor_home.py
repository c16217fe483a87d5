"""How a home stands: its database, its stored files, its added datasets, its queue and its disk. Nothing is changed."""

from collections.abc import Iterator
from contextlib import closing
import random
import shutil
import sqlite3

from core.data.importing import store as added_sets
from core.domain.errors import WrongInput
from core.jobs.forecast import size
from core.jobs.submit import is_supervised
from core.jobs.supervisor_start_lock import is_starting
from core.jobs.upkeep.findings import FAULT, OK, WARNING, Line, counted, some
from core.storage.artifacts import Artifacts
from core.storage.database import to_look_at
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home
from core.storage.migrations import MIGRATIONS
from core.storage.processes import ProcessId
from core.storage.queues.lifecycle import MOVABLE
from core.storage.record_types import DamagedRun
from core.storage.rows import run_of
from core.storage.runs import ResultStore
from core.storage.upkeep.disk_use import QUOTA, bytes_of, quota
from core.storage.upkeep.unneeded import activity

SAMPLE, SAMPLE_BYTES = 200, 2 * 10**9  # stored files that are read, unless all are asked for
ROWS = 2000  # of runs that are looked through, the last asked for, unless all are asked for
LITTLE, TOO_LITTLE = 5 * 10**9, 5 * 10**8  # bytes that are free on the disk


def store_lines(home: Home, whole: bool) -> Iterator[Line]:
    """whole: every page and every index of the database, and every row of a run."""
    check = "integrity_check" if whole else "quick_check"
    try:
        with told(home.database), closing(to_look_at(home.database)) as db:
            version = db.execute("pragma user_version").fetchone()[0]
            wrong = [str(row[0]) for row in db.execute(f"pragma {check}(3)") if row[0] != "ok"]
    except (WrongInput, sqlite3.Error) as error:
        yield Line(FAULT, "store", f"The database cannot be read ({error}); restore a backup into a new home.")
        return
    if wrong:
        what = "restore a backup into a new home, or export what can be read"
        yield Line(FAULT, "store", f"The database is damaged ({some(wrong)[:200]}); {what}.")
    else:
        by = "its whole integrity" if whole else "a quick check"
        yield Line(OK, "store", f"The database is of version {version} of {len(MIGRATIONS)}, and {by} finds no damage.")
    with ResultStore(home.database) as store:
        limit = "" if whole else f"limit {ROWS}"
        found = [run_of(row) for row in store.db.read(f"select rowid as row, * from runs order by turn desc {limit}")]
    if damaged := [run.id for run in found if isinstance(run, DamagedRun)]:
        rows = counted(len(damaged), "row is", "rows are")
        yield Line(WARNING, "store", f"{rows} damaged ({some(damaged)}) and can only be deleted: `core delete ID`.")


def artifact_lines(home: Home, whole: bool) -> Iterator[Line]:
    """whole: every file is read; else a sample, which another call draws anew."""
    artifacts = Artifacts(home.artifacts_folder)
    with ResultStore(home.database) as store:
        named, before = store.files(), activity(store.db).before
        owners: dict[str, set[str]] = {}
        for row in store.db.read("select run_id, file from artifacts"):
            owners.setdefault(row["file"], set()).add(str(row["run_id"]))
    there = artifacts.stats()
    missing, here = named - there.keys(), sorted(named & there.keys())
    read = here if whole else _drawn(here, there)
    damaged = [file for file in read if not _as_written(artifacts, file)]
    for files, what in ((missing, "missing"), (damaged, "damaged")):
        lost = [file for file in files if file in owners]
        if lost:
            of = sorted({run for file in lost for run in owners[file]})
            again = "run those once more (Continue of a study, or Retry), which makes what they lack"
            yield Line(FAULT, "artifacts", f"{counted(len(lost), 'stored file')} of the runs {some(of)} {_is(lost)} {what}; {again}.")
        if others := len(files) - len(lost):
            kept = f"{counted(others, 'file')} kept for later runs {'is' if others == 1 else 'are'} {what}"
            yield Line(WARNING, "artifacts", f"{kept}; nothing need be done, as what needs them makes them anew.")
    if not missing and not damaged:
        looked = f"all {len(read):,}" if len(read) == len(here) else f"a draw of {len(read):,} of {len(here):,}; --all reads all"
        yield Line(OK, "artifacts", f"No stored file is missing, and those that were read are as written ({looked}).")
    loose = [file for file in there.keys() - named if there[file][1] < before]
    if loose:
        what = f"{counted(len(loose), 'stored file')} ({size(sum(there[file][0] for file in loose))})"
        yield Line(WARNING, "artifacts", f"Nothing names {what}; `core gc --delete` removes what can go.")


def _is(files: list[str]) -> str:
    return "is" if len(files) == 1 else "are"


def _as_written(artifacts: Artifacts, file: str) -> bool:
    try:
        return all(True for _ in artifacts.blocks(file))
    except WrongInput:  # or a name that no file of ours has
        return False


def _drawn(files: list[str], there: dict[str, tuple[int, float]]) -> list[str]:
    """So many that reading them takes seconds; one at least."""
    drawn, left = list[str](), SAMPLE_BYTES
    for file in random.sample(files, min(SAMPLE, len(files))):
        left -= there[file][0]
        if drawn and left < 0:
            break
        drawn.append(file)
    return drawn


def dataset_lines(home: Home, whole: bool) -> Iterator[Line]:
    """Of added datasets. whole: every byte is read."""
    keys = added_sets.keys(home.datasets_folder)
    for key in keys:
        try:
            added_sets.arrays_of(home.datasets_folder, key, whole=whole)
        except WrongInput as wrong:
            yield Line(FAULT, "datasets", str(wrong))
            keys = [one for one in keys if one != key]
    if keys:
        yield Line(OK, "datasets", f"{counted(len(keys), 'added dataset')}: as written.")


def queue_lines(home: Home) -> Iterator[Line]:
    """What says that it is computed while nobody does, and what waits while nobody takes it."""
    with ResultStore(home.database) as store:
        running, left, waiting = 0, dict[str, bool](), 0
        for table in ("runs", "jobs"):
            waiting += int(store.db.read(f"select count(*) as n from {table} where status = 'queued'")[0]["n"])
            for row in store.db.read(f"select * from {table} where status = 'running' and {MOVABLE}"):
                supervisor, worker = (ProcessId.stored(row[f"{who}_pid"], row[f"{who}_started"]) for who in ("supervisor", "worker"))
                works = worker is not None and worker.alive()
                if supervisor and supervisor.alive() and (works or worker is None):
                    running += 1
                else:
                    left[str(row["id"])] = works
    supervised = (home.supervisor_lock.exists() and is_supervised(home)) or is_starting(home)
    if left:
        stale = [row_id for row_id, works in left.items() if works]
        also = f", and the process of {some(stale)} goes on unwatched" if stale else ""
        settle = "`core runs` settles that, and Retry goes on with what was trained"
        yield Line(WARNING, "queue", f"{some(sorted(left))}: said to be computed while nobody does{also}; {settle}.")
    if waiting and not supervised:
        what = counted(waiting, "run or job waits", "runs or jobs wait")
        yield Line(WARNING, "queue", f"{what} and nobody takes them; open the dashboard, or ask for one by `core run`.")
    elif not left:
        serves = "a supervisor serves them" if supervised else "no supervisor runs"
        yield Line(OK, "queue", f"{running:,} computed, {waiting:,} waiting; {serves}.")


def disk_lines(home: Home) -> Iterator[Line]:
    """What the home has, may have, and what is free beside it; Raises WrongInput where the quota is none."""
    used, free = bytes_of(home.root), shutil.disk_usage(home.root).free
    yield Line(OK, "disk", f"The home has {size(used)}.")
    if most := quota():
        if used >= most:
            yield Line(FAULT, "disk", f"{QUOTA} allows {size(most)}, so no run begins; see what `core gc` frees, or delete runs.")
        elif used > 0.9 * most:
            yield Line(WARNING, "disk", f"{QUOTA} allows {size(most)}, of which nine tenths are used; see what `core gc` frees.")
        else:
            yield Line(OK, "disk", f"{QUOTA} allows {size(most)}.")
    if free < LITTLE:
        status = FAULT if free < TOO_LITTLE else WARNING
        yield Line(status, "disk", f"Only {size(free)} are free on the disk of the home; free some, or see what `core gc` frees.")
    else:
        yield Line(OK, "disk", f"{size(free)} are free on its disk.")
