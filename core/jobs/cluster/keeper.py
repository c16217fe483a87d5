"""At the head: answers what nodes ask of the home, and writes what they report; no node ever opens the home's database."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
import hashlib
import os
from pathlib import Path
import threading
import time
from typing import Any

from filelock import BaseFileLock

from core.data.importing import store as imported
from core.data.name_order import composed
from core.domain.errors import WrongInput
from core.domain.extension_files import extension_files, extensions_folder
from core.domain.hyperparameters import Value
from core.domain.run import RunStatus
from core.jobs.catalogue import dataset_images
from core.jobs.cluster.files import SharedFolder
from core.storage import atomic
from core.storage.artifacts import Artifacts, Damaged
from core.storage.home import Home
from core.storage.queues import job_queue, lifecycle
from core.storage.runs import ResultStore
from core.tuning.desk import Desk

BLOCK = 2**25  # bytes that are sent at once of a set of images
LOG_MOST = 2**20  # bytes of a run's log that come from nodes
TOGETHER = 4  # files that are held in memory at once, on their way
COLUMNS = {"share", "stage", "note", "seconds_left", "forecast", "device", "node"}  # of a run's row, that a node writes
LEASE_SECONDS = 60.0  # after which a lease that nobody has asked about goes to the next: its node was lost


@dataclass
class Lease:
    """What is being made, by the attempt of which run; lock: held meanwhile, for processes of this machine who need the same; seen: when
    that attempt last reported, by `time.monotonic`.
    """

    holder: str
    lock: BaseFileLock
    seen: float = field(default_factory=time.monotonic)


class Keeper:
    """One a home; as a Ray actor it runs in a process of its own on the head's machine, its calls in threads."""

    def __init__(self, root: str, files: str, environment: Mapping[str, str]) -> None:
        """root: of the home. files: see `asked.Asked`. environment: of the supervisor, as far as it is heeded here."""
        os.environ.update(environment)
        self._home = Home(Path(root))
        self._artifacts = Artifacts(self._home.artifacts_folder)
        self._folder = SharedFolder(files) if files else None
        self._leases = dict[str, Lease]()
        self._copies = dict[str, str | None]()
        self._lock = threading.Lock()  # of leases and copies
        self._desks = dict[str, tuple[int, Desk]]()  # by search, of its last attempt
        self._opening = threading.Lock()
        self._loading, self._moving = threading.Lock(), threading.Semaphore(TOGETHER)

    # Shared parts.

    def kept(self, key: str, small: int = 0) -> dict[str, Any] | None:
        """The row, where its file is here; with its `content` where that has at most `small` bytes, which is whole then."""
        with ResultStore(self._home.database) as store:
            found = store.kept(key)
        if found is None:
            return None
        row = {"file": found.file, "seconds": found.seconds, "kind": found.kind}
        with suppress(WrongInput):  # a name that a damaged row gives
            if self._artifacts.size(found.file) > small:
                return row
            return row | {"content": self._artifacts.content(found.file)}
        return None

    def leave(self, rows: Sequence[tuple[str, str, str, float]], older: Sequence[tuple[str, str]], files: Mapping[str, bytes]) -> None:
        """Keep rows (key, kind, file, seconds), whose other files have come before, and forget what is older (see
        `ResultStore.forget_older`). Raises Damaged.
        """
        self.take(files)
        for file in {file for _, _, file, _ in rows} - files.keys():
            if not self._artifacts.has(file):
                raise Damaged(f"The file {file} did not arrive.")
        with ResultStore(self._home.database) as store:
            for kind, version in older:
                store.forget_older(kind, version)
            for row in rows:
                store.keep(*row)

    def lease(self, key: str, holder: str) -> bool:
        """Whether the holder may make what is kept under the key; one that has it already keeps it."""
        with self._lock:
            lease = self._leases.get(key)
            if lease is None and (lock := self._artifacts.begin_making(key)):
                self._leases[key] = Lease(holder, lock)
            elif lease and time.monotonic() - lease.seen > LEASE_SECONDS:
                self._leases[key] = Lease(holder, lease.lock)
            return key in self._leases and self._leases[key].holder == holder

    def end_lease(self, key: str, holder: str) -> None:
        """It is made, or is not going to be."""
        with self._lock:
            if (lease := self._leases.get(key)) and lease.holder == holder:
                self._leases.pop(key).lock.release()

    def gone(self, holder: str) -> None:
        """An attempt is over, however it ended."""
        with self._lock:
            for key in [key for key, lease in self._leases.items() if lease.holder == holder]:
                self._leases.pop(key).lock.release()

    # Files.

    def lacking(self, files: Sequence[str]) -> list[str]:
        """Those of them that are not here."""
        return [file for file in files if not self._artifacts.sound(file)]

    def read(self, file: str) -> bytes | None:
        """The content of a file that is here and whole."""
        with self._moving, suppress(Damaged):
            return self._artifacts.content(file)
        return None

    def take(self, files: Mapping[str, bytes]) -> None:
        """Name -> content. Raises Damaged where one is not what its name says."""
        with self._moving:
            for file, content in files.items():
                self._artifacts.take(file, content)

    def offer(self, file: str) -> bool:
        """Put it where nodes look for it; False where it is not here."""
        content = self.read(file)
        if content is None or self._folder is None:
            return False
        self._folder.give(file, content)
        return True

    def fetch(self, files: Sequence[str]) -> None:
        """Take what a node has left for the head. Raises Damaged."""
        for file in files:
            with self._moving:
                content = self._folder.get(file) if self._folder else None
                if content is None:
                    raise Damaged(f"The file {file} was not found where nodes leave theirs.")
                self._artifacts.take(file, content)

    # What a run reads besides.

    def dataset(self, key: str) -> str | None:
        """A file with the arrays of a set of the shelf; None where it is not here either."""
        with self._loading:
            if key not in self._copies or not self._artifacts.has(self._copies[key] or ""):
                try:
                    self._copies[key] = self._artifacts.put_arrays(dataset_images(self._home.root, key))
                except WrongInput:
                    return None
            return self._copies[key]

    def dataset_files(self, key: str) -> dict[str, tuple[int, str]]:
        """Of a set that the user added: the name of each of its files -> bytes and SHA-256. Raises WrongInput where it is gone."""
        folder = self._added(key)
        return {path.relative_to(folder).as_posix(): _about(path) for path in sorted(folder.rglob("*")) if path.is_file()}

    def dataset_block(self, key: str, name: str, start: int) -> bytes:
        """At most `BLOCK` bytes of one of these files."""
        folder = self._added(key)
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise WrongInput("A file of the set was wanted.")
        with open(path, "rb") as stream:
            stream.seek(start)
            return stream.read(BLOCK)

    def _added(self, key: str) -> Path:
        folder = self._home.datasets_folder / key
        if not imported.KEY.fullmatch(key) or not folder.is_dir():
            raise imported.absent(key)
        return folder

    def extensions(self) -> dict[str, bytes]:
        """The files of the folder of extensions, by their place in it."""
        folder = extensions_folder()
        files = [file for one in extension_files() for file in one.files]
        return {composed(file.relative_to(folder).as_posix()): file.read_bytes() for file in files if file.is_relative_to(folder)}

    # Reports.

    def report(self, run_id: str, attempt: int, told: dict[str, Any]) -> bool:
        """Where a run stands; False where nobody wants it any more. told: columns of its row; `log` and `curves` as bytes; `begins`: that
        its process does now, for which the node had to get ready first.
        """
        log, curves = told.pop("log", b""), told.pop("curves", b"")
        begins = told.pop("begins", False)
        if not told.keys() <= COLUMNS:
            raise WrongInput(f"A node reports {', '.join(sorted(COLUMNS))}; got {', '.join(sorted(told)):.200}.")
        if begins:
            told["started_at"] = lifecycle.now()
        with ResultStore(self._home.database) as store:
            store.existing(run_id)
            if told and not lifecycle.change_one(store.db, lifecycle.RUNS, run_id, attempt, **told):
                return False
            wanted = not lifecycle.is_unwanted(store.db, lifecycle.RUNS, run_id, attempt)
        if curves:
            atomic.write(self._home.curves(run_id), curves)
        self._log(run_id, log)
        self._lives(holder_of(run_id, attempt))
        return wanted

    def _log(self, row_id: str, said: bytes) -> None:
        if said:
            _append(self._home.log(row_id), said)

    def _lives(self, holder: str) -> None:
        """Its leases hold on."""
        with self._lock:
            for lease in self._leases.values():
                if lease.holder == holder:
                    lease.seen = time.monotonic()

    # Trials of a search, each made by a maker: see `core.tuning.desk`.

    def next_trial(self, search_id: str, attempt: int, maker: str, seconds: float) -> tuple[int, dict[str, Value]] | None:
        """See `Desk.ask`; None also where nobody wants the search any more. While runs wait, one maker stays. Raises WrongInput."""
        if not self._search_says(search_id, attempt):
            return None
        desk = self._desk(search_id, attempt)
        with ResultStore(self._home.database) as store:
            runs_wait = lifecycle.has(store.db, lifecycle.RUN, RunStatus.QUEUED)
        if found := desk.ask(maker, seconds, leave=runs_wait):
            share, what = desk.standing()
            self._search_says(search_id, attempt, share=share, stage=what)
        return found

    def trial_made(self, search_id: str, attempt: int, trial: dict[str, Any]) -> None:
        """See `Desk.tell`; nothing where nobody wants the search any more. Raises WrongInput."""
        if self._search_says(search_id, attempt):
            self._desk(search_id, attempt).tell(trial)

    def prepares(self, search_id: str, attempt: int, share: float, what: str) -> bool:
        """How far a maker is before its first trial; told as the search's progress before the first of all. False as of `report`."""
        begun = search_id in self._desks and self._desks[search_id][0] == attempt
        return self._search_says(search_id, attempt, **({} if begun else {"share": share, "stage": what}))

    def trials_report(self, search_id: str, attempt: int, maker: str, said: bytes) -> bool:
        """That a maker lives, and what it printed; False as of `report`."""
        if wanted := self._search_says(search_id, attempt):
            self._log(search_id, said)
            self._lives(holder_of(maker, attempt))
        return wanted

    def maker_gone(self, search_id: str, attempt: int, maker: str) -> None:
        """See `Desk.gone`, and `gone`."""
        self.gone(holder_of(maker, attempt))
        with self._opening:
            of_attempt, desk = self._desks.get(search_id, (0, None))
        if desk and of_attempt == attempt:
            desk.gone(maker)

    def search_over(self, search_id: str) -> None:
        """Whoever computes it next may."""
        with self._opening:
            if found := self._desks.pop(search_id, None):
                found[1].close()

    def _desk(self, search_id: str, attempt: int) -> Desk:
        """Raises WrongInput where another process computes the search."""
        with self._opening:
            of_attempt, desk = self._desks.get(search_id, (0, None))
            if desk is None or of_attempt != attempt:
                if desk:
                    del self._desks[search_id]
                    desk.close()
                desk = Desk(self._home, search_id)
                self._desks[search_id] = attempt, desk
            return desk

    def _search_says(self, search_id: str, attempt: int, **told: Any) -> bool:
        """Store it; whether the search's attempt is still wanted."""
        with ResultStore(self._home.database) as store:
            if wanted := job_queue.is_wanted(store.db, search_id, attempt):
                wanted = not told or lifecycle.change_one(store.db, lifecycle.JOBS, search_id, attempt, **told)
            return wanted


def holder_of(run_id: str, attempt: int) -> str:
    """The name by which an attempt holds leases."""
    return f"{run_id}/{attempt}"


def _append(log: Path, said: bytes) -> None:
    """At the end of a log; of one that grows too long the first half goes: what went wrong stands at its end."""
    with open(log, "ab") as stream:
        stream.write(said)
        length = stream.tell()
    if length > LOG_MOST:
        log.write_bytes(log.read_bytes()[-LOG_MOST // 2 :])


def _about(path: Path) -> tuple[int, str]:
    with open(path, "rb") as stream:
        return path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()
