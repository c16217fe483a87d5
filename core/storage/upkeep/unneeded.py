"""What of a home's stored files nobody needs any more, found and removed beside runs that are being computed.

A run names in the end what it wrote, and files of `SHARED` that it found when it began. So while anything is computed, no file goes that
was written since it began, and nothing of `SHARED`.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import json
import time

from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.run import STOPPED, digest
from core.storage import trash
from core.storage.access import actors
from core.storage.artifacts import GRACE, Artifacts
from core.storage.database import Database
from core.storage.home import Home
from core.storage.rows import time_of
from core.storage.runs import ResultStore
from core.storage.shared.shared_work import spec_of

FILES, DELETED = "files that nothing names", "files of runs deleted more than a day ago"
GIVEN_UP, OLDER, UNUSED = "trainings that were given up", "results of older code", "networks and statistics that no run has"
DAYS = 7  # after which nobody goes on with a training; as `core.training.checkpoints` has it, which needs torch
PASSING = "passing stage/"
STEPPING = ("checkpoint/", PASSING)  # kinds of what is kept while a network is trained
SHARED = ("original", "reference", "statistic", "own weights")
# Kinds that end in `@` and the version of the code that made them -> how many words stand before the dataset; None: of older versions.
OF_CODE = {"curve": 1, "checkpoint": 1, "stage": 1, "passing stage": 1, "answers": 1, "look": 1, "result": 2, "found": None}
Versions = Callable[[str, str], Collection[str] | None]  # dataset, model -> all versions of today's code; None where that cannot be said


@dataclass(frozen=True)
class Kept:
    """A row of `kept`; created: as it is written there."""

    key: str
    kind: str
    file: str
    created: str

    @property
    def when(self) -> datetime:
        """Now where the row does not say."""
        with suppress(WrongInput):
            return time_of("created_at", self.created)
        return datetime.now(UTC)


@dataclass(frozen=True)
class Unneeded:
    """What would go for one reason: rows of `kept`, and the files that then nothing else names. bytes: of these."""

    why: str
    rows: tuple[Kept, ...]
    files: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Activity:
    """What is computed or waits. since: when the earliest of what is computed began, in seconds of the clock; None where nothing is."""

    since: float | None
    waiting: bool

    @property
    def idle(self) -> bool:
        """Whether nothing is computed and nothing waits."""
        return self.since is None and not self.waiting

    @property
    def before(self) -> float:
        """Files that were written since may get their row yet."""
        recent = time.time() - GRACE
        return recent if self.since is None else min(recent, self.since)


def activity(db: Database) -> Activity:
    """Call `reconcile` before: what is dead counts as computed until then."""
    running, waiting = list[float](), False
    for table in ("runs", "jobs"):
        for row in db.read(f"select status, started_at from {table} where status in ('queued', 'running')"):
            if row["status"] == "queued":
                waiting = True
                continue
            began = 0.0  # where a row does not say, nothing was written before
            with suppress(WrongInput):
                began = time_of("started_at", row["started_at"]).timestamp()
            running.append(began)
    return Activity(min(running, default=None), waiting)


def unneeded(home: Home, store: ResultStore, versions: Versions, older_than: int | None = None) -> tuple[list[Unneeded], list[str]]:
    """What can go, and a sentence for each thing that stays though it seems idle. older_than: days, for `UNUSED`, which else stays."""
    now, kept, artifacts = activity(store.db), _kept(store), Artifacts(home.artifacts_folder)
    given_up = [row for row in kept if _given_up(row, now)]
    if given_up:
        making = {digest(["checkpoint", key]) for key in artifacts.being_made()}
        given_up = [row for row in given_up if row.key not in making]
    older = [row for row in kept if _is_older(row, versions) and row not in given_up] if _is_of_today(store) else []
    unused, notes = _unused(home, store, kept, older_than, now)
    there, reasons = artifacts.stats(), {GIVEN_UP: given_up, OLDER: older, UNUSED: unused}
    going = {row.key for rows in reasons.values() for row in rows}
    named, due = _of_runs(store) | {row.file for row in kept if row.key not in going}, trash.files(store.db)[1]

    def found(why: str, rows: Sequence[Kept], files: Collection[str]) -> Unneeded:
        gone = sorted({file for file in files if file in there and file not in named})
        return Unneeded(why, tuple(rows), tuple(gone), sum(there[file][0] for file in gone))

    loose = there.keys() - store.files()
    new = {file for file in loose if there[file][1] >= now.before}
    if new:
        notes.append(f"{len(new):,} new files that nothing names yet stay: what is being computed may name them when it ends.")
    plans = [found(why, rows, {row.file for row in rows}) for why, rows in reasons.items()]
    plans += [found(DELETED, (), due), found(FILES, (), loose - new)]
    return [one for one in plans if one.rows or one.files], notes


def remove(home: Home, store: ResultStore, plans: Sequence[Unneeded]) -> int:
    """What was found goes, unless it was written, named or needed since; the bytes that this freed. Raises Forbidden for all but admins."""
    actors.require_admin("clean the home")
    with store.db.transaction() as write:  # nothing begins within it
        now = activity(store.db)
        gone = [one for one in plans if one.why != UNUSED or now.idle]
        rows = [(row.key, row.file, row.created) for one in gone for row in one.rows]
        write.executemany("delete from kept where key = ? and file = ? and created_at = ?", rows)
        named = {row["file"] for row in write.execute(trash.NAMED)}
    artifacts = Artifacts(home.artifacts_folder)
    return sum(artifacts.remove_older(file, now.before) for one in gone for file in one.files if file not in named)


def _kept(store: ResultStore) -> list[Kept]:
    """Damaged rows are left out, and stay."""
    rows = store.db.read("select key, kind, file, created_at from kept")
    return [Kept(*row) for row in rows if all(type(value) is str for value in row)]


def _of_runs(store: ResultStore) -> set[str]:
    """Files that a run names, or a deleted one that can be put back."""
    return {row["file"] for row in store.db.read("select file from artifacts")} | trash.files(store.db)[0]


def _given_up(row: Kept, now: Activity) -> bool:
    if not row.kind.startswith(STEPPING) or row.when > datetime.now(UTC) - timedelta(days=DAYS):
        return False
    return now.since is None or not row.kind.startswith(PASSING)  # whose network is being trained is not known


def _is_older(row: Kept, versions: Versions) -> bool:
    """Whether no code of today asks for it: it does not know for what it cannot ask any more."""
    about, at, version = row.kind.rpartition("@")
    words = about.split("/")
    if not at or words[0] not in OF_CODE:
        return False
    before, after = OF_CODE[words[0]], words[0] == "look"
    if before is None or len(words) < before + 2 + after:
        return True  # as versions before stored it
    today = versions(words[before], "/".join(words[before + 1 : len(words) - after]))
    return today is not None and version not in today


def _is_of_today(store: ResultStore) -> bool:
    """Whether all that is computed now is computed by the code as it is now: other code may still need what it stored."""
    specs = [spec_of(row["spec"]) for row in store.db.read("select spec from runs where status = 'running'")]
    return all(spec is not None and spec.engine in ("", version_of(spec)) for spec in specs)


def _unused(home: Home, store: ResultStore, kept: Sequence[Kept], days: int | None, now: Activity) -> tuple[list[Kept], list[str]]:
    """Networks and statistics of so many days that nobody can want: no run has them, nothing waits, and nothing stopped may go on."""
    if days is None:
        return [], []
    named, latest = _of_runs(store), datetime.now(UTC) - timedelta(days=days)
    rows = [row for row in kept if row.kind in SHARED and row.file not in named and row.when < latest and not _is_asked_for(store, row)]
    if not rows:
        return [], []
    stay = f"{len(rows):,} networks and statistics that no run has stay"
    if not now.idle:
        return [], [f"{stay}: runs or jobs are queued or computed, which may want them."]
    for folder, what in ((home.tuning_folder, "searches of settings"), (home.sequences_folder, "sequences of requests")):
        if any(folder.glob("*.jsonl")):
            return [], [f"{stay}: the home has {what}, which may go on with them; remove those first."]
    stopped = ", ".join(f"'{status}'" for status in STOPPED)
    ends = store.db.read(f"select max(coalesce(finished_at, created_at)) as last from runs where status in ({stopped})")
    last = ends[0]["last"]
    wanted = [row for row in rows if type(last) is str and row.created <= last]
    notes = [f"{len(wanted):,} networks and statistics that no run has stay: runs that stopped may go on with them; delete those first."]
    return [row for row in rows if row not in wanted], notes if wanted else []


def _is_asked_for(store: ResultStore, row: Kept) -> bool:
    """Of a user's own weights, whether any run begins from them, also one that was deleted."""
    if row.kind != "own weights":
        return False
    hashed = json.dumps(row.file.partition(".")[0])[1:-1]
    tables = (("runs", "spec"), ("trash", "content"))
    return any(store.db.read(f"select 1 from {table} where instr({column}, ?) limit 1", (hashed,)) for table, column in tables)
