"""Runs, their numbers and the files they share, in one SQLite file that many processes may open."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import re
from typing import Self

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.run import ACTIVE, Measurement, RunSpec, RunStatus
from core.storage import trash
from core.storage.access import actors
from core.storage.database import Database
from core.storage.disk_and_memory_errors import DiskTrouble
from core.storage.processes import ProcessId
from core.storage.queues import job_queue, lifecycle, run_queue
from core.storage.queues.queue_order import Line
from core.storage.queues.run_queue import NOTHING
from core.storage.queues.slots import Choice, one_at_a_time
from core.storage.record_types import DamagedRun, Kept, Label, Outcome, Run
from core.storage.rows import is_number, measurement_of, run_of

_BEGINS, _LAST = "kind >= ? and kind < ?", "\U0010ffff"  # which an index finds, and `like` does not
_PLACE = re.compile(r"row-(\d{1,18})")  # names a row without an id: see reading.key_of


class ResultStore:
    """Open it for a moment (under a millisecond) in a `with`; every trouble of the file's comes out as WrongInput."""

    def __init__(self, path: Path) -> None:
        """`path` is `Home.database`."""
        self._db = Database(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def db(self) -> Database:
        """For this package's other files, which ask and write what is not about one run alone."""
        return self._db

    # A run's way, in its order; the steps are told in `run_queue`.

    def add(
        self, spec: RunSpec, *, limit: float | None = None, along_with: str = "", anew: bool = False, lost: bool = False,
        evaluation: Evaluation | None = None,
    ) -> str:  # fmt: skip
        """The id of the spec's run: the one queued, running or done, else queued (anew, with attempt + 1).

        limit: seconds. along_with: the run without which this one is for nothing. anew: also one that is done; lost: since a file is gone.
        """
        return run_queue.add(self._db, spec, limit=limit, along_with=along_with, anew=anew, lost=lost, evaluation=evaluation)

    def claim(
        self, supervisor: ProcessId, choose: Choice = one_at_a_time, line: Line | None = None
    ) -> tuple[RunSpec, int] | None:  # fmt: skip
        """Take the queued run whose turn it is: its spec and attempt. Atomic across processes. choose, line: see `run_queue.claim`."""
        return run_queue.claim(self._db, supervisor, choose, line)

    def started(self, run_id: str, attempt: int, worker: ProcessId, device: str = "") -> bool:
        """The worker's word that it has begun; False when the run is not its any more."""
        return lifecycle.started(self._db, lifecycle.RUNS, run_id, attempt, worker, device)

    def progress(
        self, run_id: str, attempt: int, share: float, stage: str, note: str = "", *, seconds_left: float | None = None
    ) -> bool:
        """Where the run stands; its share never goes down. False when the run is not the caller's any more."""
        return lifecycle.progress(self._db, lifecycle.RUNS, run_id, attempt, (share, stage, note, seconds_left))

    def finish(
        self, run_id: str, attempt: int, status: RunStatus, *, outcome: Outcome = NOTHING, error: str = ""
    ) -> bool:
        """Verdict, numbers and files' names in one transaction; False when the run is not the caller's any more."""
        return run_queue.finish(self._db, run_id, attempt, status, outcome=outcome, error=error)

    def request_cancel(self, run_id: str) -> bool:
        """Queued: cancelled at once. Running: flagged. Else nothing. Returns whether it goes on, since others wait for it."""
        return run_queue.request_cancel(self._db, run_id)

    def limit(self, run_id: str) -> float | None:
        """Seconds after which the supervisor must end it; None where it may take as long as it takes."""
        rows = self._db.read("select limit_seconds from runs where id = ?", (run_id,))
        return float(rows[0]["limit_seconds"]) if rows and is_number(rows[0]["limit_seconds"]) else None

    def evaluation(self, run_id: str) -> Evaluation:
        """What its evaluation leaves out, or is to leave out; the usual one where there is no such run."""
        rows = self._db.read("select evaluation from runs where id = ?", (run_id,))
        return Evaluation.parse(rows[0]["evaluation"] if rows else "")

    def evaluated(self, run_id: str) -> Evaluation:
        """What the evaluation left out whose numbers there are; of a run that is computed once more, the one before."""
        sql = "select coalesce((select evaluation from stands where run_id = id), evaluation) as evaluation from runs where id = ?"
        rows = self._db.read(sql, (run_id,))
        return Evaluation.parse(rows[0]["evaluation"] if rows else "")

    def reconcile(self, alive: Collection[str] | None = None) -> None:
        """Call before looking: `running` rows, of jobs too, whose processes are dead come to their end, a job's first time to a second try.

        alive: the rows that run for certain, where the caller is the supervisor. Who only looks, looks at what is stored where
        nothing can be written now.
        """
        if alive is None and self._db.read_only:
            return
        try:
            with actors.as_system():
                run_queue.reconcile(self._db, alive)
                job_queue.reconcile(self._db, alive)
        except DiskTrouble:
            if alive is not None:
                raise

    # Looking.

    def row(self, key: str) -> Run | DamagedRun | None:
        """The run of that id, or the damaged row of that id or place; None where there is neither."""
        if not key.isprintable():  # SQLite takes no broken Unicode
            return None
        rows = self._db.read("select rowid as row, * from runs where id = ?", (key,))
        if not rows and (place := _PLACE.fullmatch(key)):
            rows = self._db.read("select rowid as row, * from runs where rowid = ?", (int(place[1]),))
            rows = [row for row in rows if isinstance(run_of(row), DamagedRun)]
        return run_of(rows[0]) if rows else None

    def run(self, run_id: str) -> Run | None:
        """None where there is no such run. Raises WrongInput where its row is damaged."""
        found = self.row(run_id)
        if isinstance(found, DamagedRun):
            raise WrongInput(f"{found.wrong} It can only be deleted.")
        return found

    def existing(self, run_id: str) -> Run:
        """Raises WrongInput where there is no such run, or its row is damaged."""
        run = self.run(run_id)
        if run is None:
            raise lifecycle.no_such_run(run_id)
        return run

    def standing(self, run_id: str) -> Run | None:
        """A run that is done, also while it is computed once more: then as it was, with the numbers and files that it still has."""
        run, stands = self.run(run_id), self._db.read("select * from stands where run_id = ?", (run_id,))
        if run is None or run.status not in ACTIVE or not stands:
            return run if run and run.status == RunStatus.DONE else None
        now = self._db.read("select rowid as row, * from runs where id = ?", (run_id,))
        was = run_of({**dict(now[0]), **dict(stands[0]), "status": RunStatus.DONE, "share": 1.0, "seconds_left": None}) if now else None
        return was if isinstance(was, Run) else None

    def runs(self, limit: int = 500) -> list[Run]:
        """The last asked for first; damaged rows are left out, which `listing` tells of."""
        rows = self._db.read("select rowid as row, * from runs order by turn desc limit ?", (limit,))
        return [run for run in map(run_of, rows) if isinstance(run, Run)]

    def has(self, status: RunStatus) -> bool:
        """Whether any run is in that status; damaged rows that can neither begin nor end are not counted."""
        return lifecycle.has(self._db, lifecycle.RUN, status)

    def measurements(self, run_id: str) -> list[Measurement]:
        """In the order in which the run gave them; empty where it has none."""
        rows = self._db.read(
            "select metric, model, value, reason from measurements where run_id = ? order by rowid", (run_id,)
        )
        return [found for row in rows if (found := measurement_of(row))]

    def artifacts(self, run_id: str) -> dict[str, str]:
        """Name -> file in Artifacts."""
        rows = self._db.read("select name, file from artifacts where run_id = ? order by rowid", (run_id,))
        return {row["name"]: row["file"] for row in rows if type(row["name"]) is type(row["file"]) is str}

    def files(self) -> set[str]:
        """Every file of Artifacts that a run, a deleted run that can be put back, or a kept thing names."""
        return {row["file"] for row in self._db.read(trash.NAMED)}

    def revision(self) -> int:
        """Grows with every change, so that who polls can tell in 20 microseconds that nothing is new."""
        return int(self._db.read("select value from revision")[0]["value"])

    def finished_revision(self) -> int:
        """Grows when a finished run comes, goes or changes, and not with the progress of others."""
        return int(self._db.read("select value from finished_revision")[0]["value"])

    def remove_damaged(self, key: str) -> list[str]:
        """A damaged row goes for good, whatever it says of its state; returns its files that nothing names any more.

        Raises WrongInput where none has that key.
        """
        if not isinstance(self.row(key), DamagedRun):
            raise lifecycle.no_such_run(key)
        place = _PLACE.fullmatch(key)
        with self._db.transaction() as write:
            own = "rowid = ?" if place else "id = ?"
            value = int(place[1]) if place else key
            ids = [row["id"] for row in write.execute(f"select id from runs where {own}", (value,))]
            named = [r["file"] for i in ids for r in write.execute("select file from artifacts where run_id = ?", (i,))]
            for table in ("artifacts", "measurements", "study_runs", "companions", "stands"):
                write.executemany(f"delete from {table} where run_id = ?", [(i,) for i in ids])
            write.execute(f"delete from runs where {own}", (value,))
        return sorted({file for file in named if type(file) is str} - self.files())

    def write_label(self, run_id: str, label: Label) -> None:
        """What a person wrote on a run, in place of what was written there. Raises WrongInput where there is no such run."""
        values = (label.name, json.dumps(label.tags, ensure_ascii=False), label.note, run_id)
        with self._db.transaction() as write:
            if not write.execute("update runs set label = ?, tags = ?, remark = ? where id = ?", values).rowcount:
                raise lifecycle.no_such_run(run_id)

    def delete(self, run_id: str) -> None:
        """A run and its numbers go into the trash, from which they can be put back. Raises WrongInput if active."""
        trash.throw(self._db, run_id)

    # What runs share.

    def keep(self, key: str, kind: str, file: str, seconds: float) -> None:
        """Remember a file of Artifacts under a key that says all that decides its content."""
        with self._db.transaction() as write:
            write.execute(
                "insert or replace into kept (key, kind, file, seconds, created_at) values (?, ?, ?, ?, ?)",
                (key, kind, file, seconds, lifecycle.now()),
            )

    def kept(self, key: str) -> Kept | None:
        """None where nothing is kept under that key."""
        rows = self._db.read("select file, seconds, kind from kept where key = ?", (key,))
        return Kept(**dict(rows[0])) if rows else None

    def forget_older(self, kind: str, version: str) -> None:
        """What is kept under kinds that begin so and end in another `@version`: nobody asks for it any more."""
        with self._db.transaction() as write:
            write.execute(f"delete from kept where {_BEGINS} and kind not like ?", (kind, f"{kind}{_LAST}", f"%@{version}"))

    def forget_stale(self, kind: str, days: int) -> None:
        """What was kept so many days ago under kinds that begin so."""
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        with self._db.transaction() as write:
            write.execute(f"delete from kept where {_BEGINS} and created_at < ?", (kind, f"{kind}{_LAST}", before))

    def forget_kept(self, key: str) -> None:
        """For a file that turned out damaged: the next run computes it anew."""
        with self._db.transaction() as write:
            write.execute("delete from kept where key = ?", (key,))

