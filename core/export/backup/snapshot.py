"""The database of a home as it was at one moment, in a file of its own; what ran then has stopped in it, as after a loss of power."""

from contextlib import closing
import json
from pathlib import Path
import sqlite3

from core.domain.run import RunStatus
from core.storage import permissions
from core.storage.database import Database, to_look_at
from core.storage.disk_and_memory_errors import told
from core.storage.queues import job_queue, run_queue
from core.storage.queues.lifecycle import IMPORT, JOBS, MOVABLE, RUNS
from core.storage.runs import ResultStore

STOPPED = "It was being computed when the backup was made; Retry goes on with what was already trained."
WITHOUT_SOURCE = "A backup does not hold what an import reads; add these images again."
# Whoever finds such a row dead would end that process, which in another home, or on another machine, is somebody else's.
_NOBODYS = "supervisor_pid = null, supervisor_started = null, worker_pid = null, worker_started = null, oom_kills = null"


def take(home_database: Path, place: Path) -> int:
    """Copy the database to `place`, whoever writes meanwhile, and settle the copy; how many runs were being computed.

    Raises WrongInput.
    """
    with told(place):
        permissions.make_file(place)
        with told(home_database), closing(to_look_at(home_database)) as live, closing(sqlite3.connect(place)) as copy:
            live.backup(copy)
    return settle(place)


def settle(database: Path) -> int:
    """What runs or is imported in a copied database has stopped; runs can be retried, other jobs wait for another try. How many runs.

    Rows that name processes name none any more.
    """
    with ResultStore(database) as store:
        db = store.db
        if active := bool(db.read("select 1 from runs where status = 'running' union select 1 from jobs where status = 'running'")):
            with db.transaction() as write:
                write.execute(f"update {RUNS} set {_NOBODYS} where status = 'running'")
                write.execute(f"update {JOBS} set {_NOBODYS}, crashes = 0 where status = 'running'")
        running = db.read(f"select id, attempt from runs where status = 'running' and {MOVABLE}")
        for row in running:
            run_queue.finish(db, row["id"], row["attempt"], RunStatus.INTERRUPTED, error=STOPPED)
        _stop_imports(db)
        if active:
            job_queue.reconcile(db, ())
    return len(running)


def _stop_imports(db: Database) -> None:
    for row in db.read(f"select id, attempt, status from jobs where kind = ? and status in ('queued', 'running') and {MOVABLE}", (IMPORT,)):
        if row["status"] == RunStatus.RUNNING:
            job_queue.finish(db, row["id"], row["attempt"], RunStatus.INTERRUPTED, error=WITHOUT_SOURCE)
        else:
            job_queue.cancel(db, row["id"])


def forget_lost(store: ResultStore, lost: set[str]) -> None:
    """What is kept for later runs in files that are gone is kept no longer: it is computed anew."""
    if lost:
        with store.db.transaction() as write:
            write.execute("delete from kept where file in (select value from json_each(?))", (json.dumps(sorted(lost)),))

